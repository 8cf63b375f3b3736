-- Forks that somebody at GitHub wants to have deployed.

-- name: approval_ask
-- $1 id, $2 delivery, $3 repository in lower case, $4 pull request, $5 commit, $6 way, $7 label, $8 login, $9 association, $10 when,
-- $11 job id. Nothing when no project listens to it, or when it was asked before.
with a as (
	insert into approvals (id, delivery_id, repo, pr_number, sha, way, label, login, association, said_at)
	select $1::text, $2::text, $3::text, $4::int, $5::text, $6::text, $7::text, $8::text, $9::text, $10::timestamptz
	where exists (select 1 from projects where lower(repo_full_name) = $3 and deleting_at is null
		and ($6 = 'comment' or lower(rules ->> 'approveLabel') = lower($7)))
	on conflict (delivery_id) do nothing
	returning id
)
insert into jobs (id, queue, kind, key)
select $11::text, 'preview-queue', 'approval', id from a
on conflict (kind, key) do nothing
returning id;

-- name: approval_load
-- $1 id. A row for each preview that is held and was meant, or one without: its pull request may not have been heard of yet.
select a.repo, a.sha, a.way, a.login, a.association, a.created_at, now() as now, v.id as preview, v.sha as stands,
	coalesce((extract(epoch from a.said_at - v.sha_at) * 1000)::bigint, -1) as stood_ms
from approvals a left join lateral (
	select v.id, v.sha, v.sha_at
	from projects r join previews v on v.project_id = r.id
	where lower(r.repo_full_name) = a.repo and v.pr_number = a.pr_number and v.desired = 'held' and v.desired_why = 'FORK'
		and v.pr_open and r.deleting_at is null and (a.way = 'comment' or lower(r.rules ->> 'approveLabel') = lower(a.label))
	order by v.id
	limit 1000
) v on true
where a.id = $1::text;

-- name: approval_refuse
-- $1 preview, $2 event id, $3 sentence: shown with the preview while it is held.
with p as (
	update previews set message = $3::text, updated_at = now()
	where id = $1::text and desired = 'held' and desired_why = 'FORK'
	returning id, project_id
)
insert into deploy_events (id, project_id, preview_id, stage, message)
select $2::text, project_id, id, 'APPROVAL_REFUSED', $3 from p;

-- name: approval_granted
-- $1 preview, $2 event id, $3 sentence.
insert into deploy_events (id, project_id, preview_id, stage, message)
select $2::text, project_id, id, 'APPROVED', $3::text from previews where id = $1::text;

-- name: approval_done
delete from approvals where id = $1::text;
