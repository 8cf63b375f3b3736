-- From deliveries to desired states and jobs, a whole batch in one statement and one commit.

-- name: webhook_projects
-- Which projects a repository has, for a batch of deliveries at once.
select id, lower(repo_full_name) as repo, rules, deleting_at is not null as deleting
from projects
where lower(repo_full_name) = any ($1::text[])
order by id;

-- name: webhook_ingest
-- Per delivery: $1 id, $2 digests, $3 event, $4 action, $5 repository in lower case, $6 pr number or null, $7 outcome, $8 reason,
-- $9 decisions (JSON), $10 payloads. Per (delivery, project): $11 delivery id, $12 project, $13 new preview id, $14 when that was
-- made (so that ids and times have one order), $15 new job id, $16 desired, $17 deciding rule, and of the pull request:
-- $18 number, $19 sha, $20 sha before the push, $21 branch, $22 base branch, $23 title, $24 author, $25 html url, $26 from a fork,
-- $27 open, $28 updated_at, $29 was reopened by this event, $30 the wishes of people that stand against it while the commit is the
-- same (core/model/wishes.h), $31 made by a bot. One pull request, one id and one digest come at most once in a batch.
-- $32 who asked for replays and previews in the batch (JSON, see deliveries.c), or null.
-- An event older than what is known changes nothing. Within one second, the unit of GitHub's clock, closed wins over
-- open unless it is the reopening, and a push that is what the known one replaced is the older of the two.
-- The delivery is written behind its previews, so that its row says whether it was stale. One that another process stores at the
-- same moment violates a unique key: nothing of the batch is written then, and the second try finds it known.
with fresh as (
	select array_agg(i.id) as ids
	from unnest($1::text[], $2::bytea[]) as i (id, digest)
	-- one by one through the keys: as a join it might be planned, while the table is small, to read all of it
	where (select true from deliveries o where o.id = i.id) is null and (select true from deliveries o where o.digest = i.digest) is null
), wanted as (
	select w.*
	from unnest($11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::text[], $16::text[], $17::text[], $18::int[],
		$19::text[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::bool[], $27::bool[],
		$28::timestamptz[], $29::bool[], $30::text[], $31::bool[])
		as w (delivery_id, project_id, preview_id, made_at, job_id, desired, why, pr_number, sha, before_sha, branch, base_branch,
			title, author, html_url, from_fork, open, updated_at, reopened, kept, from_bot)
	where w.delivery_id = any ((select ids from fresh)::text[])
), preview as (
	insert into previews as p (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open,
		pr_updated_at, reopened, desired, desired_why, sha, before_sha, changed_by, settled_generation, status, detail, visible,
		created_at, from_bot, sha_at)
	select preview_id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, open, updated_at, reopened,
		desired, why, sha, before_sha, delivery_id,
		case when desired = 'destroyed' then 1 else 0 end,
		case when desired = 'destroyed' then 'DESTROYED' else 'QUEUED' end,
		case desired when 'destroyed' then 'SKIPPED' when 'held' then 'AWAITING_APPROVAL' else 'WAITING' end,
		desired <> 'destroyed', made_at, from_bot, updated_at
	from wanted
	order by project_id, pr_number -- one order for all batches: no deadlock
	on conflict (project_id, pr_number) do update set
		title = excluded.title,
		branch = excluded.branch,
		base_branch = excluded.base_branch,
		author = excluded.author,
		html_url = excluded.html_url,
		from_fork = excluded.from_fork,
		from_bot = excluded.from_bot,
		sha_at = case when p.sha = excluded.sha then p.sha_at else excluded.sha_at end,
		pr_open = excluded.pr_open,
		pr_updated_at = excluded.pr_updated_at,
		reopened = excluded.reopened,
		before_sha = case when excluded.before_sha <> '' then excluded.before_sha else p.before_sha end,
		(desired, desired_why, sha, generation, changed_by, status, detail, error_reason, message) = (
			select k.desired, k.why, excluded.sha,
				p.generation + k.changed::int,
				case when k.changed then excluded.changed_by else p.changed_by end,
				case when k.changed and k.desired <> 'destroyed' then 'QUEUED' else p.status end,
				case
					when not k.changed or (k.desired = 'destroyed' and p.status = 'DESTROYED') then p.detail
					when k.desired = 'destroyed' then 'DESTROYING'
					when k.desired = 'held' then 'AWAITING_APPROVAL'
					else 'WAITING' end,
				case when not k.changed then p.error_reason end,
				case when not k.changed then p.message end
			from wanted w,
				lateral (select p.sha = excluded.sha and p.desired_why = any (string_to_array(w.kept, ',')) as stands) s,
				lateral (select case when stands then p.desired else excluded.desired end as desired,
					case when stands then p.desired_why else excluded.desired_why end as why,
					p.sha <> excluded.sha or (not stands and p.desired <> excluded.desired) as changed) k
			where w.preview_id = excluded.id
		),
		visible = p.visible or excluded.visible,
		updated_at = now()
	where excluded.pr_updated_at > p.pr_updated_at
		or (excluded.pr_updated_at = p.pr_updated_at
			and (p.pr_open or not excluded.pr_open or excluded.reopened)
			and (p.before_sha = '' or excluded.sha <> p.before_sha))
	returning id, project_id, pr_number, generation, settled_generation, changed_by
), job as (
	insert into jobs as j (id, queue, kind, key)
	select w.job_id, 'preview-queue', 'reconcile', p.id
	from preview p join wanted w on w.project_id = p.project_id and w.pr_number = p.pr_number
	where p.changed_by = w.delivery_id and p.settled_generation < p.generation
	order by p.id
	on conflict (kind, key) do update set
		again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end,
		run_at = now(), attempts = 0, crashes = 0, last_error = null
	returning id, state
), stale as (
	select array_agg(w.delivery_id) as ids
	from wanted w left join preview p on p.project_id = w.project_id and p.pr_number = w.pr_number
	where p.id is null
), delivery as (
	insert into deliveries (id, digest, event, action, repo_full_name, pr_number, outcome, reason, decisions, payload)
	select i.id, i.digest, i.event, i.action, i.repo_full_name, i.pr_number,
		case when i.id = any (s.ids) then 'stale' else i.outcome end,
		case when i.id = any (s.ids) then 'newer events of this pull request are known' else i.reason end,
		i.decisions, i.payload
	from stale s, unnest($1, $2, $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::bytea[])
		as i (id, digest, event, action, repo_full_name, pr_number, outcome, reason, decisions, payload)
	where i.id = any ((select ids from fresh)::text[])
	returning id, digest, outcome, reason
)
-- `known`: where it is stored; another delivery's id when this one is a copy of it.
select i.nr,
	coalesce(d.id, (select o.id from deliveries o where o.id = i.id), (select o.id from deliveries o where o.digest = i.digest), i.id) as known,
	d.id is not null as stored,
	d.outcome,
	d.reason,
	case when i.nr = 1 then (select string_agg(id, ',') from job where state = 'waiting') end as jobs,
	case when i.nr = 1 and $32::text is not null then (
		select count(audit_add(a.id, a.org, a.who, case when a.replay_of = '' then 'deployment.request' else 'delivery.replay' end, 'delivery', r.id,
			a.project, null, jsonb_strip_nulls(jsonb_build_object('replayOf', nullif(a.replay_of, ''), 'outcome', r.outcome))))
		from jsonb_to_recordset($32::jsonb) as a (delivery text, id text, org text, who text[], project text, replay_of text)
			join delivery r on r.id = a.delivery) end as "_audit"
from unnest($1, $2) with ordinality as i (id, digest, nr) -- without the payloads, which are large
	left join delivery d on d.id = i.id
order by i.nr;
