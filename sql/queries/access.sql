-- Who somebody is and what he may do.

-- name: access_identity
-- $1 session or null, $2 SHA-256 of an API token or null.
with who as (
	select s.user_id, s.id as session_id, null::text as token_id, 'admin' as scope, null::text as project_id
	from sessions s where s.id = $1::text and s.revoked_at is null and s.expires_at > now()
	union all
	select t.user_id, null, t.id, t.scope, t.project_id
	from api_tokens t where t.hash = $2::bytea and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
), seen as (
	update users set last_seen_at = now()
	where id = (select user_id from who) and (last_seen_at is null or last_seen_at < now() - interval '1 minute')
), used as (
	update api_tokens set last_used_at = now()
	where id = (select token_id from who) and (last_used_at is null or last_used_at < now() - interval '1 minute')
)
select u.id, u.email, u.name, u.avatar_url, w.session_id, w.token_id, w.scope, w.project_id
from who w join users u on u.id = w.user_id
where u.active;

-- name: access_standing
-- $1 user, or null and $2 SHA-256 of his API token; one of $3 organization, $4 project, $5 preview, $6 environment,
-- $7 health check; the others are null.
with asking as (
	select coalesce($1::text, (select t.user_id from api_tokens t where t.hash = $2::bytea)) as user_id
), target as (
	select o.id as org_id, null::text as project_id from organizations o where o.id = $3::text
	union all
	select p.org_id, p.id from projects p where p.id = $4::text
	union all
	select r.org_id, r.id from previews v join projects r on r.id = v.project_id where v.id = $5::text
	union all
	select r.org_id, r.id from environments e join projects r on r.id = e.project_id where e.id = $6::text
	union all
	select r.org_id, r.id from health_checks c join projects r on r.id = c.project_id where c.id = $7::text
)
select t.org_id, t.project_id, m.role, pm.role as project_role
from target t cross join asking a join members m on m.org_id = t.org_id and m.user_id = a.user_id
	left join project_members pm on pm.project_id = t.project_id and pm.user_id = a.user_id;
