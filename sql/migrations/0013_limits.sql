-- How much may be built and stand at once, how long it stays, and forks that are approved at GitHub.

alter table previews
	add column from_bot bool not null default false, -- its author is a program: people go first
	add column sha_at timestamptz,                   -- GitHub's time of the event that brought the commit
	add column expires_at timestamptz;               -- null = it stays until somebody takes it away
create index previews_expiring on previews (expires_at) where expires_at is not null and desired = 'deployed';

alter table preview_attempts add column account text not null default ''; -- whose allowance it is built with: provider_account()
create index preview_attempts_building on preview_attempts (account)
	where state <> 'gone' and not cancelled and status in ('UNKNOWN', 'QUEUED', 'BUILDING');
create index preview_attempts_standing on preview_attempts (preview_id) where state <> 'gone' and status not in ('FAILED', 'CANCELLED');

-- Previews that wait for room. A row counts while its preview still wants that generation; what stands here longer harms nobody.
create table build_line (
	preview_id text collate "C" primary key references previews on delete cascade,
	project_id text not null,
	account text not null,
	generation int not null,
	since timestamptz not null default clock_timestamp() -- kept by a push: it does not go to the end of the line
);

-- A limit from a project's rules; 0 = none.
create function rule_number(rules jsonb, name text) returns bigint language sql immutable as $$
	select case when jsonb_typeof(rules -> name) = 'number' then greatest((rules ->> name)::numeric::bigint, 0) else 0 end
$$;

-- Secrets cannot be compared while they are sealed: projects with credentials of their own share the account of their organization,
-- all others that of the server.
create function provider_account(project text, name text) returns text language sql stable as $$
	select name || case when exists (select 1 from provider_secrets where project_id = project and provider = name)
		then ':' || (select org_id from projects where id = project) else '' end
$$;

-- Everybody in the line: who may go now (why is null), and what the others wait for, at which place. People before bots, then who
-- waits longest; who is held up by a limit of his own project holds up nobody else of the account. `most`: builds of one account at
-- once, 0 = no limit.
create function build_admission(most int) returns table (preview_id text, why text, place bigint, allowed bigint) language sql stable as $$
	with line as (
		select w.preview_id, w.project_id, w.account, v.from_bot, w.since, rule_number(r.rules, 'maxBuilds') as max_builds,
			rule_number(r.rules, 'maxPreviews') as max_previews,
			exists (select 1 from preview_attempts a where a.preview_id = v.id and a.state <> 'gone'
				and a.status not in ('FAILED', 'CANCELLED')) as stands
		from build_line w join previews v on v.id = w.preview_id join projects r on r.id = v.project_id
			join organizations o on o.id = r.org_id
		where v.desired = 'deployed' and v.generation = w.generation and v.settled_generation < v.generation
			and r.deleting_at is null and o.frozen_at is null
	), building as materialized (
		select v.project_id, a.account, count(*) as n
		from preview_attempts a join previews v on v.id = a.preview_id
		where a.state <> 'gone' and not a.cancelled and a.status in ('UNKNOWN', 'QUEUED', 'BUILDING')
			and exists (select 1 from build_line)
		group by v.project_id, a.account
	), standing as materialized (
		select v.project_id, count(distinct v.id) as n
		from preview_attempts a join previews v on v.id = a.preview_id
		where a.state <> 'gone' and a.status not in ('FAILED', 'CANCELLED') and exists (select 1 from line where max_previews > 0)
		group by v.project_id
	), rooms as (
		select l.*,
			max_previews - coalesce((select n from standing s where s.project_id = l.project_id), 0) as preview_room,
			max_builds - coalesce((select sum(b.n) from building b where b.project_id = l.project_id), 0) as build_room,
			most - coalesce((select sum(b.n) from building b where b.account = l.account), 0) as account_room
		from (select distinct project_id, account, max_previews, max_builds from line) l
	), first as (
		select l.*, r.preview_room, r.build_room, r.account_room, case when l.max_previews > 0 and not l.stands then
				row_number() over (partition by l.project_id, l.stands order by l.from_bot, l.since, l.preview_id)
				- greatest(r.preview_room, 0) else 0 end as behind_previews
		from line l join rooms r on r.project_id = l.project_id and r.account = l.account
	), second as (
		select f.*, case when max_builds > 0 then
				row_number() over (partition by project_id, behind_previews > 0 order by from_bot, since, f.preview_id)
				- greatest(build_room, 0) else 0 end as behind_builds
		from first f
	), third as (
		select s.*, case when most > 0 then
				row_number() over (partition by account, behind_previews > 0 or behind_builds > 0
					order by from_bot, since, s.preview_id) - greatest(account_room, 0) else 0 end as behind_account
		from second s
	)
	select preview_id,
		case when behind_previews > 0 then 'previews' when behind_builds > 0 then 'builds' when behind_account > 0 then 'account' end,
		case when behind_previews > 0 then behind_previews when behind_builds > 0 then behind_builds
			else greatest(behind_account, 0) end::bigint,
		case when behind_previews > 0 then max_previews when behind_builds > 0 then max_builds else most end
	from third
$$;

-- May this preview make an attempt now? The transaction that was told so makes it: until its end nobody else of the account and the
-- project is answered. Volatile: each query in here sees what was committed while the locks were waited for.
create function build_admit(preview text, wanted int, builder text, most int,
	out admitted bool, out account text, out ttl_ms bigint, out why text, out place bigint, out allowed bigint) language plpgsql as $$
declare
	project text;
	limited bool;
	per_project bool;
begin
	select r.id, provider_account(r.id, builder), rule_number(r.rules, 'ttlMs'),
		rule_number(r.rules, 'maxBuilds') + rule_number(r.rules, 'maxPreviews') > 0
	into project, account, ttl_ms, per_project
	from previews v join projects r on r.id = v.project_id where v.id = preview;
	limited := per_project or most > 0;
	if limited then
		perform pg_advisory_xact_lock(hashtextextended('account ' || account, 0)); -- always in this order
		perform pg_advisory_xact_lock(hashtextextended('project ' || project, 0));
		insert into build_line as w (preview_id, project_id, account, generation) values (preview, project, account, wanted)
		on conflict (preview_id) do update set account = excluded.account, generation = excluded.generation;
		select b.why, b.place, b.allowed into why, place, allowed from build_admission(most) b where b.preview_id = preview;
		admitted := found and why is null;
	else
		admitted := true;
	end if;
	if admitted then
		delete from build_line w where w.preview_id = preview;
	end if;
end
$$;

-- Somebody at GitHub asks to deploy a fork: by a comment, or a label. A row waits until its job has found out whether he may.
create table approvals (
	id text collate "C" primary key, -- appr_...
	delivery_id text not null unique,
	repo text not null,  -- lower case
	pr_number int not null,
	sha text not null,   -- the commit that is approved, or how it begins; '' = the one that stands
	way text not null,   -- comment, label
	label text not null,
	login text not null, -- who asks
	association text not null,
	said_at timestamptz not null, -- by GitHub's clock
	created_at timestamptz not null default now()
);
