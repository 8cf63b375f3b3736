-- Windows of maintenance. When one is open: maintenance_open() and its neighbours. Each change writes its audit row.

-- name: maintenance_of
-- $1 project, $2 only this one or null. Newest first; there are at most 100.
select id, name, to_json(check_ids) as "checkIds",
	case when starts_at is not null then json_build_object('startsAt', iso_time(starts_at), 'endsAt', iso_time(ends_at)) end as once,
	case when weekdays is not null then json_build_object('weekdays', weekdays, 'startTime', to_char(start_time, 'HH24:MI'),
		'durationMin', duration_min, 'timeZone', time_zone) end as weekly,
	maintenance_window_open(w, now()) as "isOpen", maintenance_next(w, now()) as "nextStart", created_at as "createdAt",
	updated_at as "updatedAt"
from maintenance_windows w
where project_id = $1::text and ($2::text is null or id = $2)
order by id desc
limit 100;

-- name: maintenance_judge
-- $1 project, $2 checks that a window shall be for, $3 its zone or null: one that is not there, and whether the zone is known.
select (select min(w) from unnest($2::text[]) w where not exists (select from health_checks where project_id = $1::text and id = w)) as missing,
	$3::text is null or exists (select from pg_timezone_names where name = $3) as zone_known;

-- name: maintenance_add
-- $1 project, $2 id, $3 name, $4 checks or null, $5 starts, $6 ends, $7 weekdays, $8 start time, $9 minutes, $10 zone; audit: $11 row id, $12 who;
-- $13 most of a project. No row: it has that many, or is being deleted.
with r as (
	select id, org_id from projects where id = $1::text and deleting_at is null for no key update
), w as (
	insert into maintenance_windows (id, project_id, name, check_ids, starts_at, ends_at, weekdays, start_time, duration_min, time_zone)
	select $2::text, r.id, $3::text, $4::text[], $5::timestamptz, $6::timestamptz, $7::bigint[]::int[], $8::text::time, $9::int, $10::text
	from r where (select count(*) from maintenance_windows where project_id = r.id) < $13::int
	returning *
)
select w.id, audit_add($11::text, r.org_id, $12::text[], 'maintenance.add', 'maintenance', w.id, r.id, null, maintenance_facts(w)) as "_audit"
from w, r;

-- name: maintenance_change
-- $1 project, $2 id, $3 name or null: as it is, $4 whether $5 the checks are set, $6 whether the times are: $7 starts, $8 ends, $9 weekdays,
-- $10 start time, $11 minutes, $12 zone; audit: $13 row id, $14 who.
with old as (
	select r.org_id, w.id, maintenance_facts(w) as was from projects r join maintenance_windows w on w.project_id = r.id
	where r.id = $1::text and w.id = $2::text and r.deleting_at is null for no key update of r, w
), w as (
	update maintenance_windows w set name = coalesce($3::text, w.name), check_ids = case when $4::bool then $5::text[] else w.check_ids end,
		starts_at = case when $6::bool then $7::timestamptz else w.starts_at end,
		ends_at = case when $6 then $8::timestamptz else w.ends_at end,
		weekdays = case when $6 then $9::bigint[]::int[] else w.weekdays end,
		start_time = case when $6 then $10::text::time else w.start_time end,
		duration_min = case when $6 then $11::int else w.duration_min end,
		time_zone = case when $6 then $12::text else w.time_zone end, updated_at = now()
	from old where w.id = old.id
	returning w.id, maintenance_facts(w) as became
)
select w.id, audit_add($13::text, old.org_id, $14::text[], 'maintenance.change', 'maintenance', w.id, $1, differing(old.was, w.became),
	differing(w.became, old.was)) as "_audit"
from w, old;

-- name: maintenance_delete
-- $1 project, $2 id; audit: $3 row id, $4 who.
with r as (
	select id, org_id from projects where id = $1::text for no key update
), w as (
	delete from maintenance_windows w using r where w.project_id = r.id and w.id = $2::text returning w.id, maintenance_facts(w) as was
)
select w.id, audit_add($3::text, r.org_id, $4::text[], 'maintenance.remove', 'maintenance', w.id, r.id, w.was, null) as "_audit" from w, r;
