-- What people are told, by notifier plugins: who is told, and what was not sent yet.

-- One connection of a project to a notifier: a plugin with settings.
create table project_notifiers (
	id text collate "C" primary key, -- ntf_...
	project_id text not null references projects on delete cascade,
	notifier text not null,                  -- name of the plugin
	name text not null,
	enabled bool not null default true,
	by_default bool not null default false,  -- made because the installation has a default one; nobody has set it up
	settings jsonb not null default '{}',    -- by the plugin's own keys, without its secrets
	settings_version int not null default 1, -- a change opens a new plugin instance
	created_at timestamptz not null default now(),
	-- what came of it
	paused_until timestamptz,                -- the target asked for a pause, or failed
	failures int not null default 0,         -- in a row
	last_success_at timestamptz,
	last_error_at timestamptz,
	last_error text,
	last_error_code text,                    -- see core/model/notice.h
	test_asked_at timestamptz,
	tested_at timestamptz,
	test jsonb                               -- what came of the newest test
);
create unique index project_notifiers_name on project_notifiers (project_id, lower(name));

create table notifier_secrets (
	notifier_id text not null references project_notifiers on delete cascade,
	key text not null,
	sealed bytea not null, -- see core/crypto/envelope.h; its context is the table's name, the primary key and the plugin
	key_id text not null,  -- of the key that sealed it
	mask text not null,    -- what people see of it
	updated_at timestamptz not null default now(),
	primary key (notifier_id, key)
);
create index notifier_secrets_key_id on notifier_secrets (key_id);

-- Notifiers that every project gets which has none of them: those that the server's environment sets up completely. Written by workers.
create table notifier_defaults (
	notifier text primary key
);

-- The outbox: one row for each event and notifier, written in the transaction of the change. A row that was sent is deleted; one that
-- never will be is dead, and kept for a while to be looked at. seq is the order of each thread: the rows of one preview are
-- written under its lock. No foreign key, as of all that webhooks write: one who deletes a notifier meanwhile must not make them fail.
-- What he leaves behind notifier_gone() deletes; a row that comes still later finds nobody, and goes with its age.
create table notifications (
	seq bigint generated always as identity primary key,
	id text not null,                      -- note_...: what the target is given, the same at each try
	notifier_id text collate "C" not null,
	kind text not null,                    -- preview.ready ...: see preview_event()
	thread_key text not null,              -- '' = alone
	facts jsonb not null,                  -- what was true at that moment
	state text not null default 'waiting', -- waiting, dead
	tries int not null default 0,
	interrupted int not null default 0,    -- tries whose end nobody wrote down
	began_at timestamptz,                  -- it is being sent, or the worker died over it
	next_at timestamptz not null default now(),
	last_error text,
	created_at timestamptz not null default now()
);
create index notifications_age on notifications (created_at);
create index notifications_waiting on notifications (notifier_id, seq) where state = 'waiting';
create index notifications_thread on notifications (notifier_id, thread_key, seq) where state = 'waiting';
create index notifications_dead on notifications (notifier_id, seq) where state = 'dead';

create function notifier_gone() returns trigger language plpgsql as $$
begin
	delete from notifications where notifier_id = old.id and state = 'waiting'; -- each has an index of its own
	delete from notifications where notifier_id = old.id and state = 'dead';
	return null;
end
$$;
create trigger notifier_gone after delete on project_notifiers for each row execute function notifier_gone();

-- The first message of each thread, as the target calls it: what later events edit.
create table notification_threads (
	notifier_id text not null references project_notifiers on delete cascade,
	thread_key text not null,
	receipt text not null,
	updated_at timestamptz not null default now(),
	primary key (notifier_id, thread_key)
);
create index notification_threads_age on notification_threads (updated_at);

-- What a preview's state means for people; null while something is under way of which they hear when it has ended.
create function preview_event(p previews) returns text language sql immutable as $$
	select case
		when not p.visible or p.detail in ('DESTROYING', 'CANCELLING') then null
		when p.detail = 'DESTROY_FAILED' then 'preview.destroy_failed'
		when p.status = 'QUEUED' and p.detail in ('AWAITING_APPROVAL', 'FROZEN') then 'preview.held'
		when p.status = 'QUEUED' and p.detail = 'QUOTA_WAIT' then 'preview.waiting'
		when p.status = 'QUEUED' then 'preview.queued'
		when p.status = 'BUILDING' then 'preview.building'
		when p.status = 'READY' then 'preview.ready'
		when p.status = 'ERROR' and p.detail = 'CANCELLED' then 'preview.cancelled'
		when p.status = 'ERROR' then 'preview.failed'
		when p.status = 'DESTROYED' then 'preview.destroyed'
	end
$$;

-- Whichever statement changes a preview writes the outbox. A trigger of each row: the same transaction, no path that forgets it.
create function preview_notify() returns trigger language plpgsql as $$
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
	if exists (select from notifier_defaults) then
		insert into project_notifiers (id, project_id, notifier, name, by_default)
		select 'ntf_' || replace(gen_random_uuid()::text, '-', ''), new.project_id, d.notifier, d.notifier, true
		from notifier_defaults d
		where not exists (select from project_notifiers c where c.project_id = new.project_id and c.notifier = d.notifier)
		on conflict do nothing;
	end if;
	insert into notifications (id, notifier_id, kind, thread_key, facts)
	select 'note_' || replace(gen_random_uuid()::text, '-', ''), c.id, what, 'preview:' || new.id,
		jsonb_build_object('status', new.status, 'detail', new.detail, 'prNumber', new.pr_number, 'title', new.title,
			'branch', new.branch, 'baseBranch', new.base_branch, 'sha', new.sha, 'author', new.author, 'prUrl', new.html_url,
			'fromFork', new.from_fork, 'why', new.desired_why, 'provider', new.provider, 'attempts', new.attempts,
			'url', new.url, 'errorReason', new.error_reason, 'message', new.message, 'deploymentId', new.id,
			'inspectorUrl', (select a.inspector_url from preview_attempts a where a.id = new.attempt_id))
	from project_notifiers c
	where c.project_id = new.project_id and c.enabled
	order by c.id;
	return null;
end
$$;
create trigger preview_notify_insert after insert on previews for each row when (new.visible) execute function preview_notify();
create trigger preview_notify_update after update of status, detail, generation, visible on previews for each row
	when (new.visible and (old.status, old.detail, old.generation, old.visible)
		is distinct from (new.status, new.detail, new.generation, new.visible))
	execute function preview_notify();
