-- The ledger of what providers have and nobody wants, or the other way round.

-- name: orphan_put
-- Found, or found again. $1 new id, $2 project whose settings found it, $3 provider, $4 its id there, $5 attempt, $6 kind, $7 action,
-- $8 url, $9 project it belongs to, or null: then it is shown to the project that found it, if the account is that project's alone.
insert into orphans as o (id, project_id, found_by, provider, provider_id, attempt_id, kind, action, url)
select $1::text, coalesce($9::text, case
		when exists (select 1 from provider_secrets where project_id = $2 and provider = $3) then $2
		when (select count(*) from organizations) = 1 then $2 end),
	$2::text, $3::text, $4::text, $5::text, $6::text, $7::text, nullif($8::text, '')
from projects p where p.id = $2
on conflict (provider, provider_id) do update set kind = excluded.kind, action = excluded.action, url = coalesce(excluded.url, o.url),
	found_by = excluded.found_by, last_seen_at = now(), resolved_at = null,
	first_seen_at = case when o.resolved_at is null then o.first_seen_at else now() end;

-- name: orphans_resolve
-- A complete inventory that began at $3 did not show them. $1 project whose settings were used, $2 provider. One that no inventory has
-- shown for a day was found with settings that are not there any more. What was settled a month ago is forgotten.
with old as (
	delete from orphans where resolved_at < now() - interval '30 days'
)
update orphans set resolved_at = now()
where provider = $2::text and resolved_at is null
	and (found_by = $1::text and last_seen_at < $3::timestamptz or last_seen_at < now() - interval '1 day');

-- name: orphans_ready
-- What should stand at a provider, and was not in its inventory. $1 project whose settings were used, $2 provider, $3 when the inventory
-- began, $4 attempts that it showed, $5 how many at most.
select a.id, a.provider_id, a.url, v.project_id
from preview_attempts a
	join previews v on v.id = a.preview_id
	left join project_providers mine on mine.project_id = v.project_id and mine.provider = $2
	left join project_providers asked on asked.project_id = $1 and asked.provider = $2
where a.provider = $2::text and a.state = 'created' and a.status = 'READY' and a.provider_id is not null
	and a.ready_at < $3::timestamptz and not a.id = any ($4::text[])
	and (v.project_id = $1::text or (coalesce(mine.settings, '{}') = coalesce(asked.settings, '{}')
		and not exists (select 1 from provider_secrets s where s.provider = $2 and s.project_id in (v.project_id, $1))))
order by a.id limit $5::int;

-- name: orphans_list
-- $1 project, $2 before this id, $3 how many, $4 those that are settled as well.
select id, kind, action, provider, provider_id as "providerDeploymentId", attempt_id as "attemptId", url,
	first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", resolved_at as "resolvedAt"
from orphans
where project_id = $1::text and id < $2::text and ($4::bool or resolved_at is null)
order by id desc limit $3::int;

-- name: orphans_all
-- For the administrator: all that is open. $1 how many.
select provider, kind, provider_id, action, iso_time(first_seen_at) as since from orphans
where resolved_at is null order by first_seen_at limit $1::int;

-- name: inventory_claim
-- One worker for each account and interval. $1 project whose settings are used, $2 provider, $3 worker, $4 lease in ms, $5 ms until the
-- next one is due. No row: it is not due, or somebody else's.
insert into inventories as i (project_id, provider, worker, lease_until, next_at)
select id, $2::text, $3::text, now() + $4::bigint * interval '1 ms', now() + $5::bigint * interval '1 ms' from projects where id = $1::text
on conflict (project_id, provider) do update set worker = excluded.worker, lease_until = excluded.lease_until, next_at = excluded.next_at
	where i.next_at <= now() and (i.lease_until is null or i.lease_until < now())
returning project_id;

-- name: inventory_extend
-- $1 project, $2 provider, $3 worker, $4 lease in ms. No row: somebody else has it.
update inventories set lease_until = now() + $4::bigint * interval '1 ms'
where project_id = $1::text and provider = $2::text and worker = $3::text
returning project_id;

-- name: inventory_release
-- $1 worker, $2 project, $3 provider, both null for all of this worker, $4 it did not come to its end: it is due at once.
update inventories set lease_until = null, worker = null, next_at = case when $4::bool then now() else next_at end
where worker = $1::text and ($2::text is null or project_id = $2 and provider = $3::text);
