-- Samples and rollups: what is read out of them, and the partitions they lie in.

-- What counts of a check within the last hours, in whole steps, with the five minutes under way: 5 minutes up to a day, hours up to
-- a week, days beyond.
create function health_counts(check_id text, hours int, out ok bigint, out failed bigint, out inconclusive bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
	since timestamptz := now() - hours * interval '1 hour';
begin
	if hours <= 24 then
		select sum(r.ok), sum(r.failed), sum(r.inconclusive) into ok, failed, inconclusive
		from health_rollups_5m r where r.check_id = $1 and r.step = 5 and r.at >= since;
	elsif hours <= 168 then
		select sum(r.ok), sum(r.failed), sum(r.inconclusive) into ok, failed, inconclusive
		from health_rollups_1h r where r.check_id = $1 and r.step = 60 and r.at >= since;
	else
		select sum(r.ok), sum(r.failed), sum(r.inconclusive) into ok, failed, inconclusive
		from health_rollups_1d r where r.check_id = $1 and r.step = 1440 and r.at >= since;
	end if;
	select coalesce(ok, 0) + coalesce(sum(s.acc_ok), 0), coalesce(failed, 0) + coalesce(sum(s.acc_failed), 0),
		coalesce(inconclusive, 0) + coalesce(sum(s.acc_inconclusive), 0) into ok, failed, inconclusive
	from health_states s where s.check_id = $1 and s.acc_at >= since;
end
$$;

-- In percent; null while nothing counts. Cut, not rounded: 100 says that nothing failed.
create function health_percent(ok bigint, failed bigint) returns float8 language sql immutable as $$
	select case when ok + failed > 0 then trunc(100.0 * ok / (ok + failed), 3)::float8 end
$$;
create function health_uptime(check_id text, hours int) returns float8 language sql stable as $$
	select health_percent(c.ok, c.failed) from health_counts(check_id, hours) c
$$;
