-- Windows of maintenance: when they are open.

-- When a weekly window of this day begins; null: on no such day. An hour that a clock skips begins that much later; one that comes twice
-- counts the second time: so PostgreSQL reads such times. A zone that the server's tables have lost has no windows, and stops nobody.
create function maintenance_begin(w maintenance_windows, day date) returns timestamptz language plpgsql stable as $$
begin
	if extract(isodow from day)::int = any (w.weekdays) then
		begin
			return (day + w.start_time) at time zone w.time_zone;
		exception when invalid_parameter_value then
			return null;
		end;
	end if;
	return null;
end
$$;

-- The days are those around the one in UTC: a zone's may be the one before or behind it.
create function maintenance_window_open(w maintenance_windows, at timestamptz) returns bool language sql stable as $$
	select case when w.starts_at is not null then w.starts_at <= at and at < w.ends_at
		else exists ( -- the longest one began less than a week ago
			select from generate_series(-1, 8) n, lateral maintenance_begin(w, (at at time zone 'UTC')::date - n) begun
			where begun <= at and at < begun + w.duration_min * interval '1 minute') end
$$;

-- The next time it opens; null = never again.
create function maintenance_next(w maintenance_windows, at timestamptz) returns timestamptz language sql stable as $$
	select case when w.starts_at is not null then case when w.starts_at > at then w.starts_at end
		else (select min(begun) from generate_series(-1, 9) n, lateral maintenance_begin(w, (at at time zone 'UTC')::date + n) begun
			where begun > at) end
$$;

-- Is a window open that has this check? PL/pgSQL keeps the plan: it is asked for with each probe, and most projects have no window.
create function maintenance_open(checked text, project text, at timestamptz) returns bool language plpgsql stable as $$
begin
	return exists (select from maintenance_windows w
		where w.project_id = project and (w.check_ids is null or checked = any (w.check_ids)) and maintenance_window_open(w, at));
end
$$;

-- An id as core/base/id.c makes them, for rows that triggers make: time in front, chance behind.
create function id_new(prefix text) returns text language sql volatile as $$
	select prefix || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
		case when i < 10 then (ms >> (45 - 5 * i)) & 31 else get_byte(chance, i - 10) & 31 end::int + 1, 1), '' order by i)
	from generate_series(0, 25) i, (select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms,
		uuid_send(gen_random_uuid()) as chance) s
$$;
