-- Decoys of forks.

-- name: decoy_visit
-- Somebody was at a decoy's address. The first time it freezes the preview and tells its project; later visits are counted. $1 SHA-256
-- of the token; for the audit: $2 row id, $3 who, whose fourth is the address that it came from.
with l as materialized ( -- the preview first: the order in which a deletion locks them
	select id from previews where id = (select preview_id from decoys where token_hash = $1::bytea) for no key update
), d as (
	update decoys set visits = visits + 1, first_at = coalesce(first_at, now()), last_at = now()
	from l where token_hash = $1 and preview_id = l.id
	returning preview_id, attempt_id, sha, visits, last_at
), w as (
	select d.*, 'the decoy OPSHUB_DEPLOY_KEY_URL, which only the deployment of ' || substr(d.sha, 1, 12) || ' was given, was used at '
		|| iso_time(d.last_at) || ' from ' || coalesce(nullif(($3::text[])[4], ''), 'an unknown address')
		|| ': whoever wrote that commit, or can read its preview, sent its variables elsewhere. Nothing more of this pull request '
		|| 'is deployed until a MAINTAINER unfreezes it' as why
	from d where d.visits = 1
), p as (
	update previews p set frozen_at = coalesce(p.frozen_at, w.last_at), frozen_why = w.why, updated_at = now()
	from w where p.id = w.preview_id
	returning p.id, p.project_id, p.pr_number, p.title, p.branch, p.base_branch, p.author, p.html_url, p.status, p.detail, p.provider
), e as (
	insert into deploy_events (id, project_id, preview_id, attempt_id, stage, message)
	select 'evt_' || substr($2::text, 7), p.project_id, p.id, w.attempt_id, 'FROZEN', w.why from p, w
), n as (
	insert into notifications (id, notifier_id, kind, thread_key, facts)
	select 'note_' || replace(gen_random_uuid()::text, '-', ''), c.id, 'preview.decoy', '',
		jsonb_build_object('status', p.status, 'detail', p.detail, 'prNumber', p.pr_number, 'title', p.title, 'branch', p.branch,
			'baseBranch', p.base_branch, 'sha', w.sha, 'author', p.author, 'prUrl', p.html_url, 'provider', p.provider,
			'message', w.why, 'deploymentId', p.id)
	from p cross join w join project_notifiers c on c.project_id = p.project_id and c.enabled
	order by c.id
)
select p.id as "deploymentId", p.project_id as "projectId", p.pr_number as "prNumber", w.sha, w.attempt_id as "attemptId",
	audit_add($2, r.org_id, $3, 'decoy.use', 'deployment', p.id, p.project_id, null,
		jsonb_build_object('sha', w.sha, 'attempt', w.attempt_id, 'frozen', true)) as "_audit"
from p cross join w join projects r on r.id = p.project_id;

-- name: deployment_unfreeze
-- What is wanted by now and not there gets its job back. $1 preview, $2 new job id; for the audit: $3 row id, $4 who. No row: nothing
-- froze it.
with old as (
	select p.id, p.project_id, r.org_id, p.frozen_at, p.frozen_why from previews p join projects r on r.id = p.project_id
	where p.id = $1::text and p.frozen_at is not null
	for no key update of p
), p as (
	update previews p set frozen_at = null, frozen_why = '',
		detail = case when p.detail = 'FROZEN' then 'WAITING' else p.detail end,
		message = case when p.detail = 'FROZEN' then null else p.message end, updated_at = now()
	from old where p.id = old.id
	returning p.id, p.status, p.detail, p.generation, p.settled_generation
), job as (
	insert into jobs as j (id, queue, kind, key)
	select $2::text, 'preview-queue', 'reconcile', id from p where settled_generation < generation
	on conflict (kind, key) do update set again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now()
	returning id, state
)
select p.id, p.status, p.detail, p.generation, (select job.id from job where job.state = 'waiting') as "_job",
	audit_add($3::text, old.org_id, $4::text[], 'deployment.unfreeze', 'deployment', p.id, old.project_id,
		jsonb_build_object('frozenAt', iso_time(old.frozen_at), 'reason', old.frozen_why), jsonb_build_object('frozenAt', null)) as "_audit"
from p, old;
