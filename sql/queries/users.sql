-- People, for the administrator's commands. Order of locks: the organizations, the user, their audit heads by id.

-- name: users_list
-- $1 not seen for so many days, or null = all, $2 behind this e-mail, $3 how many.
select u.email, u.github_login, u.active, coalesce(u.last_seen_at::text, 'never') as last_seen,
	coalesce((select string_agg(o.slug || ' ' || m.role, ', ' order by o.slug) from members m join organizations o on o.id = m.org_id
		where m.user_id = u.id), '') as organizations
from users u
where ($1::int is null or coalesce(u.last_seen_at, u.created_at) < now() - $1 * interval '1 day') and lower(u.email) > $2::text
order by lower(u.email)
limit $3::int;

-- name: user_organizations
-- His organizations, held so that nobody changes their owners meanwhile. $1 e-mail, $2 how many at most.
select o.id from members m join organizations o on o.id = m.org_id join users u on u.id = m.user_id
where lower(u.email) = lower($1::text)
order by o.id
limit $2::int
for no key update of o;

-- name: user_lock
-- $1 e-mail. The organization that would have no active owner without him is in the way.
select u.id, (select min(o.slug) from members m join organizations o on o.id = m.org_id
	where m.user_id = u.id and m.role = 'OWNER' and not exists (select from members n join users v on v.id = n.user_id
		where n.org_id = m.org_id and n.role = 'OWNER' and v.active and v.id <> u.id)) as only_owner_of
from users u
where lower(u.email) = lower($1::text)
for no key update;

-- name: user_set_active
-- Takes his sessions and tokens away with his activity. $1 user, $2 active; for the audit: $3 row ids, $4 an organization for each, $5 who.
-- No row: he is so already.
with u as (
	update users set active = $2::bool where id = $1::text and active <> $2 returning id, email
), s as (
	update sessions s set revoked_at = now() from u where s.user_id = u.id and not $2 and s.revoked_at is null
), t as (
	update api_tokens t set revoked_at = now() from u where t.user_id = u.id and not $2 and t.revoked_at is null
)
select audit_add(a.id, a.org, $5::text[], case when $2 then 'user.activate' else 'user.deactivate' end, 'user', u.id, '',
	jsonb_build_object('active', not $2), jsonb_build_object('active', $2, 'email', u.email)) as "_audit"
from u, (select * from unnest($3::text[], $4::text[]) as x (id, org) order by org) a;
