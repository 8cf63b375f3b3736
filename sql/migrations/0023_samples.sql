-- Samples and rollups: what is read out of them, and the partitions they lie in.

-- What counts of a check within the last hours, in whole steps and with the five minutes under way: steps of 5 minutes up to six hours,
-- of an hour up to a week, of a day beyond. (A day of 5 minutes opens the partition of each day, which a list of checks would notice.)
create function health_counts(check_id text, hours int, out ok bigint, out failed bigint, out inconclusive bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
	since timestamptz := now() - hours * interval '1 hour';
begin
	if hours <= 6 then
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

-- What is partitioned by time: which column, how long one partition is, which ones there are ahead, and what is not kept any longer.
create function health_partitioned(at timestamptz, sample_days int, rollup_5m_days int, rollup_1h_days int)
returns table (parent text, col text, unit text, step interval, first timestamp, last timestamp, kept timestamp) language sql stable as $$
	select p.parent, p.col, p.unit, ('1 ' || p.unit)::interval, date_trunc(p.unit, t), date_trunc(p.unit, t + p.ahead),
		date_trunc('day', t) - p.days * interval '1 day'
	from (select at at time zone 'UTC' as t) now, (values ('health_samples', 'created_at', 'day', interval '3 days', sample_days),
		('health_rollups_5m', 'at', 'day', interval '3 days', rollup_5m_days),
		('health_rollups_1h', 'at', 'month', interval '1 month', rollup_1h_days)) p (parent, col, unit, ahead, days)
$$;

-- A partition, with what lies in its time in the default one already. Made beside its parent and attached: who writes into other
-- partitions waits for nothing.
create function health_partition_make(parent text, col text, unit text, start timestamp, stop timestamp, out name text, out moved bigint)
language plpgsql as $$
declare
	was text := parent || '_default';
begin
	name := parent || to_char(start, case unit when 'day' then '_YYYYMMDD' else '_YYYYMM' end);
	execute format('lock table %I in access exclusive mode', was);
	execute format('create table %I (like %I including all)', name, parent);
	execute format('with r as (delete from %1$I where %2$I >= %3$L and %2$I < %4$L returning *) insert into %5$I select * from r',
		was, col, start || '+00', stop || '+00', name);
	get diagnostics moved = row_count;
	execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, name, start || '+00', stop || '+00');
end
$$;

-- The next step to the partitions that should be there: MADE, DROPPED, or BUSY: it would have had to wait, which it leaves for another
-- time. Null: there is nothing to do, or somebody else is at it. A transaction for each, so that its locks are short.
create function health_partition_step(at timestamptz, sample_days int, rollup_5m_days int, rollup_1h_days int,
	out done text, out name text, out moved bigint)
language plpgsql set lock_timeout = '100ms' as $$
declare
	p record;
	start timestamp;
begin
	if not pg_try_advisory_xact_lock(hashtextextended('health partitions', 0)) then
		return;
	end if;
	for p in select * from health_partitioned(at, sample_days, rollup_5m_days, rollup_1h_days) loop
		name := p.parent;
		for start in execute format('select * from generate_series($1, $2, $3) union'
			' select distinct date_trunc(%1$L, %2$I at time zone ''UTC'') from %3$I where %2$I >= $4 at time zone ''UTC'''
			' and %2$I < ($2 + $3) at time zone ''UTC'' order by 1', p.unit, p.col, p.parent || '_default')
			using p.first, p.last, p.step, p.kept
		loop
			name := p.parent || to_char(start, case p.unit when 'day' then '_YYYYMMDD' else '_YYYYMM' end);
			if to_regclass(name) is null then
				select m.moved into moved from health_partition_make(p.parent, p.col, p.unit, start, start + p.step) m;
				done := 'MADE';
				return;
			end if;
		end loop;
		select c.relname into name from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = p.parent::regclass and c.relname ~ ('^' || p.parent || '_[0-9]+$')
			and to_date(substr(c.relname, length(p.parent) + 2), 'YYYYMMDD') + p.step <= p.kept
		order by c.relname limit 1;
		if found then
			execute format('drop table %I', name);
			done := 'DROPPED';
			return;
		end if;
	end loop;
	name := null;
exception when lock_not_available or check_violation then -- a violation: a row came into the default one just now
	done := 'BUSY';
end
$$;

-- By age, and often written again.
create index health_rollups_1d_at on health_rollups_1d (at);
alter table health_rollups_1d set (fillfactor = 70);

-- Checks that were deleted, until their rollups of hours and days are: those of five minutes and the samples go with their partitions.
create table health_gone (
	check_id text collate "C" primary key
);
create function health_check_gone() returns trigger language plpgsql as $$
begin
	insert into health_gone values (old.id) on conflict do nothing;
	return null;
end
$$;
create trigger health_check_gone after delete on health_checks for each row execute function health_check_gone();

do $$
begin
	while (select done = 'MADE' from health_partition_step(now(), 14, 14, 120)) loop
	end loop;
end
$$;
