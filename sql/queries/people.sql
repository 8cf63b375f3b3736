-- People, sessions and what they may see.

-- name: session_start
-- Test login: makes the user when there is none, and a session. $1 new user id, $2 email, $3 name, $4 session id, $5 ms it lasts.
-- A new user owns the demo organization's project list like anybody who is asked in: as OWNER.
with org as (
	insert into organizations (id, name, slug, description) values ('org_demo', 'Demo', 'demo', 'Made by the test login')
	on conflict (id) do update set id = excluded.id
	returning id
), u as (
	insert into users (id, email, name) values ($1::text, lower($2::text), $3::text)
	on conflict (lower(email)) do update set email = users.email
	returning id, email, name, avatar_url
), m as (
	insert into members (org_id, user_id, role) select org.id, u.id, 'OWNER' from org, u where u.id = $1
	on conflict do nothing
), s as (
	insert into sessions (id, user_id, expires_at) select $4::text, id, now() + $5::bigint * interval '1 ms' from u
)
select id, email, name, avatar_url as "avatarUrl" from u;

-- name: session_revoke
update sessions set revoked_at = now() where id = $1::text and revoked_at is null;

-- name: organizations_of
-- $1 user.
select o.id, o.name, o.slug, m.role from members m join organizations o on o.id = m.org_id where m.user_id = $1::text order by o.id;
