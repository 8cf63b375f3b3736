-- Alerts become notifications: one message for what has one cause, nothing twice. docs/health.md has the picture.

create index health_incidents_cause on health_incidents (project_id, cause) where ended_at is null;
create index health_incidents_thread on health_incidents (thread_key);
create index health_incidents_ended on health_incidents (ended_at) where ended_at is not null;
create index health_alerts_incident on health_alerts (incident_id, kind);
alter table health_alerts add column certificate text; -- SHA-256 of the one that it warns of, hex
create index health_alerts_certificate on health_alerts (project_id, certificate) where certificate is not null;
create index health_alerts_age on health_alerts (created_at) where incident_id is null;

-- One notification for each of a project's notifiers. Those that the installation has by default are made first.
create function notify_project(project text, kind text, thread text, facts jsonb) returns void language plpgsql as $$
begin
	if exists (select from notifier_defaults) then
		insert into project_notifiers (id, project_id, notifier, name, by_default)
		select 'ntf_' || replace(gen_random_uuid()::text, '-', ''), project, d.notifier, d.notifier, true
		from notifier_defaults d
		where not exists (select from project_notifiers c where c.project_id = project and c.notifier = d.notifier)
		on conflict do nothing;
	end if;
	insert into notifications (id, notifier_id, kind, thread_key, facts)
	select 'note_' || replace(gen_random_uuid()::text, '-', ''), c.id, kind, thread, facts
	from project_notifiers c
	where c.project_id = project and c.enabled
	order by c.id;
end
$$;

create or replace function preview_notify() returns trigger language plpgsql as $$
declare
	what text;
begin
	-- most projects tell nobody: nothing more is paid for than to see that
	if not exists (select from project_notifiers where project_id = new.project_id and enabled)
			and not exists (select from notifier_defaults) then
		return null;
	end if;
	what := preview_event(new);
	if what is null or (tg_op = 'UPDATE' and what is not distinct from preview_event(old)
			and (new.generation = old.generation or new.status <> 'QUEUED')) then
		return null;
	end if;
	perform notify_project(new.project_id, what, 'preview:' || new.id,
		jsonb_build_object('status', new.status, 'detail', new.detail, 'prNumber', new.pr_number, 'title', new.title,
			'branch', new.branch, 'baseBranch', new.base_branch, 'sha', new.sha, 'author', new.author, 'prUrl', new.html_url,
			'fromFork', new.from_fork, 'why', new.desired_why, 'provider', new.provider, 'attempts', new.attempts,
			'url', new.url, 'errorReason', new.error_reason, 'message', new.message, 'deploymentId', new.id,
			'inspectorUrl', (select a.inspector_url from preview_attempts a where a.id = new.attempt_id)));
	return null;
end
$$;

create or replace function rotation_tell(r rotations, kind text, message text) returns void language plpgsql as $$
begin
	perform notify_project(r.project_id, kind, 'rotation:' || r.id, jsonb_build_object('variable', r.key, 'policy', r.policy,
		'message', message, 'environment', (select e.name from environments e where e.id = r.environment_id)));
end
$$;

create function health_time(at timestamptz) returns text language sql immutable as $$
	select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- What is known of one alert. A query may hold a secret: it stays away.
create function health_facts(a health_alerts) returns jsonb language sql stable as $$
	select jsonb_strip_nulls(jsonb_build_object('check', c.name, 'checkId', c.id, 'url', split_part(c.url, '?', 1),
		'error', case when a.kind <> 'CERTIFICATE' then a.error end,
		'message', a.message, 'since', health_time(i.began_at),
		'durationMs', (extract(epoch from coalesce(i.ended_at, a.created_at) - i.began_at) * 1000)::bigint,
		'status', s.status, 'lastStatusCode', s.last_status_code, 'failures', nullif(s.failures, 0), 'incidentId', i.id,
		'acknowledgedBy', i.acknowledged_by, 'prNumber', v.pr_number, 'previewUrl', v.url, 'prUrl', v.html_url, 'deploymentId', v.id))
	from health_checks c join health_states s on s.check_id = c.id
		left join health_incidents i on i.id = a.incident_id
		left join previews v on v.id = c.preview_id
	where c.id = a.check_id
$$;

-- What is known of those that are told together: how many, how many are still down, who they are.
create function health_group_facts(thread text) returns jsonb language sql stable as $$
	select jsonb_build_object('count', count(*), 'open', count(*) filter (where ended_at is null), 'since', health_time(min(began_at)),
		'names', to_jsonb((array_agg(name order by ended_at is not null, name))[1:5]))
	from (select i.*, c.name from health_incidents i join health_checks c on c.id = i.check_id where i.thread_key = thread) m
$$;

-- New alerts of one thread, in words for it. Several that are told together are one message for each kind of news.
create function health_tell_thread(project text, thread text, alerts text[], told_at timestamptz) returns void language plpgsql as $$
declare
	a health_alerts;
	members jsonb := health_group_facts(thread);
	several bool := (members ->> 'count')::int > 1;
	down int := (members ->> 'open')::int;
	what text;
begin
	for a in
		select n.* from health_alerts n
		where n.id = any (alerts) and (not several or n.id = any (array(select distinct on (k.news) k.id
			from (select *, case when kind in ('RECOVERED', 'DISABLED') then 'OVER' else kind end as news from health_alerts) k
			where k.id = any (alerts) order by k.news, k.created_at desc, k.id desc)))
		order by n.created_at, n.id
	loop
		-- each of a group has a clock of its own for reminders: one of them speaks for all
		continue when several and a.kind = 'REMINDER' and exists (select from health_alerts o
			join health_incidents i on i.id = o.incident_id and i.thread_key = thread
			where o.kind in ('OPENED', 'REMINDER') and o.announced_at > told_at - interval '10 minutes' and o.id <> all (alerts));
		what := case
			when a.kind = 'OPENED' then 'health.degraded'
			when several and a.kind in ('RECOVERED', 'DISABLED') then case when down > 0 then 'health.degraded' else 'health.recovered' end
			-- the first word of one that began soon after another
			when a.kind = 'REMINDER' and not exists (select from health_alerts o where o.incident_id = a.incident_id and o.id <> all (alerts)
				and o.kind in ('OPENED', 'FLAPPING', 'REMINDER')) then 'health.degraded'
			else 'health.' || lower(a.kind)
		end;
		perform notify_project(project, what, thread, health_facts(a) || case when several then members else '{}' end);
	end loop;
	update health_alerts set announced_at = told_at, group_id = case when several then thread end where id = any (alerts);
end
$$;

-- Openings of one cause. From three on, with those that were told lately and are still open, they share a thread.
create function health_tell_cause(project text, why text, alerts text[], told_at timestamptz) returns void language plpgsql as $$
declare
	fresh text[] := array(select incident_id from health_alerts where id = any (alerts) order by incident_id);
	before int;
	thread text;
	one record;
begin
	perform from health_incidents where id = any (fresh) order by id for update;
	select count(*), max(i.thread_key) filter (where i.thread_key like 'incidents:%') into before, thread
	from health_incidents i
	where i.project_id = project and i.cause = why and i.ended_at is null and i.id <> all (fresh)
		and i.opened_at > told_at - interval '10 minutes'
		and exists (select from health_alerts o where o.incident_id = i.id and o.announced_at is not null);
	if before + cardinality(fresh) >= 3 then
		thread := coalesce(thread, 'incidents:' || fresh[1]);
		update health_incidents set thread_key = thread where id = any (fresh);
		perform health_tell_thread(project, thread, alerts, told_at);
	else
		for one in select a.id, i.thread_key from health_alerts a join health_incidents i on i.id = a.incident_id
				where a.id = any (alerts) order by a.created_at, a.id loop
			perform health_tell_thread(project, one.thread_key, array[one.id], told_at);
		end loop;
	end if;
end
$$;

-- A certificate that several checks of a project meet is told of once for each number of days.
create function health_tell_certificate(a health_alerts, told_at timestamptz) returns void language plpgsql as $$
begin
	if not exists (select from health_alerts o where o.project_id = a.project_id and o.certificate = a.certificate and o.error = a.error
			and o.announced_at is not null) then
		perform notify_project(a.project_id, 'health.certificate', '', health_facts(a));
	end if;
	update health_alerts set announced_at = told_at where id = a.id;
end
$$;

-- Everything that has waited for long enough, and what shares its cause or its thread. One at a time in the installation: what is
-- announced and what is marked as announced are one commit. How many alerts it was.
create function health_announce(group_ms bigint, at timestamptz, most int) returns int language plpgsql as $$
declare
	bundle record;
	a health_alerts;
	due timestamptz := at - group_ms * interval '1 ms';
	n int := 0;
begin
	if not pg_try_advisory_xact_lock(hashtextextended('health_announce', 0)) then
		return 0;
	end if;
	for bundle in
		select i.project_id, i.cause, array_agg(w.id order by w.id) as alerts
		from (select * from health_alerts where announced_at is null and kind = 'OPENED' order by created_at limit most) w
			join health_incidents i on i.id = w.incident_id
		group by i.project_id, i.cause having min(w.created_at) <= due
		order by min(w.created_at)
	loop
		perform health_tell_cause(bundle.project_id, bundle.cause, bundle.alerts, at);
		n := n + cardinality(bundle.alerts);
	end loop;
	for bundle in
		select i.project_id, i.thread_key, array_agg(w.id order by w.created_at, w.id) as alerts
		from (select * from health_alerts o where o.announced_at is null and o.kind <> 'OPENED' and o.incident_id is not null
				and not exists (select from health_alerts f where f.incident_id = o.incident_id and f.kind = 'OPENED' and f.announced_at is null)
				order by o.created_at limit most) w
			join health_incidents i on i.id = w.incident_id
		group by i.project_id, i.thread_key having min(w.created_at) <= due
		order by min(w.created_at)
	loop
		perform health_tell_thread(bundle.project_id, bundle.thread_key, bundle.alerts, at);
		n := n + cardinality(bundle.alerts);
	end loop;
	for a in select * from health_alerts where announced_at is null and incident_id is null and created_at <= due order by created_at limit most loop
		perform health_tell_certificate(a, at);
		n := n + 1;
	end loop;
	return n;
end
$$;

-- The check is switched off or about to be deleted, by whomever: what is open ends, and its state begins anew. What was not told yet never
-- will be; who was told of it hears that nobody looks any more.
create function health_check_silenced() returns trigger language plpgsql as $$
declare
	i health_incidents;
	alert text := id_new('alert_');
begin
	perform from health_states where check_id = old.id for update;
	update health_incidents set ended_at = now(), end_reason = 'DISABLED' where check_id = old.id and ended_at is null returning * into i;
	update health_states set status = null, failures = 0, successes = 0, failing_since = null, changes = '{}', flapping = false,
		incident_id = null, told = false, acknowledged = false
	where check_id = old.id;
	delete from health_alerts where incident_id = i.id and announced_at is null;
	if exists (select from health_alerts where incident_id = i.id) and exists (select from projects where id = i.project_id) then
		insert into health_alerts (id, project_id, check_id, incident_id, kind, message)
		values (alert, i.project_id, old.id, i.id, 'DISABLED', case when tg_op = 'DELETE' then 'The check was deleted: nobody looks any more.'
			else 'The check was switched off: nobody looks any more.' end);
		-- at once: a check that goes takes its alerts with it
		perform health_tell_thread(i.project_id, i.thread_key, array[alert], now());
	end if;
	return case when tg_op = 'DELETE' then old else new end;
end
$$;
create trigger health_check_disabled after update of enabled on health_checks for each row when (old.enabled and not new.enabled)
	execute function health_check_silenced();
create trigger health_check_deleted before delete on health_checks for each row execute function health_check_silenced();

-- 'done', 'again' (somebody has), 'ended', 'none'.
create function health_acknowledge(of_check text, of_incident text, why text, alert_id text, audit_id text, who text[])
returns text language plpgsql as $$
declare
	i health_incidents;
begin
	perform from health_states where check_id = of_check for update;
	select * into i from health_incidents where id = of_incident and check_id = of_check for update;
	if i.id is null then
		return 'none';
	elsif i.ended_at is not null then
		return 'ended';
	elsif i.acknowledged_at is not null then
		return 'again';
	end if;
	update health_incidents set acknowledged_at = now(), acknowledged_by = who[3], note = why where id = i.id;
	update health_states set acknowledged = true, told = true where check_id = of_check and incident_id = i.id;
	insert into health_alerts (id, project_id, check_id, incident_id, kind, error, message)
	values (alert_id, i.project_id, of_check, i.id, 'ACKNOWLEDGED', i.error, who[3] || ' looks after it' || coalesce(': ' || why, '.'));
	perform audit_add(audit_id, (select org_id from projects where id = i.project_id), who, 'incident.acknowledge', 'check', of_check,
		i.project_id, null, jsonb_strip_nulls(jsonb_build_object('incident', i.id, 'note', why)));
	return 'done';
end
$$;
