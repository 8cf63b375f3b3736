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

-- What people set of a check, as the API calls it; secret headers by their masks.
create view health_check_fields as
select c.id, c.project_id as "projectId", c.preview_id as "previewId", c.name, c.url, c.method,
	(select coalesce(jsonb_agg(jsonb_build_object('name', h.name, 'value', h.value, 'secret', h.secret) order by lower(h.name), h.name), '[]')
		from (select key as name, value, false as secret from jsonb_each_text(c.headers)
			union all select s.name, s.mask, true from health_check_headers s where s.check_id = c.id) h) as headers,
	c.expected_min as "expectedMin", c.expected_max as "expectedMax", c.response_contains as "responseContains",
	c.response_matches as "responseMatches", c.json_path as "jsonPath", c.json_equals::json as "jsonEquals",
	c.latency_max_ms as "maxLatencyMs", c.interval_ms / 1000 as "intervalSec", c.timeout_ms as "timeoutMs", c.redirects,
	c.verify_tls as "verifyTls", c.http_version as "httpVersion", c.failure_threshold as "failureThreshold",
	c.recovery_threshold as "recoveryThreshold", c.alert_cooldown_min as "alertCooldownMin", c.reminder_min as "reminderMin",
	c.flap_changes as "flapChanges", c.flap_window_min as "flapWindowMin", to_json(c.depends_on) as "dependsOn", c.enabled,
	c.created_at as "createdAt", c.updated_at as "updatedAt"
from health_checks c;

-- The same for the audit: of headers only their names, whatever they hold.
create function health_check_facts(check_id text) returns jsonb language sql stable as $$
	select to_jsonb(f) - array['id', 'projectId', 'previewId', 'createdAt', 'updatedAt']
		|| jsonb_build_object('headers', (select coalesce(jsonb_agg(h -> 'name'), '[]') from jsonb_array_elements(f.headers) h))
	from health_check_fields f where f.id = check_id
$$;

-- As the audit shows them: the query of an URL may hold a secret. One that changed in it alone is there twice, the same.
create function health_check_shown(facts jsonb) returns jsonb language sql immutable as $$
	select case when facts ? 'url' then facts || jsonb_build_object('url', regexp_replace(facts ->> 'url', '\?.*', '?***')) else facts end
$$;

-- Nobody depends on a check that is gone. A window or a status page that was for it alone is for none then, not for all.
create function health_check_forget() returns trigger language plpgsql as $$
begin
	update health_checks set depends_on = array_remove(depends_on, old.id)
	where project_id = old.project_id and depends_on <> '{}' and depends_on @> array[old.id];
	update maintenance_windows set check_ids = array_remove(check_ids, old.id) where project_id = old.project_id and old.id = any (check_ids);
	update status_pages set check_ids = array_remove(check_ids, old.id) where project_id = old.project_id and old.id = any (check_ids);
	return null;
end
$$;
create trigger health_check_forget after delete on health_checks for each row execute function health_check_forget();

-- A window for the audit.
create function maintenance_facts(w maintenance_windows) returns jsonb language sql stable as $$
	select jsonb_build_object('name', w.name, 'checkIds', w.check_ids, 'startsAt', iso_time(w.starts_at), 'endsAt', iso_time(w.ends_at),
		'weekdays', w.weekdays, 'startTime', to_char(w.start_time, 'HH24:MI'), 'durationMin', w.duration_min, 'timeZone', w.time_zone)
$$;

-- ---- checks of previews ----

-- A preview whose deployment is up has a check, until it is no longer wanted or nothing of it is up. It is made when the preview is READY,
-- and follows its URL: while a newer commit is built, what was READY before stays up, and so does its check. What people changed of it stays.
create function preview_check_name(p previews) returns text language sql immutable as $$
	select 'Preview #' || p.pr_number
$$;
create function preview_is_up(p previews) returns bool language sql immutable as $$
	select p.visible and p.desired <> 'destroyed' and p.status <> 'DESTROYED' and p.url is not null
$$;
create function preview_check() returns trigger language plpgsql as $$
begin
	if not preview_is_up(new) then
		delete from health_checks where preview_id = new.id;
		return null;
	end if;
	update health_checks set url = new.url, updated_at = now() where preview_id = new.id and url <> new.url;
	if new.status = 'READY' then
		insert into health_checks (id, project_id, preview_id, name, url)
		select id_new('check_'), r.id, new.id, preview_check_name(new), new.url
		from projects r where r.id = new.project_id and r.preview_checks and r.deleting_at is null
			and not exists (select from health_checks where preview_id = new.id)
		on conflict do nothing;
	end if;
	return null;
end
$$;
-- Most changes of a preview come before it has a URL: they cost nothing.
create trigger preview_check after update of status, desired, visible, url on previews for each row
	when ((old.url is not null or new.url is not null)
		and (old.status, old.desired, old.visible, old.url) is distinct from (new.status, new.desired, new.visible, new.url))
	execute function preview_check();

create function preview_checks_make(project text) returns void language sql as $$
	insert into health_checks (id, project_id, preview_id, name, url)
	select id_new('check_'), p.project_id, p.id, preview_check_name(p), p.url
	from previews p where p.project_id = project and preview_is_up(p)
	on conflict do nothing
$$;
create function project_preview_checks() returns trigger language plpgsql as $$
begin
	if new.preview_checks then
		perform preview_checks_make(new.id);
	else
		delete from health_checks where project_id = new.id and preview_id is not null;
	end if;
	return null;
end
$$;
create trigger project_preview_checks after update of preview_checks on projects for each row
	when (old.preview_checks is distinct from new.preview_checks) execute function project_preview_checks();
select preview_checks_make(id) from projects where deleting_at is null;

-- The headers that requests to a preview's URL are to be sent with: of the deployment that answers there, and of no other.
create function preview_probe_headers(preview text, out attempt_id text, out sealed text) returns setof record language sql stable as $$
	select a.id, encode(h.sealed, 'hex')
	from previews p join preview_attempts a on a.preview_id = p.id and a.status = 'READY' and a.state <> 'gone' and a.url = p.url
		left join attempt_probe_headers h on h.attempt_id = a.id
	where p.id = preview
	order by a.generation desc, a.created_at desc limit 1
$$;
