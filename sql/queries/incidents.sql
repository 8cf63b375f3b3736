-- Incidents and alerts: written by the prober, told by the announcer, read by people.

-- name: incident_lock
-- The projects and the checks $1 that events are to be written of, before anything else is locked: in the order of who deletes them.
-- One that is being deleted, or somebody holds, is left out.
select c.id
from projects p join health_checks c on c.project_id = p.id
where c.id = any ($1::text[])
order by p.id, c.id
for key share of p, c skip locked;

-- name: incident_events
-- One element of each array for each check: $1 its id, $2 an id for an incident, $3 what happened (null = nothing), $4 1 = people are
-- told, $5 1 = the incident ends, $6 when, Unix ms, $7 since when it fails, $8 error, $9 what is wrong, $10 class of the error,
-- $11 id of an alert; of a certificate: $12 id of an alert, $13 threshold, $14 sentence (null = none), $15 SHA-256 of it.
-- incident_lock has the checks: nothing is left out. What says that an incident is open opens one when there is none. A certificate that the
-- project was warned of at this threshold is not warned of again: behind one name there may be several, in turns.
with c as (
	select id, project_id, preview_id, url from health_checks where id = any ($1::text[]) order by id for key share
), given as (
	select g.*, c.project_id, least(to_timestamp(g.at_ms / 1000.0), now()) as at, to_timestamp(g.began_ms / 1000.0) as began,
		coalesce('provider ' || v.provider, 'host ' || substring(c.url from '^[a-z]+://([^/?#]+)')) || ' ' || g.class as cause
	from unnest($1, $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[],
			$11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
			as g (check_id, id, kind, told, over, at_ms, began_ms, error, message, class, alert_id, certificate_id, threshold, certificate, sha256)
		join c on c.id = g.check_id left join previews v on v.id = c.preview_id
), was as (
	select i.id, i.check_id, i.acknowledged_at is not null as is_looked_after from health_incidents i
	where i.check_id = any ($1) and i.ended_at is null order by i.id for update
), opened as (
	insert into health_incidents (id, project_id, check_id, began_at, opened_at, error, message, cause, flapping, thread_key)
	select g.id, g.project_id, g.check_id, g.began, g.at, g.error, g.message, g.cause, g.kind = 'FLAPPING', 'incident:' || g.id
	from given g
	where g.kind is not null and g.over = 0 and not exists (select from was where was.check_id = g.check_id)
	order by g.check_id
	returning id, check_id
), changed as (
	update health_incidents i
	set flapping = i.flapping or g.kind = 'FLAPPING', ended_at = case when g.over = 1 then g.at end,
		end_reason = case when g.over = 1 then 'RECOVERED' end
	from given g join was on was.check_id = g.check_id
	where i.id = was.id and (g.over = 1 or g.kind = 'FLAPPING')
), known as (
	select id, check_id, is_looked_after from was union all select id, check_id, false from opened
), alerted as (
	insert into health_alerts (id, project_id, check_id, incident_id, kind, error, message, certificate, created_at)
	select g.alert_id, g.project_id, g.check_id, k.id, g.kind, g.error, g.message, null, g.at
	from given g join known k on k.check_id = g.check_id
	-- somebody may have said so while it was looked at
	where g.kind is not null and g.told = 1 and not (g.kind = 'REMINDER' and k.is_looked_after)
	union all
	select g.certificate_id, g.project_id, g.check_id, null, 'CERTIFICATE', g.threshold, g.certificate, g.sha256, g.at
	from given g
	where g.certificate is not null and not exists (select from health_alerts a
		where a.project_id = g.project_id and a.certificate = g.sha256 and a.error = g.threshold)
)
update health_states s set incident_id = case when g.over = 0 then k.id end
from given g left join known k on k.check_id = g.check_id
where s.check_id = g.check_id and g.kind is not null and s.incident_id is distinct from case when g.over = 0 then k.id end;

-- name: health_announce
-- $1 how long an alert waits for others, ms, $2 now as Unix ms or null, $3 how many at most of each kind.
select health_announce($1::bigint, coalesce(to_timestamp($2::bigint / 1000.0), now()), $3::int) as n;

-- name: incidents_clean
-- What ended so long ago, with its alerts, and alerts that belong to none. $1 days, $2 how many.
with gone as (
	delete from health_alerts where id = any (array(select id from health_alerts
		where created_at < now() - $1::bigint * interval '1 day' and incident_id is null order by created_at limit $2::int))
)
delete from health_incidents where id = any (array(select id from health_incidents
	where ended_at < now() - $1 * interval '1 day' order by ended_at limit $2));

-- name: alerts_of_check
-- $1 check, $2 before this id, $3 how many.
select a.id, a.check_id as "healthCheckId", a.incident_id as "incidentId", a.kind, a.error, a.message, a.created_at as "createdAt",
	a.announced_at as "announcedAt", a.group_id as "groupId"
from health_alerts a
where a.check_id = $1::text and a.id < $2::text
order by a.id desc
limit $3::int;

-- name: incidents_of_check
-- $1 check, $2 before this id, $3 how many, $4 this one alone or null.
select i.id, i.project_id as "projectId", i.check_id as "healthCheckId", c.name as "healthCheck", i.began_at as "beganAt",
	i.opened_at as "openedAt", i.ended_at as "endedAt", i.end_reason as "endReason", i.error, i.message, i.flapping,
	i.acknowledged_at as "acknowledgedAt", i.acknowledged_by as "acknowledgedBy", i.note
from health_incidents i join health_checks c on c.id = i.check_id
where i.check_id = $1::text and i.id < $2::text and ($4::text is null or i.id = $4)
order by i.id desc
limit $3::int;

-- name: incidents_of_project
-- $1 project, $2 before this id, $3 how many, $4 only those that are open. Columns as of incidents_of_check.
select i.id, i.project_id as "projectId", i.check_id as "healthCheckId", c.name as "healthCheck", i.began_at as "beganAt",
	i.opened_at as "openedAt", i.ended_at as "endedAt", i.end_reason as "endReason", i.error, i.message, i.flapping,
	i.acknowledged_at as "acknowledgedAt", i.acknowledged_by as "acknowledgedBy", i.note
from health_incidents i join health_checks c on c.id = i.check_id
where i.project_id = $1::text and i.id < $2::text and (not $4::bool or i.ended_at is null)
order by i.id desc
limit $3::int;

-- name: incident_acknowledge
-- $1 check, $2 incident, $3 note or null, $4 id of an alert, $5 id of an audit row, $6 who, as audit_add() takes him.
select health_acknowledge($1::text, $2::text, $3::text, $4::text, $5::text, $6::text[]) as came;
