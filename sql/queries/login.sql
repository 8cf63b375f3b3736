-- Logging in: by GitHub in one transaction (store/logins.c), for tests in one statement.
-- Order of locks: the user, the organizations, their audit heads by id, the audit head of '' last.

-- name: login_state_use
-- $1 SHA-256 of a state. Affects a row the first time only. A signed state is good for ten minutes, so older rows can go.
with gone as (
	delete from used_login_states where hash in (
		select hash from used_login_states where used_at < now() - interval '1 hour' limit 100 for update skip locked)
)
insert into used_login_states (hash) values ($1::bytea) on conflict do nothing;

-- name: login_find
-- Who may be meant, and whether this installation is empty. $1 GitHub id, $2 e-mail. One row always; without such a user its id is null.
select u.id, u.email, u.github_login, u.github_id is not null as "linked", coalesce(u.github_id = $1, false) as "known", u.active,
	not exists (select from organizations) as "empty"
from (values (1)) as one
left join lateral (
	select * from users where github_id = $1::bigint or lower(email) = lower($2::text) order by github_id = $1 desc nulls last limit 1
) u on true;

-- name: login_create
-- $1 user, $2 GitHub id, $3 GitHub login, $4 e-mail, $5 name, $6 picture.
insert into users (id, github_id, github_login, email, name, avatar_url, last_seen_at)
values ($1::text, $2::bigint, $3::text, lower($4::text), $5::text, $6::text, now())
returning id, email, name, avatar_url as "avatarUrl";

-- name: login_update
-- Takes over what GitHub says now; the e-mail only while nobody else has it. Parameters as above.
update users u set github_id = $2::bigint, github_login = $3::text, name = $5::text, avatar_url = $6::text, last_seen_at = now(),
	email = case when exists (select from users o where lower(o.email) = lower($4::text) and o.id <> u.id) then u.email
		else lower($4) end
where u.id = $1::text and u.active and (u.github_id is null or u.github_id = $2)
returning id, email, name, avatar_url as "avatarUrl";

-- name: login_join
-- Invitations become memberships. $1 user, $2 GitHub login, $3 e-mail; for the audit: $4 row ids, of which there are as many as
-- invitations are taken at once, $5 who. Of two for one organization the higher role counts; who is a member stays what he is.
with mine as (
	select i.id from invitations i join organizations o on o.id = i.org_id
	where (i.github_login <> '' and lower(i.github_login) = lower($2::text) or i.email <> '' and lower(i.email) = lower($3::text))
		and i.expires_at > now() and o.deleting_at is null
	order by i.org_id limit cardinality($4::text[])
), taken as (
	delete from invitations where id in (select id from mine) returning id, org_id, role, invited_by
), best as (
	select distinct on (org_id) * from taken
	order by org_id, array_position(array['OWNER', 'MAINTAINER', 'DEVELOPER', 'VIEWER'], role)
), joined as (
	insert into members (org_id, user_id, role) select org_id, $1::text, role from best order by org_id
	on conflict do nothing
	returning org_id
), numbered as (
	select b.*, row_number() over (order by b.org_id) as nth from best b join joined j on j.org_id = b.org_id order by b.org_id
)
select audit_add(($4)[nth], org_id, $5::text[], 'member.add', 'member', $1, '', null,
	jsonb_build_object('role', role, 'invitation', id, 'invitedBy', invited_by)) as "_audit"
from numbered order by org_id;

-- name: login_first_lock
-- Two first logins: the second waits here and finds an organization.
select pg_advisory_xact_lock(hashtext('opshub first login'));

-- name: login_first
-- The first user of an empty installation gets an organization of his own. $1 organization, $2 name, $3 slug, $4 user; for the audit:
-- $5 row id, $6 who.
with org as (
	insert into organizations (id, name, slug, description)
	select $1::text, $2::text, $3::text, 'Made by the first login'
	where not exists (select from organizations) and not exists (select from users where id <> $4::text)
	returning id, name, slug
), owner as (
	insert into members (org_id, user_id, role) select id, $4, 'OWNER' from org returning org_id
)
select audit_add($5::text, org.id, $6::text[], 'organization.create', 'organization', org.id, '', null,
	jsonb_build_object('name', org.name, 'slug', org.slug, 'owner', $4)) as "_audit"
from org join owner on owner.org_id = org.id;

-- name: login_session
-- The end of a login by GitHub. $1 session, $2 user, $3 ms it lasts, $4 address, $5 user agent; for the audit: $6 two row ids, $7 who,
-- $8 what became of the user ('' = nothing), $9 and $10 what changed in him, as JSON, or null.
with s as (
	insert into sessions (id, user_id, expires_at, ip, user_agent)
	values ($1::text, $2::text, now() + $3::bigint * interval '1 ms', $4::text, left($5::text, 400))
	returning id, user_id
)
select case when $8::text <> '' then
		audit_add(($6::text[])[1], '', $7::text[], $8, 'user', user_id, '', $9::jsonb, $10::jsonb) end as "_user",
	audit_add(($6)[2], '', $7, 'session.login', 'session', id, '', null, jsonb_build_object('method', 'github')) as "_audit"
from s;

-- name: session_start
-- Test login: makes the user when there is none, and a session. $1 new user, $2 e-mail, $3 name, $4 session, $5 ms it lasts,
-- $6 address, $7 user agent; for the audit: $8 row id, $9 who. No row: the user is inactive.
-- A new user may look at the demo organization; only the one for whom it is made owns it.
with org as (
	insert into organizations (id, name, slug, description) values ('org_demo', 'Demo', 'demo', 'Made by the test login')
	on conflict (id) do update set id = excluded.id
	returning id, xmax = 0 as made
), u as (
	insert into users (id, email, name) values ($1::text, lower($2::text), $3::text)
	on conflict (lower(email)) do update set email = users.email
	returning id, email, name, avatar_url, active
), m as (
	insert into members (org_id, user_id, role)
	select org.id, u.id, case when org.made then 'OWNER' else 'VIEWER' end from org, u where u.id = $1
	on conflict do nothing
), s as (
	insert into sessions (id, user_id, expires_at, ip, user_agent)
	select $4::text, id, now() + $5::bigint * interval '1 ms', $6::text, left($7::text, 400) from u where active
	returning id
)
select u.id, u.email, u.name, u.avatar_url as "avatarUrl",
	audit_add($8::text, '', array['user', u.id, u.email] || ($9::text[])[4:], 'session.login', 'session', s.id, '', null,
		jsonb_build_object('method', 'test', 'created', u.id = $1)) as "_audit"
from u, s;

-- name: session_revoke
-- One session of a user. $1 session, $2 user; for the audit: $3 row id, $4 who, $5 action. No row: it is not his, or over.
with s as (
	update sessions set revoked_at = now() where id = $1::text and user_id = $2::text and revoked_at is null and expires_at > now()
	returning id
)
select id, audit_add($3::text, '', $4::text[], $5::text, 'session', id, '', null, null) as "_audit" from s;

-- name: sessions_of
-- Those that still hold. $1 user, $2 before this id, $3 how many, $4 the session that asks.
select id, ip, user_agent as "userAgent", id = coalesce($4::text, '') as "current", created_at as "createdAt", expires_at as "expiresAt"
from sessions
where user_id = $1::text and id < $2::text and revoked_at is null and expires_at > now()
order by id desc
limit $3::int;
