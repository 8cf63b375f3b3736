-- Previews as the API shows them.

-- name: deployments_list
-- $1 project, $2 and $3 id and time of the last one seen (keyset), $4 how many.
select id, pr_number as "prNumber", title, branch, sha, provider, status, detail, url, error_reason as "errorReason", message,
	attempts, html_url as "htmlUrl", created_at as "createdAt", ready_at as "readyAt", destroyed_at as "destroyedAt", expires_at as "expiresAt"
from previews
where project_id = $1::text and (created_at, id) < ($3::timestamptz, $2::text) and visible
order by created_at desc, id desc
limit $4::int;

-- name: deployments_of_status
-- The same of one status, which has an index of its own: $5.
select id, pr_number as "prNumber", title, branch, sha, provider, status, detail, url, error_reason as "errorReason", message,
	attempts, html_url as "htmlUrl", created_at as "createdAt", ready_at as "readyAt", destroyed_at as "destroyedAt", expires_at as "expiresAt"
from previews
where project_id = $1::text and (created_at, id) < ($3::timestamptz, $2::text) and visible and status = $5::text
order by created_at desc, id desc
limit $4::int;

-- name: deployments_of_pr
-- $1 project, $2 pull request.
select id, pr_number as "prNumber", title, branch, sha, provider, status, detail, url, error_reason as "errorReason", message,
	attempts, html_url as "htmlUrl", created_at as "createdAt", ready_at as "readyAt", destroyed_at as "destroyedAt", expires_at as "expiresAt"
from previews
where project_id = $1::text and pr_number = $2::int and visible;

-- name: deployment_get
-- $1 id. Columns that begin with _ are for us, not for the answer.
select p.id, p.project_id as "projectId", p.pr_number as "prNumber", p.title, p.branch, p.base_branch as "baseBranch", p.sha,
	p.author, p.from_fork as "fromFork", p.provider, p.status, p.detail, p.url, p.error_reason as "errorReason", p.message,
	p.attempts, p.html_url as "htmlUrl", p.desired, p.generation,
	a.id as "attemptId", a.provider_id as "providerDeploymentId", a.inspector_url as "inspectorUrl",
	p.created_at as "createdAt", p.updated_at as "updatedAt", p.ready_at as "readyAt", p.destroyed_at as "destroyedAt",
	p.expires_at as "expiresAt", p.frozen_at as "frozenAt", nullif(p.frozen_why, '') as "frozenReason", p.pr_open as "_open"
from previews p left join preview_attempts a on a.id = p.attempt_id
where p.id = $1::text and p.visible;

-- name: deployment_logs
-- $1 preview, $2 attempt or null for the newest, $3 after this number, $4 how many.
select l.attempt_id as "attemptId", l.seq, l.text, l.created_at as "createdAt"
from build_logs l
where l.attempt_id = coalesce((select a.id from preview_attempts a where a.id = $2::text and a.preview_id = $1::text),
		(select p.attempt_id from previews p where p.id = $1 and $2 is null))
	and l.seq > $3::int
order by l.seq
limit $4::int;

-- name: deployment_events
-- $1 preview, $2 before this id, $3 how many.
select id, attempt_id as "attemptId", stage, message, duration_ms as "durationMs", created_at as "createdAt"
from deploy_events
where preview_id = $1::text and id < $2::text
order by id desc
limit $3::int;

-- name: deployment_want
-- A person's wish. $1 preview, $2 desired, $3 rule word, $4 detail, $5 who asked, $6 new job id, $7 statuses in which it makes sense,
-- $8 the pull request must be open, $9 who asks may approve forks; for the audit: $10 row id, $11 who, $12 action; $13 the commit that
-- is approved, or null: only a fork that is held at exactly this one. Nothing is returned when it does not, or when it would deploy what is frozen.
with old as (
	select p.id, p.project_id, r.org_id, p.desired, p.status, p.detail, p.sha from previews p join projects r on r.id = p.project_id
	where p.id = $1::text
		and ($2::text <> 'deployed' or not exists (select 1 from organizations o where o.id = r.org_id and o.frozen_at is not null))
		and ($2 <> 'deployed' or p.frozen_at is null)
), p as (
	update previews p set desired = $2::text, desired_why = $3::text, generation = p.generation + 1, changed_by = $5::text,
		status = case when $2 = 'deployed' then 'QUEUED' else p.status end, detail = $4::text,
		error_reason = null, message = null, updated_at = now()
	where p.id = (select id from old) and p.status = any ($7::text[]) and (p.pr_open or not $8::bool)
		and ($2 = 'destroyed' or not exists (select 1 from projects r where r.id = p.project_id and r.deleting_at is not null))
		and ($2 <> 'deployed' or not p.from_fork or $9::bool)
		and (p.desired <> $2 or $2 = 'deployed' or p.detail in ('DEAD', 'DESTROY_FAILED'))
		and ($13::text is null or (p.sha = $13 and p.desired = 'held' and p.desired_why = 'FORK'))
	returning p.id, p.desired, p.status, p.detail, p.generation
), job as (
	insert into jobs as j (id, queue, kind, key)
	select $6::text, 'preview-queue', 'reconcile', id from p
	on conflict (kind, key) do update set again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now(), attempts = 0, crashes = 0,
		last_error = null
	returning id, state
)
select p.id, p.status, p.detail, p.generation, case when job.state = 'waiting' then job.id end as "_job",
	audit_add($10::text, old.org_id, $11::text[], $12::text, 'deployment', p.id, old.project_id,
		jsonb_build_object('desired', old.desired, 'status', old.status, 'detail', old.detail),
		jsonb_strip_nulls(jsonb_build_object('desired', p.desired, 'status', p.status, 'detail', p.detail, 'sha', $13))) as "_audit"
from p, old, job;

-- name: deployment_held
-- Why an approval was not taken: what stands there now. $1 preview.
select sha, desired = 'held' and desired_why = 'FORK' as held from previews where id = $1::text;

-- name: deployment_extend
-- It stays for $2 ms from now on, or for as long as it would anyway. $1 preview; for the audit: $3 row id, $4 who. No row: it is
-- not wanted, or stays until somebody takes it away.
with old as (
	select p.id, p.project_id, r.org_id, p.expires_at from previews p join projects r on r.id = p.project_id
	where p.id = $1::text and p.desired = 'deployed' and p.expires_at is not null
	for no key update of p
), p as (
	update previews p set expires_at = greatest(p.expires_at, now() + $2::bigint * interval '1 ms'), updated_at = now()
	from old where p.id = old.id
	returning p.id, p.status, p.detail, p.generation, p.expires_at
)
select p.id, p.status, p.detail, p.generation, p.expires_at as "expiresAt",
	audit_add($3::text, old.org_id, $4::text[], 'deployment.extend', 'deployment', p.id, old.project_id,
		jsonb_build_object('expiresAt', iso_time(old.expires_at)), jsonb_build_object('expiresAt', iso_time(p.expires_at))) as "_audit"
from p, old;
