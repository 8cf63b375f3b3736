-- Health checks as people make and see them. What is known of each the workers write: probes.sql. Columns that begin with _ are for us.

-- name: health_checks_of
-- $1 project, $2 only this one or null, $3 before this id, $4 how many. Newest first.
select f.id, f."projectId", f."previewId", f.name, f.url, f.method, f.headers, f."expectedMin", f."expectedMax", f."responseContains",
	f."responseMatches", f."jsonPath", f."jsonEquals", f."maxLatencyMs", f."intervalSec", f."timeoutMs", f.redirects, f."verifyTls",
	f."httpVersion", f."failureThreshold", f."recoveryThreshold", f."alertCooldownMin", f."reminderMin", f."flapChanges",
	f."flapWindowMin", f."dependsOn", f.enabled, s.status as "lastStatus", s.last_latency_ms as "lastLatencyMs",
	s.last_checked_at as "lastCheckedAt", s.last_error as "lastError", s.last_status_code as "lastStatusCode",
	health_uptime(f.id, 24) as uptime, s.flapping, s.incident_id as "openIncidentId", s.certificate_expires_at as "certificateExpiresAt",
	maintenance_open(f.id, f."projectId", now()) as "inMaintenance", f."createdAt", f."updatedAt",
	c.interval_ms as "_interval_ms", c.json_equals as "_json_equals", c.xmin::text as "_version"
from health_check_fields f join health_checks c on c.id = f.id join health_states s on s.check_id = f.id
where f."projectId" = $1::text and ($2::text is null or f.id = $2) and f.id < $3::text
order by f.id desc
limit $4::int;

-- name: health_check_lock
-- Whoever changes checks or windows of a project holds it: what is read after that stays true until his commit. $1 project, $2 check or
-- null. No row: it is being deleted.
select r.org_id, (select count(*) from health_checks where project_id = r.id and preview_id is null) as checks,
	(select count(*) from maintenance_windows where project_id = r.id) as windows, health_check_facts($2::text)::text as was
from (select id, org_id from projects where id = $1::text and deleting_at is null for no key update) r;

-- name: health_check_parents
-- $1 project, $2 check, $3 those that it shall depend on: one that is not there, and whether a circle would come of it.
with recursive above as (
	select id, depends_on from health_checks where project_id = $1::text and id = any ($3::text[])
	union
	select c.id, c.depends_on from above a join health_checks c on c.project_id = $1 and c.id = any (a.depends_on)
)
select (select min(w) from unnest($3) w where not exists (select from health_checks where project_id = $1 and id = w)) as missing,
	exists (select from above where id = $2::text) as circle;

-- name: health_check_insert
-- $1 id, $2 project. All else is written by health_check_update.
insert into health_checks (id, project_id, name, url) values ($1::text, $2::text, '', '');

-- name: health_check_update
-- $1 id, $2 the row's version that was read or null; $3 name, $4 url, $5 method, $6 headers that are no secret, $7 expected_min,
-- $8 expected_max, $9 contains, $10 matches, $11 JSON path, $12 equals, $13 most latency, $14 interval, $15 time-out, $16 redirects,
-- $17 verify_tls, $18 http_version, $19 failures, $20 recovery, $21 cooldown, $22 reminder, $23 flap changes, $24 their window, $25 depends_on,
-- $26 enabled. No row: somebody else has changed it.
update health_checks set name = $3::text, url = $4::text, method = $5::text, headers = $6::jsonb, expected_min = $7::int,
	expected_max = $8::int, response_contains = $9::text, response_matches = $10::text, json_path = $11::text, json_equals = $12::text,
	latency_max_ms = $13::int, interval_ms = $14::int, timeout_ms = $15::int, redirects = $16::int, verify_tls = $17::bool,
	http_version = $18::text, failure_threshold = $19::int, recovery_threshold = $20::int, alert_cooldown_min = $21::int,
	reminder_min = $22::int, flap_changes = $23::int, flap_window_min = $24::int, depends_on = $25::text[], enabled = $26::bool,
	updated_at = now()
where id = $1::text and ($2::text is null or xmin::text = $2)
returning id;

-- name: health_check_headers_write
-- $1 check, $2 names of secret headers that it has from now on; those that are new, one row each: $3 names, $4 sealed, in hex, $5 key ids,
-- $6 masks.
with gone as (
	delete from health_check_headers where check_id = $1::text and name <> all ($2::text[])
)
insert into health_check_headers as h (check_id, name, sealed, key_id, mask)
select $1, n.name, decode(n.sealed, 'hex'), n.key_id, n.mask from unnest($3::text[], $4::text[], $5::text[], $6::text[]) n (name, sealed, key_id, mask)
on conflict (check_id, name) do update set sealed = excluded.sealed, key_id = excluded.key_id, mask = excluded.mask, updated_at = now();

-- name: health_check_audit
-- $1 project, $2 its organization, $3 check, $4 action, $5 what it was, '' = not there, $6 secret headers that were set; $7 row id, $8 who.
with now as (
	select health_check_facts($3::text) as became, nullif($5::text, '')::jsonb as was
)
select audit_add($7::text, $2::text, $8::text[], $4::text, 'check', $3, $1::text, health_check_shown(case when became is null then was else differing(was, became) end),
	health_check_shown(case when was is null then became else differing(became, was) end)
		|| case when cardinality($6::text[]) > 0 then jsonb_build_object('secretsSet', to_jsonb($6)) else '{}' end) as "_audit"
from now where was is distinct from became or cardinality($6) > 0;

-- name: health_check_delete
-- $1 project, $2 id. One of a preview goes with it, not before.
delete from health_checks where project_id = $1::text and id = $2::text and preview_id is null returning id;
