-- Taking projects and organizations down, by the workers. Each statement can be run again, by any of them, at any time.

-- name: deletion_take_down
-- Previews of projects that are being deleted and still want to be something get told. $1 one project, one organization's projects
-- ($2), or both null for all; $3 how many at most.
with doomed as (
	select v.id
	from previews v join projects p on p.id = v.project_id
	where p.deleting_at is not null and v.desired <> 'destroyed' and ($1::text is null or p.id = $1) and ($2::text is null or p.org_id = $2)
	order by v.id
	limit $3::int
	for update of v skip locked
), v as (
	update previews v set desired = 'destroyed', desired_why = 'DELETING', generation = v.generation + 1, changed_by = 'deletion',
		detail = case when v.status = 'DESTROYED' then v.detail else 'DESTROYING' end,
		error_reason = null, message = null, updated_at = now()
	from doomed where v.id = doomed.id
	returning v.id
)
insert into jobs as j (id, queue, kind, key)
select 'job_' || substr(id, 8), 'preview-queue', 'reconcile', id from v order by id
on conflict (kind, key) do update set again = j.state = 'active',
	state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now(), attempts = 0, crashes = 0,
	last_error = null
returning id, queue, state;

-- name: deletion_previews
-- Previews of projects of which nothing is left at any provider, with their attempts, logs and events. A webhook that was read before
-- the project was marked has been written after ten seconds. $1 how many.
with done as (
	select p.id from projects p
	where p.deleting_at < now() - interval '10 s'
		and not exists (select 1 from previews v where v.project_id = p.id
			and (v.desired <> 'destroyed' or v.settled_generation < v.generation
				or exists (select 1 from preview_attempts a where a.preview_id = v.id and a.state <> 'gone')))
	order by p.id
	limit 100
)
delete from previews
where id = any (array(select v.id from previews v join done on done.id = v.project_id limit $1::int for update of v skip locked))
returning id;

-- name: deletion_project
-- One project without previews. Audit: $1 row id, $2 who.
with p as (
	delete from projects where id = (select p.id from projects p
		where p.deleting_at < now() - interval '10 s' and not exists (select 1 from previews v where v.project_id = p.id)
		limit 1 for update skip locked)
	returning id, org_id, name
)
select id, audit_add($1::text, org_id, $2::text[], 'project.deleted', 'project', id, id, jsonb_build_object('name', name), null) as "_audit"
from p;

-- name: deletion_organization
-- One organization without projects, with its members and invitations. Its audit stays. Audit: $1 row id, $2 who.
with o as (
	delete from organizations where id = (select o.id from organizations o
		where o.deleting_at is not null and not exists (select 1 from projects p where p.org_id = o.id)
		limit 1 for update skip locked)
	returning id, name
)
select id, audit_add($1::text, id, $2::text[], 'organization.deleted', 'organization', id, null, jsonb_build_object('name', name), null)
	as "_audit"
from o;

-- name: deletion_invitations
-- Those that ran out a month ago. $1 how many.
delete from invitations where id = any (array(select id from invitations where expires_at < now() - interval '30 days' limit $1::int));
