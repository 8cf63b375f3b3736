-- Who belongs to an organization, who is asked in, and who has a higher role in one project. All changes run in a transaction that
-- holds the organization's row (organization_lock), so what was read before them still holds.

-- name: members_list
-- People first, the newest account first, then the invitations that are open. $1 organization, $2 before this id, $3 how many.
select * from (
	select u.id, u.id as "userId", u.email, u.github_login as "githubLogin", u.name, u.avatar_url as "avatarUrl", m.role,
		case when u.active then 'active' else 'inactive' end as status, m.created_at as "createdAt", null::timestamptz as "expiresAt"
	from members m join users u on u.id = m.user_id
	where m.org_id = $1::text and u.id < $2::text
	union all
	select i.id, null, i.email, i.github_login, '', '', i.role, 'invited', i.created_at, i.expires_at
	from invitations i
	where i.org_id = $1 and i.id < $2 and i.expires_at > now()
) everybody
order by id desc
limit $3::int;

-- name: member_get
-- One entry of that list. $1 organization, $2 user or invitation.
select u.id, u.id as "userId", u.email, u.github_login as "githubLogin", u.name, u.avatar_url as "avatarUrl", m.role,
	case when u.active then 'active' else 'inactive' end as status, m.created_at as "createdAt", null::timestamptz as "expiresAt"
from members m join users u on u.id = m.user_id
where m.org_id = $1::text and u.id = $2::text
union all
select i.id, null, i.email, i.github_login, '', '', i.role, 'invited', i.created_at, i.expires_at
from invitations i
where i.org_id = $1 and i.id = $2 and i.expires_at > now();

-- name: member_roles
-- $1 organization, $2 who asks, $3 user or invitation it is about. owners: how many others could still act as owner.
select (select role from members where org_id = $1::text and user_id = $2::text) as actor,
	(select role from members where org_id = $1 and user_id = $3::text
		union all select role from invitations where org_id = $1 and id = $3) as target,
	(select count(*) from members m join users u on u.id = m.user_id and u.active
		where m.org_id = $1 and m.role = 'OWNER' and m.user_id <> $3) as owners;

-- name: member_find
-- Who is meant by exactly one of $2 user, $3 e-mail, $4 GitHub login; $1 organization. One row always.
with known as (
	select id from users where id = $2::text
	union all select id from users where lower(email) = lower($3::text)
	union all (select id from users where github_login <> '' and lower(github_login) = lower($4::text)
		order by last_seen_at desc nulls last, id limit 1)
), invited as (
	select id, role from invitations where org_id = $1::text
		and ((email <> '' and lower(email) = lower($3)) or (github_login <> '' and lower(github_login) = lower($4)))
)
select (select id from known) as user_id, (select role from members where org_id = $1 and user_id = (select id from known)) as role,
	(select id from invited) as invitation, (select role from invited) as invited_role,
	(select count(*) from members where org_id = $1) + (select count(*) from invitations where org_id = $1) as size;

-- name: member_add
-- $1 organization, $2 user, $3 role; audit: $4 row id, $5 who. An open invitation of his ends with it.
with m as (
	insert into members (org_id, user_id, role) values ($1::text, $2::text, $3::text)
	returning org_id, user_id, role
), i as (
	delete from invitations i using users u
	where i.org_id = $1 and u.id = $2 and ((i.email <> '' and lower(i.email) = lower(u.email))
		or (i.github_login <> '' and lower(i.github_login) = lower(u.github_login)))
)
select m.user_id as id, audit_add($4::text, m.org_id, $5::text[], 'member.add', 'member', m.user_id, null, null,
	jsonb_build_object('role', m.role, 'email', u.email)) as "_audit"
from m join users u on u.id = m.user_id;

-- name: invitation_save
-- A new one, or an earlier one with another role and a new term. $1 its id, $2 organization, $3 e-mail or '', $4 GitHub login or '',
-- $5 role, $6 invited by, $7 days; audit: $8 row id, $9 who.
with was as (
	select role from invitations where id = $1::text
), i as (
	insert into invitations (id, org_id, email, github_login, role, invited_by, expires_at)
	values ($1, $2::text, $3::text, $4::text, $5::text, $6::text, now() + $7::int * interval '1 day')
	on conflict (id) do update set role = excluded.role, invited_by = excluded.invited_by, expires_at = excluded.expires_at
	returning id, org_id, email, github_login, role
)
select i.id, audit_add($8::text, i.org_id, $9::text[], 'invitation.create', 'invitation', i.id, null,
	(select jsonb_build_object('role', role) from was),
	jsonb_build_object('role', i.role, 'email', i.email, 'githubLogin', i.github_login)) as "_audit"
from i;

-- name: member_role
-- $1 organization, $2 user or invitation, $3 role; audit: $4 row id, $5 who.
with was as (
	select role from members where org_id = $1::text and user_id = $2::text
	union all select role from invitations where org_id = $1 and id = $2
), m as (
	update members set role = $3::text where org_id = $1 and user_id = $2 returning user_id as id
), i as (
	update invitations set role = $3 where org_id = $1 and id = $2 returning id
), changed as (
	select id, 'member' as kind from m union all select id, 'invitation' from i
)
select c.id, audit_add($4::text, $1, $5::text[], c.kind || '.role', c.kind, c.id, null,
	jsonb_build_object('role', was.role), jsonb_build_object('role', $3)) as "_audit"
from changed c, was;

-- name: member_remove
-- $1 organization, $2 user or invitation; audit: $3 row id, $4 who. Roles in single projects go along.
with m as (
	delete from members where org_id = $1::text and user_id = $2::text returning user_id as id, role
), p as (
	delete from project_members pm using projects r where r.org_id = $1 and pm.project_id = r.id and pm.user_id = (select id from m)
), i as (
	delete from invitations where org_id = $1 and id = $2 returning id, role
), gone as (
	select id, role, 'member' as kind from m union all select id, role, 'invitation' from i
)
select g.id, audit_add($3::text, $1, $4::text[], g.kind || '.remove', g.kind, g.id, null,
	jsonb_build_object('role', g.role), null) as "_audit"
from gone g;

-- name: project_members_list
-- $1 project, $2 before this user, $3 how many.
select u.id, u.id as "userId", u.email, u.github_login as "githubLogin", u.name, u.avatar_url as "avatarUrl", pm.role,
	m.role as "organizationRole", pm.created_at as "createdAt"
from project_members pm
	join projects p on p.id = pm.project_id
	join users u on u.id = pm.user_id
	join members m on m.org_id = p.org_id and m.user_id = u.id
where pm.project_id = $1::text and u.id < $2::text
order by u.id desc
limit $3::int;

-- name: project_member_get
-- $1 project, $2 user.
select u.id, u.id as "userId", u.email, u.github_login as "githubLogin", u.name, u.avatar_url as "avatarUrl", pm.role,
	m.role as "organizationRole", pm.created_at as "createdAt"
from project_members pm
	join projects p on p.id = pm.project_id
	join users u on u.id = pm.user_id
	join members m on m.org_id = p.org_id and m.user_id = u.id
where pm.project_id = $1::text and pm.user_id = $2::text;

-- name: project_member_roles
-- $1 project, $2 who asks, $3 whom it is about: his role in the organization and the one in the project.
select (select m.role from members m where m.org_id = p.org_id and m.user_id = $2::text) as actor,
	(select pm.role from project_members pm where pm.project_id = p.id and pm.user_id = $2) as actor_here,
	(select m.role from members m where m.org_id = p.org_id and m.user_id = $3::text) as target,
	(select pm.role from project_members pm where pm.project_id = p.id and pm.user_id = $3) as target_here
from projects p where p.id = $1::text;

-- name: project_member_save
-- $1 project, $2 user, $3 role; audit: $4 row id, $5 who.
with was as (
	select role from project_members where project_id = $1::text and user_id = $2::text
), m as (
	insert into project_members (project_id, user_id, role) values ($1, $2, $3::text)
	on conflict (project_id, user_id) do update set role = excluded.role
	returning user_id
)
select m.user_id as id, audit_add($4::text, p.org_id, $5::text[], 'project_member.role', 'member', m.user_id, p.id,
	(select jsonb_build_object('role', role) from was), jsonb_build_object('role', $3)) as "_audit"
from m, projects p where p.id = $1;

-- name: project_member_remove
-- $1 project, $2 user; audit: $3 row id, $4 who.
with m as (
	delete from project_members where project_id = $1::text and user_id = $2::text returning user_id, role
)
select m.user_id as id, audit_add($3::text, p.org_id, $4::text[], 'project_member.remove', 'member', m.user_id, p.id,
	jsonb_build_object('role', m.role), null) as "_audit"
from m, projects p where p.id = $1;
