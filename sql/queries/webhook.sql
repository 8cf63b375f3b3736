-- From a delivery to a desired state and a job, in one statement.

-- name: webhook_projects
-- Which projects a repository has, for a batch of deliveries at once.
select id, lower(repo_full_name) as repo, rules
from projects
where lower(repo_full_name) = any ($1::text[])
order by id;

-- name: webhook_ingest
-- $1 delivery id, $2 digest, $3 event, $4 action, $5 repository, $6 pr number or null, $7 outcome, $8 reason,
-- $9 decisions (JSON), $10 payload; per project: $11 project ids, $12 new preview ids, $13 desired, $14 deciding rules,
-- $15 new job ids; of the pull request: $16 sha, $17 sha before the push, $18 branch, $19 base branch, $20 title,
-- $21 author, $22 html url, $23 from a fork, $24 open, $25 updated_at, $26 was reopened by this event;
-- per project again: $27 when the preview's id was made, so that ids and times have one order.
-- An event older than what is known changes nothing. Within one second, the unit of GitHub's clock, closed wins over
-- open unless it is the reopening, and a push that is what the known one replaced is the older of the two.
with delivery as (
	insert into deliveries (id, digest, event, action, repo_full_name, pr_number, outcome, reason, decisions, payload)
	values ($1::text, $2::bytea, $3::text, $4::text, $5::text, $6::int, $7::text, $8::text, $9::jsonb, $10::bytea)
	on conflict do nothing
	returning id
), wanted as (
	select w.*
	from delivery, unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $27::timestamptz[])
		as w (project_id, preview_id, desired, why, job_id, made_at)
), preview as (
	insert into previews as p (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open,
		pr_updated_at, desired, desired_why, sha, before_sha, changed_by, settled_generation, status, detail, visible, created_at)
	select preview_id, project_id, $6, $20::text, $18::text, $19::text, $21::text, $22::text, $23::bool, $24::bool,
		$25::timestamptz, desired, why, $16::text, $17::text, $1,
		case when desired = 'destroyed' then 1 else 0 end,
		case when desired = 'destroyed' then 'DESTROYED' else 'QUEUED' end,
		case desired when 'destroyed' then 'SKIPPED' when 'held' then 'AWAITING_APPROVAL' else 'WAITING' end,
		desired <> 'destroyed', made_at
	from wanted
	on conflict (project_id, pr_number) do update set
		title = excluded.title,
		branch = excluded.branch,
		base_branch = excluded.base_branch,
		author = excluded.author,
		html_url = excluded.html_url,
		from_fork = excluded.from_fork,
		pr_open = excluded.pr_open,
		pr_updated_at = excluded.pr_updated_at,
		desired_why = excluded.desired_why,
		before_sha = case when excluded.before_sha <> '' then excluded.before_sha else p.before_sha end,
		generation = p.generation + (p.desired <> excluded.desired or p.sha <> excluded.sha)::int,
		changed_by = case when p.desired <> excluded.desired or p.sha <> excluded.sha then excluded.changed_by else p.changed_by end,
		status = case
			when p.desired = excluded.desired and p.sha = excluded.sha then p.status
			when excluded.desired = 'destroyed' then p.status
			else 'QUEUED' end,
		detail = case
			when p.desired = excluded.desired and p.sha = excluded.sha then p.detail
			when excluded.desired = 'destroyed' and p.status = 'DESTROYED' then p.detail
			when excluded.desired = 'destroyed' then 'DESTROYING'
			when excluded.desired = 'held' then 'AWAITING_APPROVAL'
			else 'WAITING' end,
		error_reason = case when p.desired = excluded.desired and p.sha = excluded.sha then p.error_reason end,
		message = case when p.desired = excluded.desired and p.sha = excluded.sha then p.message end,
		visible = p.visible or excluded.visible,
		desired = excluded.desired,
		sha = excluded.sha,
		updated_at = now()
	where excluded.pr_updated_at > p.pr_updated_at
		or (excluded.pr_updated_at = p.pr_updated_at
			and (p.pr_open or not excluded.pr_open or $26::bool)
			and (p.before_sha = '' or excluded.sha <> p.before_sha))
	returning id, project_id, desired, generation, settled_generation, changed_by
), job as (
	insert into jobs as j (id, queue, kind, key)
	select w.job_id, 'preview-queue', 'reconcile', p.id
	from preview p join wanted w using (project_id)
	where p.changed_by = $1 and p.settled_generation < p.generation
	on conflict (kind, key) do update set
		again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end,
		run_at = now(), crashes = 0, last_error = null
	returning id, state
)
select (select id from delivery) as id,
	(select id from deliveries where id = $1 or digest = $2 limit 1) as known,
	(select count(*) from wanted) as wanted,
	(select count(*) from preview) as written,
	(select array_to_string(array_agg(id), ',') from job where state = 'waiting') as jobs;
