-- The status page of a project: its settings, and the facts it shows to everybody.

-- name: status_page_settings
-- $1 project, $2 the address that pages are under. One that was never set has the project's name, and is off.
select coalesce(s.enabled, false) as enabled, s.slug, coalesce(s.title, p.name) as title, to_jsonb(s.check_ids) as "checkIds",
	case when s.enabled then $2::text || s.slug end as url, s.updated_at as "updatedAt"
from projects p left join status_pages s on s.project_id = p.id
where p.id = $1::text;

-- name: status_page_unknown
-- Which of these are no checks of the project: the first. $1 project, $2 ids.
select id from unnest($2::text[]) id
where not exists (select from health_checks c where c.id = id.id and c.project_id = $1::text)
limit 1;

-- name: status_page_save
-- $1 project, $2 enabled, $3 slug, $4 title or null (the project's name), $5 ids of checks or null; audit: $6 row id, $7 who. No row: it is
-- being deleted.
with r as (
	select id, org_id, name from projects where id = $1::text and deleting_at is null for no key update
), old as (
	select jsonb_build_object('enabled', s.enabled, 'slug', s.slug, 'title', s.title, 'checkIds', s.check_ids) as was
	from status_pages s join r on s.project_id = r.id
), s as (
	insert into status_pages as s (project_id, slug, title, enabled, check_ids)
	select r.id, $3::text, coalesce($4::text, r.name), $2::bool, $5::text[] from r
	on conflict (project_id) do update set slug = excluded.slug, title = excluded.title, enabled = excluded.enabled,
		check_ids = excluded.check_ids, updated_at = now()
	returning jsonb_build_object('enabled', s.enabled, 'slug', s.slug, 'title', s.title, 'checkIds', s.check_ids) as became
)
select audit_add($6::text, r.org_id, $7::text[], 'status_page.change', 'project', r.id, r.id,
	case when old.was is not null then differing(old.was, s.became) end, differing(s.became, coalesce(old.was, '{}'))) as "_audit"
from r join s on true left join old on true;

-- name: status_page_checks
-- What everybody may see: $1 slug, $2 how many. A row for each check, or one without an id; none: there is no such page.
select s.title, c.id, c.name, c.total, now() as now,
	case when not c.enabled then 'PAUSED'
		when maintenance_open(c.id, s.project_id, now()) then 'MAINTENANCE'
		when h.last_checked_at is null or h.status is null
			or h.last_checked_at < now() - greatest(3 * c.interval_ms, 300000) * interval '1 ms' then 'UNKNOWN'
		when h.flapping then 'FLAPPING' when h.status = 'DEGRADED' then 'DEGRADED' else 'OPERATIONAL' end as state,
	health_uptime(c.id, 24) as u24h, health_uptime(c.id, 168) as u7d, health_uptime(c.id, 720) as u30d, health_uptime(c.id, 2160) as u90d
from status_pages s join projects p on p.id = s.project_id and p.deleting_at is null
	left join lateral (select c.id, c.name, c.enabled, c.interval_ms, count(*) over () as total, row_number() over w as n from health_checks c
		where c.project_id = s.project_id and case when s.check_ids is null then c.preview_id is null else c.id = any (s.check_ids) end
		window w as (order by array_position(s.check_ids, c.id), lower(c.name), c.id)
		order by n limit $2::int) c on true
	left join health_states h on h.check_id = c.id
where s.slug = $1::text and s.enabled
order by c.n;

-- name: status_page_days
-- What counted in the last 90 days, in UTC, today included. $1 ids of checks.
select check_id, ago, sum(ok)::bigint as ok, sum(failed)::bigint as failed
from (select check_id, (now() at time zone 'UTC')::date - (at at time zone 'UTC')::date as ago, ok, failed from health_rollups
		where check_id = any ($1::text[]) and step = 1440 and at > now() - interval '90 days'
	union all
	select check_id, (now() at time zone 'UTC')::date - (acc_at at time zone 'UTC')::date, acc_ok, acc_failed from health_states
		where check_id = any ($1::text[]) and acc_at > now() - interval '90 days') d
where ago between 0 and 89
group by check_id, ago
order by check_id;

-- name: status_page_incidents
-- Open ones first, then what ended within 14 days. $1 ids of checks, $2 how many.
select check_id, began_at, ended_at, flapping
from health_incidents
where check_id = any ($1::text[]) and (ended_at is null or ended_at > now() - interval '14 days')
order by ended_at is not null, began_at desc, id
limit $2::int;
