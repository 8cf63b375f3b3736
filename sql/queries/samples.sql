-- Results of a check, one by one or as what they came to in a step of time, newest first; and its uptime.

-- name: samples_raw
-- $1 check, $2 from, $3 to (exclusive); behind the row of $4 (microseconds, or null) and $5 (id); $6 how many.
select id, status_code as "statusCode", ok, verdict, latency_ms as "latencyMs", error, created_at as "createdAt",
	'at_' || (extract(epoch from created_at) * 1000000)::bigint || '.' || id as "_cursor"
from health_samples
where health_check_id = $1::text and created_at >= $2::timestamptz and created_at < $3::timestamptz
	and created_at <= coalesce(timestamptz 'epoch' + $4::bigint * interval '1 microsecond', 'infinity')
	and (created_at < coalesce(timestamptz 'epoch' + $4::bigint * interval '1 microsecond', 'infinity') or id collate "C" < $5::text)
order by created_at desc, id collate "C" desc
limit $6::int;

-- name: samples_rolled
-- $1 check, $2 minutes of a step, $3 from, $4 to (exclusive); before $5 (microseconds, or null); $6 how many. The five minutes under way
-- are a part of their step.
select at, $2::int as minutes, sum(ok)::int as ok, sum(failed)::int as failed, sum(inconclusive)::int as inconclusive,
	round(sum(latency_sum) / nullif(sum(ok), 0))::int as "latencyAvgMs", min(latency_min) as "latencyMinMs",
	max(latency_max) as "latencyMaxMs", health_percent(sum(ok), sum(failed)) as uptime,
	'at_' || (extract(epoch from at) * 1000000)::bigint || '.' as "_cursor"
from ((select at, ok, failed, inconclusive, latency_sum, latency_min, latency_max
		from health_rollups
		where check_id = $1::text and step = $2 and at >= $3::timestamptz and at < $4::timestamptz
			and at < coalesce(timestamptz 'epoch' + $5::bigint * interval '1 microsecond', 'infinity')
		order by at desc
		limit $6::int)
	union all
	select date_bin($2 * interval '1 minute', acc_at, 'epoch'), acc_ok, acc_failed, acc_inconclusive, acc_latency_sum, acc_latency_min, acc_latency_max
	from health_states
	where check_id = $1 and acc_ok + acc_failed + acc_inconclusive > 0) s
where at >= $3 and at < $4 and at < coalesce(timestamptz 'epoch' + $5 * interval '1 microsecond', 'infinity')
group by at
order by at desc
limit $6;

-- name: check_uptime
-- $1 check.
select w.name, c.ok, c.failed, c.inconclusive, health_percent(c.ok, c.failed) as uptime,
	case when c.ok + c.failed > 0 then c.failed::float8 / (c.ok + c.failed) end as rate
from (values (1, '1h', 1), (2, '24h', 24), (3, '7d', 168), (4, '30d', 720), (5, '90d', 2160)) w (n, name, hours),
	lateral health_counts($1::text, w.hours) c
order by w.n;
