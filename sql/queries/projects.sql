-- Projects and what they deploy with. Columns that begin with _ are for us, not for the answer.

-- name: projects_of
-- $1 user, $2 before this id, $3 how many, $4 organization or null, $5 only this project, or null.
select p.id, p.org_id as "orgId", p.name, p.repo_full_name as "repoFullName", p.default_branch as "defaultBranch", p.description,
	nullif(upper(p.provider), '') as provider,
	case when pm.role = 'MAINTAINER' and m.role <> 'OWNER' or pm.role = 'DEVELOPER' and m.role = 'VIEWER' then pm.role else m.role end
		as role,
	case when p.deleting_at is null then 'active' else 'deleting' end as status, p.created_at as "createdAt"
from members m join projects p on p.org_id = m.org_id
	left join project_members pm on pm.project_id = p.id and pm.user_id = m.user_id
where m.user_id = $1::text and p.id < $2::text and ($4::text is null or p.org_id = $4) and ($5::text is null or p.id = $5)
order by p.id desc
limit $3::int;

-- name: project_get
-- $1 project, $2 the caller's role.
select p.id, p.org_id as "orgId", p.name, p.repo_full_name as "repoFullName", p.default_branch as "defaultBranch", p.description,
	nullif(upper(p.provider), '') as provider, $2::text as role,
	case when p.deleting_at is null then 'active' else 'deleting' end as status, p.created_at as "createdAt",
	p.preview_checks as "previewChecks", case when p.provider <> '' then provider_config(p.id, p.provider) end as "providerConfig",
	jsonb_build_object('id', o.id, 'name', o.name, 'slug', o.slug) as organization,
	(select coalesce(jsonb_agg(jsonb_build_object('id', v.id, 'prNumber', v.pr_number, 'title', v.title, 'branch', v.branch,
			'sha', v.sha, 'status', v.status, 'detail', v.detail, 'url', v.url, 'errorReason', v.error_reason,
			'createdAt', iso_time(v.created_at)) order by v.created_at desc, v.id desc), '[]')
		from (select * from previews where project_id = p.id and visible order by created_at desc, id desc limit 10) v)
		as deployments
from projects p join organizations o on o.id = p.org_id
where p.id = $1::text;

-- name: project_create
-- $1 id, $2 organization, $3 name, $4 repository, $5 default branch, $6 description, $7 most projects of an organization; audit: $8 row
-- id, $9 who. No row: it has that many, or is being deleted.
with o as (
	select id from organizations where id = $2::text and deleting_at is null for no key update
), p as (
	insert into projects (id, org_id, name, repo_full_name, default_branch, description)
	select $1::text, o.id, $3::text, $4::text, $5::text, $6::text from o
	where (select count(*) from projects where org_id = o.id) < $7::int
	returning id, org_id, name, repo_full_name, default_branch, description
)
select p.id, audit_add($8::text, p.org_id, $9::text[], 'project.create', 'project', p.id, p.id, null,
	jsonb_build_object('name', p.name, 'repoFullName', p.repo_full_name, 'defaultBranch', p.default_branch, 'description',
		p.description)) as "_audit"
from p;

-- name: project_update
-- $1 id; null leaves a column as it is: $2 name, $3 repository, $4 default branch, $5 description, $6 checks of previews; audit: $7 row
-- id, $8 who. No row: it is being deleted.
with old as (
	select id, org_id, jsonb_build_object('name', name, 'repoFullName', repo_full_name, 'defaultBranch', default_branch,
		'description', description, 'previewChecks', preview_checks) as was
	from projects where id = $1::text and deleting_at is null for no key update
), p as (
	update projects p set name = coalesce($2::text, p.name), repo_full_name = coalesce($3::text, p.repo_full_name),
		default_branch = coalesce($4::text, p.default_branch), description = coalesce($5::text, p.description),
		preview_checks = coalesce($6::bool, p.preview_checks)
	from old where p.id = old.id
	returning p.id, jsonb_build_object('name', p.name, 'repoFullName', p.repo_full_name, 'defaultBranch', p.default_branch,
		'description', p.description, 'previewChecks', p.preview_checks) as became
)
select audit_add($7::text, old.org_id, $8::text[], 'project.update', 'project', p.id, p.id, differing(old.was, p.became),
	differing(p.became, old.was)) as "_audit"
from p join old on old.id = p.id;

-- name: project_delete
-- It is marked; the workers do the rest (deletion.sql). Asked again, it is only told again. $1 id; audit: $2 row id, $3 who.
with old as (
	select id, org_id, name, repo_full_name, deleting_at from projects where id = $1::text for no key update
), p as (
	update projects p set deleting_at = now() from old where p.id = old.id and old.deleting_at is null
	returning p.id
)
select old.id, case when p.id is not null then audit_add($2::text, old.org_id, $3::text[], 'project.delete', 'project', p.id, p.id,
	jsonb_build_object('name', old.name, 'repoFullName', old.repo_full_name), null) end as "_audit"
from old left join p on p.id = old.id;

-- name: project_repo
-- $1 project.
select repo_full_name as repo from projects where id = $1::text;

-- name: project_rules
-- $1 project.
select rules, case when deleting_at is null then 'active' else 'deleting' end as status from projects where id = $1::text;

-- name: project_rules_save
-- $1 project, $2 rules; audit: $3 row id, $4 who. No row: it is being deleted.
with old as (
	select id, org_id, rules from projects where id = $1::text and deleting_at is null for no key update
), p as (
	update projects p set rules = $2::jsonb from old where p.id = old.id
	returning p.id, p.rules
)
select audit_add($3::text, old.org_id, $4::text[], 'project.rules', 'project', p.id, p.id, differing(old.rules, p.rules),
	differing(p.rules, old.rules)) as "_audit"
from p join old on old.id = p.id;

-- name: project_provider_config
-- What a project deploys with, as people see it. $1 project.
select case when provider <> '' then provider_config(id, provider) else '{"provider": null}' end as config
from projects where id = $1::text;

-- name: project_provider
-- What a project has for a provider, and what that provider asks for. $1 project, $2 name of a provider, or null for the chosen one.
-- schema is null when no such plugin was ever found; state says whether it is loaded.
with p as (
	select id, provider as chosen, coalesce($2::text, provider) as wanted from projects where id = $1::text
)
select p.chosen, p.wanted, coalesce(s.settings, '{}') as settings, g.settings as schema, g.state, g.reason,
	(select coalesce(jsonb_object_agg(key, mask), '{}') from provider_secrets where project_id = p.id and provider = p.wanted) as masks
from p
	left join project_providers s on s.project_id = p.id and s.provider = p.wanted
	left join lateral (select settings, state, reason from plugins where kind = 'provider' and name = p.wanted
		order by state = 'loaded' desc, file limit 1) g on true;

-- name: project_provider_save
-- $1 project, $2 provider, $3 settings; secrets that are new, one row each: $4 keys, $5 sealed, in hex, $6 key ids, $7 masks; $8 keys of
-- secrets that go; audit: $9 row id, $10 who. Also while the project is being deleted: its deployments may need a token that works.
with old as (
	select p.id, p.org_id, p.provider, jsonb_build_object('provider', p.provider, 'settings', s.settings) as was
	from projects p left join project_providers s on s.project_id = p.id and s.provider = p.provider
	where p.id = $1::text for no key update of p
), p as (
	update projects p set provider = $2::text, settings_version = p.settings_version + 1 from old where p.id = old.id
	returning p.id, p.provider
), s as (
	insert into project_providers (project_id, provider, settings) select id, provider, $3::jsonb from p
	on conflict (project_id, provider) do update set settings = excluded.settings, updated_at = now()
	returning project_id, provider, settings
), gone as (
	delete from provider_secrets where project_id = $1 and provider = $2 and key = any ($8::text[]) returning key
), fresh as (
	insert into provider_secrets as v (project_id, provider, key, sealed, key_id, mask)
	select s.project_id, s.provider, n.key, decode(n.sealed, 'hex'), n.key_id, n.mask
	from s, unnest($4::text[], $5::text[], $6::text[], $7::text[]) as n (key, sealed, key_id, mask)
	on conflict (project_id, provider, key) do update set sealed = excluded.sealed, key_id = excluded.key_id, mask = excluded.mask,
		updated_at = now()
	returning key
)
select audit_add($9::text, old.org_id, $10::text[], 'project.provider', 'project', p.id, p.id, old.was,
	jsonb_build_object('provider', p.provider, 'settings', s.settings,
		'secretsSet', (select coalesce(jsonb_agg(key), '[]') from fresh),
		'secretsDeleted', (select coalesce(jsonb_agg(key), '[]') from gone))) as "_audit"
from p join old on old.id = p.id join s on s.project_id = p.id;
