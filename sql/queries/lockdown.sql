-- Lockdown: everybody is logged out and nothing new is deployed, until it is lifted.

-- name: lockdown_start
-- $1 organization, $2 reason, $3 session that stays or null; for the audit: $4 row id, $5 who.
with o as (
	select id, frozen_at, frozen_why from organizations where id = $1::text for no key update
), frozen as (
	update organizations set frozen_at = coalesce(o.frozen_at, now()), frozen_why = $2::text from o where organizations.id = o.id
	returning organizations.id, organizations.frozen_at
), s as (
	update sessions set revoked_at = now()
	where revoked_at is null and expires_at > now() and id is distinct from $3::text
		and user_id in (select user_id from members where org_id = $1)
	returning id
), t as (
	update api_tokens set revoked_at = now()
	where revoked_at is null and user_id in (select user_id from members where org_id = $1)
	returning id
), n as (
	select (select count(*) from s) as sessions, (select count(*) from t) as tokens
)
select f.id, f.frozen_at as "frozenAt", $2 as reason, n.sessions as "revokedSessions", n.tokens as "revokedTokens",
	audit_add($4::text, f.id, $5::text[], 'organization.lockdown', 'organization', f.id, null,
		jsonb_build_object('locked', o.frozen_at is not null, 'reason', o.frozen_why),
		jsonb_build_object('locked', true, 'reason', $2, 'revokedSessions', n.sessions, 'revokedTokens', n.tokens)) as "_audit"
from frozen f, o, n;

-- name: lockdown_end
-- $1 organization, $2 reason; for the audit: $3 row id, $4 who. What is wanted by now and not there gets its job back. No row
-- when it is not locked down.
with o as (
	select id, frozen_at, frozen_why from organizations where id = $1::text and frozen_at is not null for no key update
), opened as (
	update organizations set frozen_at = null, frozen_why = '' from o where organizations.id = o.id
	returning organizations.id
), job as (
	insert into jobs as j (id, queue, kind, key)
	select 'job_' || substr(v.id, 8), 'preview-queue', 'reconcile', v.id
	from opened f join projects r on r.org_id = f.id join previews v on v.project_id = r.id
	where v.settled_generation < v.generation
	order by v.id
	on conflict (kind, key) do update set again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now()
	returning id
), n as (
	select count(*) as jobs from job
)
select f.id, n.jobs as "previews",
	audit_add($3::text, f.id, $4::text[], 'organization.unlock', 'organization', f.id, null,
		jsonb_build_object('locked', true, 'reason', o.frozen_why),
		jsonb_build_object('locked', false, 'reason', $2::text, 'previews', n.jobs)) as "_audit"
from opened f, o, n;

-- name: lockdown_everybody
-- All sessions and tokens of the installation. $1 reason; for the audit: $2 row id, $3 who.
with s as (
	update sessions set revoked_at = now() where revoked_at is null and expires_at > now() returning id
), t as (
	update api_tokens set revoked_at = now() where revoked_at is null returning id
), n as (
	select (select count(*) from s) as sessions, (select count(*) from t) as tokens
)
select n.sessions as "revokedSessions", n.tokens as "revokedTokens",
	audit_add($2::text, '', $3::text[], 'installation.lockdown', 'installation', '', null, null,
		jsonb_build_object('reason', $1::text, 'revokedSessions', n.sessions, 'revokedTokens', n.tokens)) as "_audit"
from n;

-- name: lockdown_organizations
-- $1 after this one, $2 how many.
select id, frozen_at is not null as locked from organizations where id > $1::text order by id limit $2::int;

-- name: lockdown_of_preview
-- Is the preview's organization locked down, or the preview itself frozen?
select o.frozen_at is not null as locked, p.frozen_at is not null as frozen
from previews p join projects r on r.id = p.project_id join organizations o on o.id = r.org_id
where p.id = $1::text;
