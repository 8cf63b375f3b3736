-- Policies that give variables new values, and each rotation on its way. docs/rotation.md has the picture of the states.

create table secret_policies (
	id text collate "C" primary key, -- policy_...
	project_id text collate "C" not null references projects on delete cascade,
	environment_id text collate "C" not null references environments on delete cascade,
	name text not null,
	key_pattern text not null,         -- core/model/key_pattern.h
	rotate_every_days int not null,
	generator jsonb not null,          -- core/model/generator.h
	notify bool not null,              -- people are told of what went well, too
	verify bool not null,              -- a value is tried before it becomes the ACTIVE one
	enabled bool not null,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	last_evaluated_at timestamptz,
	next_at timestamptz not null default now(), -- not evaluated before; a claim moves it on
	worker text                        -- who claimed it last
);
create unique index secret_policies_name on secret_policies (project_id, lower(name));
create index secret_policies_due on secret_policies (next_at) where enabled;

create table rotations (
	id text collate "C" primary key, -- rot_...
	project_id text collate "C" not null references projects on delete cascade,
	environment_id text collate "C" not null references environments on delete cascade,
	var_id text collate "C" not null references env_vars on delete cascade,
	key text collate "C" not null,
	policy_id text collate "C" references secret_policies on delete set null,
	policy text not null,        -- its name at that time, '' = none
	actor text[] not null,       -- who began it, as audit_add() takes him
	generator jsonb not null,
	notify bool not null,
	verify bool not null,
	state text not null check (state in ('WAITING', 'PENDING', 'TRIAL', 'VERIFYING', 'DONE', 'FAILED', 'SUPERSEDED', 'REMINDED')),
	base_version int not null,   -- the ACTIVE one when it began: another one means that somebody was faster
	since_ms bigint not null,    -- its period began; people are reminded of each once
	version int,                 -- the PENDING one
	tries int not null default 0, -- values that were not good
	public_key text,             -- PEM, of a key pair
	trial_preview_id text collate "C" references previews on delete set null,
	trial_generation int,
	reason text not null default '', -- how far it is, or how it ended
	started_at timestamptz not null default now(),
	next_at timestamptz not null default now(),
	deadline_at timestamptz,     -- of the present state
	ended_at timestamptz
);
create unique index rotations_open on rotations (var_id) where ended_at is null;
create unique index rotations_reminded on rotations (var_id, since_ms) where state = 'REMINDED';
create unique index rotations_trial on rotations (trial_preview_id) where ended_at is null;
create index rotations_due on rotations (next_at) where ended_at is null;
create index rotations_list on rotations (project_id, id);
create index rotations_var on rotations (var_id, ended_at);

create function rotation_tell(r rotations, kind text, message text) returns void language sql as $$
	insert into notifications (id, notifier_id, kind, thread_key, facts)
	select 'note_' || replace(gen_random_uuid()::text, '-', ''), c.id, kind, 'rotation:' || r.id,
		jsonb_build_object('variable', r.key, 'policy', r.policy, 'message', message,
			'environment', (select e.name from environments e where e.id = r.environment_id))
	from project_notifiers c where c.project_id = r.project_id and c.enabled
	order by c.id
$$;

create function rotation_audit(r rotations, audit_id text, what text, became jsonb) returns void language plpgsql as $$
begin
	perform audit_add(audit_id, (select org_id from projects where id = r.project_id), r.actor, what, 'variable', r.var_id, r.project_id,
		null, jsonb_build_object('rotation', r.id, 'key', r.key, 'policy', r.policy) || became);
end
$$;

-- The rotation of a job, locked; all nulls when the job's lease was lost or it has ended. Its environment is locked before anything of a
-- variable is changed, as every change of variables does.
create function rotation_of(job text, job_fence bigint) returns rotations language plpgsql as $$
declare
	r rotations;
begin
	perform from jobs where id = job and fence = job_fence and state = 'active' for share;
	if found then
		select o.* into r from rotations o join jobs j on j.key = o.id where j.id = job and o.ended_at is null for update of o;
		perform from environments where id = r.environment_id for no key update;
	end if;
	return r;
end
$$;

create function rotation_is_superseded(r rotations) returns bool language sql stable as $$
	select not exists (select from env_vars v join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
			where v.id = r.var_id and v.deleted_at is null and a.version = r.base_version)
		or (r.version is not null and not exists (select from env_var_versions where var_id = r.var_id and version = r.version
			and state = 'PENDING'))
$$;

-- A preview is deployed anew, with whatever its variables are now.
create function rotation_redeploy(preview text) returns int language plpgsql as $$
declare
	became int;
begin
	update previews set generation = generation + 1, desired_why = 'RETRY', status = 'QUEUED', detail = 'WAITING', error_reason = null,
		message = null, changed_by = 'rotation', updated_at = now()
	where id = preview and desired = 'deployed' and pr_open
	returning generation into became;
	if found then
		insert into jobs as j (id, queue, kind, key)
		values ('job_' || replace(gen_random_uuid()::text, '-', ''), 'preview-queue', 'reconcile', preview)
		on conflict (kind, key) do update set again = j.state = 'active',
			state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now(), attempts = 0, crashes = 0,
			last_error = null;
	end if;
	return became;
end
$$;

-- The value is written down before anything is done with it: whoever goes on after a crash goes on with this one. False: the version's
-- number is taken, or it is not ours to write.
create function rotation_pend(job text, job_fence bigint, next_version int, secret bytea, sealed_with text, masked text, print text,
	public_pem text, wait_ms bigint) returns bool language plpgsql as $$
declare
	r rotations := rotation_of(job, job_fence);
begin
	if r.id is null or r.state <> 'WAITING' or rotation_is_superseded(r) then
		return false;
	end if;
	update env_vars set last_version = next_version, updated_at = now() where id = r.var_id and last_version = next_version - 1;
	if not found then
		return false;
	end if;
	insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source, created_by)
	values (r.var_id, next_version, 'PENDING', secret, sealed_with, masked, print, 'ROTATION',
		case when r.policy <> '' then r.policy else r.actor[3] end);
	update rotations set state = 'PENDING', version = next_version, public_key = public_pem, next_at = now(), reason = '',
		deadline_at = now() + wait_ms * interval '1 ms'
	where id = r.id;
	return true;
end
$$;

-- A preview to try it with is chosen and deployed anew: 'tried', 'busy' (there is one, but not now), 'none', 'lost' (not ours).
create function rotation_try(job text, job_fence bigint, wait_ms bigint) returns text language plpgsql as $$
declare
	r rotations := rotation_of(job, job_fence);
	chosen previews;
	became int;
begin
	if r.id is null or r.state not in ('PENDING', 'TRIAL') then
		return 'lost';
	end if;
	select v.* into chosen from previews v
	where v.project_id = r.project_id and v.status = 'READY' and v.desired = 'deployed' and v.pr_open and not v.from_fork
		and v.settled_generation = v.generation
		and exists (select from attempt_variables u where u.attempt_id = v.attempt_id and u.var_id = r.var_id)
		and not exists (select from rotations o where o.trial_preview_id = v.id and o.ended_at is null and o.id <> r.id)
	order by v.ready_at desc, v.id limit 1 for no key update skip locked;
	if chosen.id is null then
		if exists (select from previews v join preview_attempts a on a.preview_id = v.id
				join attempt_variables u on u.attempt_id = a.id and u.var_id = r.var_id
				where v.project_id = r.project_id and v.pr_open and not v.from_fork
					-- a value was refused before: what that trial left in ruins is no reason to go on without one
					and ((v.desired = 'deployed' and (r.tries > 0 or (v.status in ('READY', 'QUEUED', 'BUILDING') and a.state <> 'gone')))
						-- it runs, whatever came of a later push
						or (a.state = 'created' and a.status = 'READY')
						-- its trial was cancelled, held or destroyed: nobody knows whether the value was the cause
						or exists (select from env_var_versions t where t.var_id = r.var_id and t.version > r.base_version
							and t.trial_preview_id = v.id))) then
			return 'busy';
		end if;
		return 'none';
	end if;
	update env_var_versions set trial_preview_id = chosen.id where var_id = r.var_id and version = r.version and state = 'PENDING';
	became := rotation_redeploy(chosen.id);
	update rotations set state = 'TRIAL', trial_preview_id = chosen.id, trial_generation = became,
		deadline_at = now() + wait_ms * interval '1 ms', reason = 'it is tried with the preview of #' || chosen.pr_number
	where id = r.id;
	return 'tried';
end
$$;

create function rotation_verify(job text, job_fence bigint, why text, wait_ms bigint) returns bool language plpgsql as $$
declare
	r rotations := rotation_of(job, job_fence);
begin
	update rotations set state = 'VERIFYING', reason = why, deadline_at = now() + wait_ms * interval '1 ms'
	where id = r.id and state in ('PENDING', 'TRIAL');
	return found;
end
$$;

-- PENDING becomes ACTIVE, and what was ACTIVE is in GRACE until nothing runs with it. False: somebody was faster, or it is not ours.
create function rotation_promote(job text, job_fence bigint, why text, audit_id text) returns bool language plpgsql as $$
declare
	r rotations := rotation_of(job, job_fence);
begin
	if r.id is null or rotation_is_superseded(r) or r.version is null then
		return false;
	end if;
	update env_var_versions set state = 'GRACE', ended_at = now() where var_id = r.var_id and state = 'ACTIVE';
	update env_var_versions set state = 'ACTIVE', activated_at = now(), reason = why, trial_preview_id = null
	where var_id = r.var_id and version = r.version;
	update env_vars set updated_at = now() where id = r.var_id;
	update rotations set state = 'DONE', reason = why, ended_at = now() where id = r.id;
	perform rotation_audit(r, audit_id, 'rotation.done', jsonb_build_object('version', r.version, 'former', r.base_version, 'reason', why));
	if r.notify then
		perform rotation_tell(r, 'rotation.done', 'Version ' || r.version || ' is the active one: ' || why || '.');
	end if;
	return true;
end
$$;

-- The value was not good (FAILED), or is not wanted any more (SUPERSEDED). The ACTIVE one is not touched; the preview that was deployed
-- with the other gets it back. retry_ms: another value is tried then; null: it is over.
create function rotation_fail(job text, job_fence bigint, ending text, why text, retry_ms bigint, audit_id text) returns bool
language plpgsql as $$
declare
	r rotations := rotation_of(job, job_fence);
begin
	if r.id is null then
		return false;
	end if;
	update env_var_versions set state = 'FAILED', reason = why, ended_at = now()
	where var_id = r.var_id and version = r.version and state = 'PENDING';
	if r.trial_preview_id is not null then
		perform rotation_redeploy(r.trial_preview_id);
	end if;
	if retry_ms is not null then
		update rotations set state = 'WAITING', version = null, trial_preview_id = null, trial_generation = null, deadline_at = null,
			tries = tries + 1, reason = why, next_at = now() + retry_ms * interval '1 ms'
		where id = r.id;
	else
		update rotations set state = ending, reason = why, ended_at = now(), tries = tries + (ending = 'FAILED')::int where id = r.id;
	end if;
	perform rotation_audit(r, audit_id, case ending when 'FAILED' then 'rotation.failed' else 'rotation.superseded' end,
		jsonb_strip_nulls(jsonb_build_object('version', r.version, 'reason', why, 'retryMs', retry_ms)));
	if ending = 'FAILED' then
		perform rotation_tell(r, 'rotation.failed', 'The new value was not taken: ' || why || '. The active one stays. '
			|| case when retry_ms is null then 'No other is tried before the next period: rotate it by hand when the cause is mended.'
				else 'Another is tried later.' end);
	end if;
	return true;
end
$$;
