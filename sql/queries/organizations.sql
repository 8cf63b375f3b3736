-- Organizations, as the API shows them. Columns that begin with _ are for us, not for the answer.

-- name: organizations_list
-- $1 user, $2 before this id, $3 how many, $4 only the organization of this project, and only the project, or null.
select o.id, o.name, o.slug, o.description, m.role,
	case when o.deleting_at is not null then 'deleting' when o.frozen_at is not null then 'locked' else 'active' end as status,
	(select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'repoFullName', p.repo_full_name) order by p.id desc), '[]')
		from (select id, name, repo_full_name from projects where org_id = o.id and ($4::text is null or id = $4) order by id desc
			limit 100) p) as projects,
	o.created_at as "createdAt"
from members m join organizations o on o.id = m.org_id
where m.user_id = $1::text and o.id < $2::text
	and ($4 is null or exists (select 1 from projects p where p.id = $4 and p.org_id = o.id))
order by o.id desc
limit $3::int;

-- name: organization_get
-- $1 id, $2 user.
select o.id, o.name, o.slug, o.description, m.role,
	case when o.deleting_at is not null then 'deleting' when o.frozen_at is not null then 'locked' else 'active' end as status,
	(select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'repoFullName', p.repo_full_name) order by p.id desc), '[]')
		from (select id, name, repo_full_name from projects where org_id = o.id order by id desc limit 100) p) as projects,
	o.created_at as "createdAt"
from organizations o join members m on m.org_id = o.id and m.user_id = $2::text
where o.id = $1::text;

-- name: organization_create
-- $1 id, $2 name, $3 slug, $4 description, $5 user who becomes its owner, $6 most organizations he may own; audit: $7 row id, $8 who.
-- No row: he owns that many.
with o as (
	insert into organizations (id, name, slug, description)
	select $1::text, $2::text, $3::text, $4::text
	where (select count(*) from members where user_id = $5::text and role = 'OWNER') < $6::int
	returning id, name, slug, description, created_at
), m as (
	insert into members (org_id, user_id, role) select id, $5, 'OWNER' from o
)
select o.id, o.name, o.slug, o.description, 'OWNER' as role, 'active' as status, '[]'::jsonb as projects, o.created_at as "createdAt",
	audit_add($7::text, o.id, $8::text[], 'organization.create', 'organization', o.id, null, null,
		jsonb_build_object('name', o.name, 'slug', o.slug, 'description', o.description)) as "_audit"
from o;

-- name: organization_update
-- $1 id; null leaves a column as it is: $2 name, $3 slug, $4 description; audit: $5 row id, $6 who. No row: it is being deleted.
with old as (
	select id, jsonb_build_object('name', name, 'slug', slug, 'description', description) as was
	from organizations where id = $1::text and deleting_at is null for no key update
), o as (
	update organizations o set name = coalesce($2::text, o.name), slug = coalesce($3::text, o.slug),
		description = coalesce($4::text, o.description)
	from old where o.id = old.id
	returning o.id, jsonb_build_object('name', o.name, 'slug', o.slug, 'description', o.description) as became
)
select audit_add($5::text, o.id, $6::text[], 'organization.update', 'organization', o.id, null,
	differing(old.was, o.became), differing(o.became, old.was)) as "_audit"
from o join old on old.id = o.id;

-- name: organization_delete
-- It and its projects are marked; the workers do the rest (deletion.sql). Asked again, it is only told again. $1 id; audit: $2 row id,
-- $3 who.
with old as (
	select id, name, slug, deleting_at from organizations where id = $1::text for no key update
), o as (
	update organizations o set deleting_at = now() from old where o.id = old.id and old.deleting_at is null
	returning o.id
), p as (
	update projects set deleting_at = now() from o where projects.org_id = o.id and projects.deleting_at is null
	returning projects.id
)
select old.id, case when o.id is not null then audit_add($2::text, o.id, $3::text[], 'organization.delete', 'organization', o.id, null,
	jsonb_build_object('name', old.name, 'slug', old.slug, 'projects', (select count(*) from p)), null) end as "_audit"
from old left join o on o.id = old.id;

-- name: organization_lock
-- First in every transaction that changes who belongs to it: such changes wait for each other. $1 id.
with o as (
	select id, deleting_at from organizations where id = $1::text for no key update
)
select o.id, o.deleting_at is not null as deleting from o;
