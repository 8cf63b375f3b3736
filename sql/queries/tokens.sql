-- API tokens of a person. Their hashes are only ever written and compared.

-- name: token_owner_lock
-- Makes and rotates wait for each other, so that the next statement counts right. $1 user.
select id from users where id = $1::text for no key update;

-- name: token_lock
-- The same, and the token is not revoked meanwhile. $1 token, $2 user.
select t.id from users u join api_tokens t on t.user_id = u.id where t.id = $1::text and u.id = $2::text for no key update;

-- name: tokens_forget
-- What has been over for a month is not shown any more; the audit still knows it. $1 user.
delete from api_tokens where user_id = $1::text and coalesce(revoked_at, expires_at) < now() - interval '30 days';

-- name: token_create
-- One row in any case; its id is null when there are too many, or the project is none that the user may see.
-- $1 id, $2 user, $3 name, $4 hash, $5 scope, $6 project or null, $7 end or null, $8 most that may be live; for the audit: $9 row id,
-- $10 who.
with project as (
	select p.id, p.org_id from projects p join members m on m.org_id = p.org_id and m.user_id = $2::text
	where p.id = $6::text and p.deleting_at is null
), live as (
	select count(*) as n from api_tokens where user_id = $2 and revoked_at is null and (expires_at is null or expires_at > now())
), made as (
	insert into api_tokens (id, user_id, name, hash, scope, project_id, expires_at, lifetime)
	select $1::text, $2, $3::text, $4::bytea, $5::text, $6, $7::timestamptz, $7 - now()
	from live where live.n < $8::int and ($6 is null or exists (select from project))
	returning *
)
select made.id, made.name, made.scope, made.project_id as "projectId", made.rotated_from as "rotatedFrom",
	made.created_at as "createdAt", made.expires_at as "expiresAt", made.last_used_at as "lastUsedAt", made.revoked_at as "revokedAt",
	live.n < $8 as "_room",
	case when made.id is not null then audit_add($9::text, coalesce(project.org_id, ''), $10::text[], 'token.create', 'token', made.id,
		made.project_id, null, jsonb_build_object('name', made.name, 'scope', made.scope, 'projectId', made.project_id,
		'expiresAt', made.expires_at)) end as "_audit"
from live left join made on true left join project on true;

-- name: token_rotate
-- No row when the user has no such token; its id is null when the token is over, or there are too many.
-- $1 token, $2 user, $3 new id, $4 new hash, $5 minutes for which the old one goes on, $6 most that may be live; for the audit:
-- $7 row id, $8 who.
with old as (
	select t.*, p.org_id, t.revoked_at is null and (t.expires_at is null or t.expires_at > now()) as is_live
	from api_tokens t left join projects p on p.id = t.project_id
	where t.id = $1::text and t.user_id = $2::text
), live as (
	select count(*) as n from api_tokens where user_id = $2 and revoked_at is null and (expires_at is null or expires_at > now())
), may as (
	select old.id, old.user_id, old.name, old.scope, old.project_id,
		-- only a reader may be without an end, also when the row was made by hand
		case when old.scope = 'read' then old.lifetime else coalesce(old.lifetime, old.expires_at - old.created_at) end as lifetime
	from old, live where old.is_live and live.n + ($5::int > 0)::int <= $6::int
), ended as (
	update api_tokens t set expires_at = least(t.expires_at, now() + $5 * interval '1 minute'),
		revoked_at = coalesce(t.revoked_at, case when $5 = 0 then now() end)
	from may where t.id = may.id
	returning t.expires_at
), made as (
	insert into api_tokens (id, user_id, name, hash, scope, project_id, expires_at, lifetime, rotated_from)
	select $3::text, may.user_id, may.name, $4::bytea, may.scope, may.project_id, now() + may.lifetime, may.lifetime, may.id from may
	returning *
)
select made.id, made.name, made.scope, made.project_id as "projectId", made.rotated_from as "rotatedFrom",
	made.created_at as "createdAt", made.expires_at as "expiresAt", made.last_used_at as "lastUsedAt", made.revoked_at as "revokedAt",
	ended.expires_at as "previousExpiresAt", old.is_live as "_live",
	case when made.id is not null then audit_add($7::text, coalesce(old.org_id, ''), $8::text[], 'token.rotate', 'token', old.id,
		old.project_id, jsonb_build_object('id', old.id, 'expiresAt', old.expires_at),
		jsonb_build_object('id', made.id, 'expiresAt', made.expires_at, 'previousExpiresAt', ended.expires_at)) end as "_audit"
from old left join made on true left join ended on true;

-- name: token_revoke
-- No row when the user has no such token. $1 token, $2 user; for the audit: $3 row id, $4 who.
with old as (
	select t.id, t.name, t.scope, t.project_id, p.org_id from api_tokens t left join projects p on p.id = t.project_id
	where t.id = $1::text and t.user_id = $2::text
), done as (
	update api_tokens t set revoked_at = now() from old where t.id = old.id and t.revoked_at is null
	returning t.id
)
select old.id, case when done.id is not null then audit_add($3::text, coalesce(old.org_id, ''), $4::text[], 'token.revoke', 'token',
	old.id, old.project_id, jsonb_build_object('name', old.name, 'scope', old.scope), null) end as "_audit"
from old left join done on true;

-- name: tokens_list
-- $1 user, $2 before this id, $3 how many.
select id, name, scope, project_id as "projectId", rotated_from as "rotatedFrom", created_at as "createdAt", expires_at as "expiresAt",
	last_used_at as "lastUsedAt", revoked_at as "revokedAt"
from api_tokens
where user_id = $1::text and id < $2::text
order by id desc
limit $3::int;

-- name: token_get
-- $1 token, $2 user.
select id, name, scope, project_id as "projectId", rotated_from as "rotatedFrom", created_at as "createdAt", expires_at as "expiresAt",
	last_used_at as "lastUsedAt", revoked_at as "revokedAt"
from api_tokens
where id = $1::text and user_id = $2::text;
