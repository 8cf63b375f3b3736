-- Probes: who probes what when, and what came of it. The protocol is explained in core/worker/prober.h. Locks are taken on rows of
-- health_states: claims and renewals skip what is locked, so that only results and people ever wait for each other.

-- name: probes_claim
-- What is due within $2 ms, at most $3 of it, for the worker $1 with a lease of $4 ms; and all that probing and judging it takes.
-- Somebody else's whose lease ran out keeps its slot.
with due as materialized (
	select check_id from health_states
	where due_at <= now() + $2::bigint * interval '1 ms'
	order by due_at limit $3::int for update skip locked
), s as (
	update health_states h
	set slot_at = case when h.worker is null or h.slot_at is null then h.due_at else h.slot_at end, worker = $1::text, fence = h.fence + 1,
		due_at = now() + $4::bigint * interval '1 ms'
	from due where h.check_id = due.check_id
	returning h.*
), wanted as (
	update health_runs r set fence = s.fence from s where r.check_id = s.check_id and r.finished_at is null
	returning r.check_id
)
select s.check_id, c.project_id, c.name, s.fence, s.slot_at, c.interval_ms,
	(hashtextextended(s.check_id, 0) & 9223372036854775807) % c.interval_ms as phase_ms, c.enabled,
	s.check_id in (select check_id from wanted) as wanted,
	exists (select 1 from maintenance_windows w where w.project_id = c.project_id)
		and maintenance_open(c.id, c.project_id, greatest(s.slot_at, now())) as maintenance,
	c.depends_on <> '{}' as has_parents,
	c.url, c.method, c.http_version, c.timeout_ms, c.redirects, c.verify_tls,
	case when c.headers <> '{}' then c.headers end as headers,
	(select json_object_agg(h.name, encode(h.sealed, 'hex')) from health_check_headers h where h.check_id = c.id) as secrets,
	v.url as preview_url, v.provider, a.attempt_id, a.sealed as preview_secrets,
	case when a.sealed is not null or exists (select 1 from health_check_headers h where h.check_id = c.id) then
		(select encode(k.wrapped, 'hex') from project_keys k where k.project_id = c.project_id) end as wrapped,
	c.expected_min, c.expected_max, c.response_contains, c.response_matches, c.json_path, c.json_equals, c.latency_max_ms,
	s.certificate, s.certificate_expires_at, s.certificate_warned,
	c.failure_threshold, c.recovery_threshold, c.alert_cooldown_min, c.reminder_min, c.flap_changes, c.flap_window_min,
	(extract(epoch from c.updated_at) * 1000000)::bigint as version,
	s.status, s.failures, s.successes, s.failing_since, s.flapping, s.incident_id is not null as incident, s.told, s.told_at,
	s.acknowledged,
	case when s.changes <> '{}' then
		(select string_agg((extract(epoch from t) * 1000)::bigint::text, ',') from unnest(s.changes) t) end as changes,
	s.acc_at, s.acc_ok, s.acc_failed, s.acc_inconclusive, s.acc_latency_sum, s.acc_latency_min, s.acc_latency_max,
	now() as at
from s join health_checks c on c.id = s.check_id
left join previews v on v.id = c.preview_id
left join lateral preview_probe_headers(c.preview_id) a on true;

-- name: probes_renew
-- $1 worker, $2 checks it is still at, $3 lease in ms.
update health_states set due_at = now() + $3::bigint * interval '1 ms'
where check_id = any (array(select check_id from health_states where check_id = any ($2::text[]) and worker = $1::text
	for update skip locked)) and worker = $1;

-- name: probes_give_back
-- What was claimed and not probed is due again, in the same slot. $1 checks, $2 fences.
update health_states s set due_at = s.slot_at, worker = null
from unnest($1::text[], $2::bigint[]) r (check_id, fence)
where s.check_id = r.check_id and s.fence = r.fence and s.worker is not null;

-- name: probes_take_over
-- A worker has ended: what it was at is due again. $1 worker.
update health_states set due_at = slot_at, worker = null where worker = $1::text;

-- name: probes_parents
-- Of checks that look bad: what their parents look like. $1 checks, $2 since when each fails, Unix ms, $3 how old in ms a look must be
-- before one that is down is looked at again. One that is disabled says nothing; what is inconclusive hides nobody, but for a parent of its own.
select r.check_id, coalesce(bool_or(w.down), false) as down,
	coalesce(bool_or(w.down and w.old and s.last_checked_at < now() - $3::bigint * interval '1 ms'), false) as down_of_old,
	bool_or(s.last_checked_at is null or w.old or (s.last_verdict = 'INCONCLUSIVE' and not w.down)) as unknown
from unnest($1::text[], $2::bigint[]) r (check_id, since)
join health_checks c on c.id = r.check_id
join health_checks p on p.id = any (c.depends_on) and p.project_id = c.project_id and p.enabled
join health_states s on s.check_id = p.id
cross join lateral (select coalesce(s.status = 'DEGRADED' or (s.last_verdict in ('FAILED', 'MAINTENANCE') and not s.last_ok)
		or s.last_error = 'PARENT_DOWN', false) as down,
	s.last_checked_at < timestamptz 'epoch' + r.since * interval '1 ms' as old) w
group by r.check_id;

-- name: probes_hurry
-- The parents of these checks are looked at now. $1 checks.
update health_states set due_at = now()
where worker is null and check_id = any (array(
	select s.check_id
	from health_checks c join health_checks p on p.id = any (c.depends_on) and p.project_id = c.project_id and p.enabled
	join health_states s on s.check_id = p.id
	where c.id = any ($1::text[]) and s.worker is null and s.due_at > now()
	for update of s skip locked));

-- name: probes_results
-- What came of probes, written by who has claimed them still: $1 worker. Arrays, one element for each: $2 check, $3 fence, $4 project,
-- $5 id of the sample, $6 its number as a verdict, $7 flags (1 ok, 2 flapping, 4 told, 8 an incident is open, 16 it is told back),
-- $8 error, $9 status code, $10 latency, $11 when, $12 next slot, $13 for an interval of; $14 status, $15 failures, $16 successes,
-- $17 failing since, $18 changes of the status where they are others, $19 newest alert; $20 certificate if one was seen, $21 its end,
-- $22 warned of; $23 to $29 the five minutes under way: from, ok, failed, inconclusive, sum, least and most latency.
-- Five minutes that are over: $30 check, $31 to $37 as $23 to $29. For people who wait: $38 check, $39 fence, $40 answer.
-- $41 fences of $30; $42 versions of the checks that were probed: where somebody has changed one since, nothing is written, and it is due.
-- One check may come twice, of an older claim that ran out and a newer one: only the newer counts, so all is joined by the fence as well.
-- Times are Unix ms; 0 is none, a number of -1 as well.
with r as materialized (
	select * from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[],
		$10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[],
		$19::bigint[], $20::text[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[],
		$28::bigint[], $29::bigint[], $42::bigint[])
		as r (check_id, fence, project_id, sample_id, verdict, flags, error, code, latency, at, next, interval_ms, status, failures,
			successes, since, changes, told_at, certificate, expires, warned, acc_at, acc_ok, acc_failed, acc_inconclusive, acc_sum, acc_min,
			acc_max, version)
), done as (
	update health_states s
	set worker = null,
		due_at = case when not c.enabled then null when c.interval_ms = r.interval_ms then timestamptz 'epoch' + r.next * interval '1 ms'
			else health_slot(c.id, c.interval_ms, now()) end,
		status = case r.status when 1 then 'OK' when 2 then 'DEGRADED' end,
		failures = r.failures, successes = r.successes,
		failing_since = case when r.since > 0 then timestamptz 'epoch' + r.since * interval '1 ms' end,
		changes = case when r.changes is null then s.changes else array(
			select timestamptz 'epoch' + t * interval '1 ms' from unnest(r.changes::bigint[]) t) end,
		flapping = r.flags & 2 <> 0, told = r.flags & 4 <> 0 or (s.told and r.flags & 8 <> 0),
		told_at = case when r.told_at > 0 then timestamptz 'epoch' + r.told_at * interval '1 ms' end,
		acknowledged = s.acknowledged and r.flags & 8 <> 0,
		last_ok = r.flags & 1 <> 0, last_verdict = (array['OK', 'FAILED', 'INCONCLUSIVE', 'MAINTENANCE'])[r.verdict::int],
		last_error = r.error, last_status_code = nullif(r.code, 0), last_latency_ms = nullif(r.latency, -1),
		last_checked_at = timestamptz 'epoch' + r.at * interval '1 ms',
		certificate = coalesce(r.certificate, s.certificate),
		certificate_expires_at = case when r.certificate is null then s.certificate_expires_at
			else timestamptz 'epoch' + r.expires * interval '1 ms' end,
		certificate_warned = nullif(r.warned, 0),
		acc_at = case when r.acc_at > 0 then timestamptz 'epoch' + r.acc_at * interval '1 ms' end,
		acc_ok = r.acc_ok, acc_failed = r.acc_failed, acc_inconclusive = r.acc_inconclusive, acc_latency_sum = r.acc_sum,
		acc_latency_min = nullif(r.acc_min, -1), acc_latency_max = nullif(r.acc_max, -1)
	from r join health_checks c on c.id = r.check_id
	where s.check_id = r.check_id and s.worker = $1::text and s.fence = r.fence
		and r.version = (extract(epoch from c.updated_at) * 1000000)::bigint
	returning s.check_id, s.fence, s.slot_at, r.project_id, r.sample_id, r.flags, r.error, s.last_verdict, s.last_ok, s.last_status_code,
		s.last_latency_ms, s.last_checked_at
), changed as (
	update health_states s
	set worker = null, due_at = case when c.enabled
		or exists (select from health_runs h where h.check_id = c.id and h.finished_at is null) then now() end
	from r join health_checks c on c.id = r.check_id
	where s.check_id = r.check_id and s.worker = $1::text and s.fence = r.fence
		and r.version <> (extract(epoch from c.updated_at) * 1000000)::bigint
), rolled as (
	insert into health_rollups as o (check_id, step, at, ok, failed, inconclusive, latency_sum, latency_min, latency_max)
	select k.check_id, w.step, date_bin(w.step * interval '1 minute', timestamptz 'epoch' + k.at * interval '1 ms', timestamptz 'epoch'),
		k.ok, k.failed, k.inconclusive, k.sum, nullif(k.min, -1), nullif(k.max, -1)
	from unnest($30::text[], $31::bigint[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[], $37::bigint[],
			$41::bigint[]) as k (check_id, at, ok, failed, inconclusive, sum, min, max, fence)
		join done on done.check_id = k.check_id and done.fence = k.fence, (values (5), (60), (1440)) w (step)
	on conflict (check_id, step, at) do update set ok = o.ok + excluded.ok, failed = o.failed + excluded.failed,
		inconclusive = o.inconclusive + excluded.inconclusive, latency_sum = o.latency_sum + excluded.latency_sum,
		latency_min = least(o.latency_min, excluded.latency_min), latency_max = greatest(o.latency_max, excluded.latency_max)
), answered as (
	update health_runs h set finished_at = now(), result = a.answer::jsonb
	from unnest($38::text[], $39::bigint[], $40::text[]) as a (check_id, fence, answer)
		join done on done.check_id = a.check_id and done.fence = a.fence
	where h.check_id = a.check_id and h.fence = a.fence and h.finished_at is null
), sampled as (
	insert into health_samples (id, project_id, health_check_id, ok, verdict, status_code, latency_ms, error, slot_at, created_at)
	select sample_id, project_id, check_id, last_ok, last_verdict, last_status_code, last_latency_ms, error, slot_at, last_checked_at
	from done
)
select check_id, fence from done where flags & 16 <> 0;
