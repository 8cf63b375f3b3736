-- Whom a project tells, as the API shows and changes it. Columns that begin with _ are for us, not for the answer.

-- name: notifiers_of
-- $1 project, $2 only this one or null, $3 only of this plugin or null. All of them: there are at most 50.
select c.id, upper(c.notifier) as notifier, c.name, c.enabled, c.by_default as "byDefault",
	c.settings || (select coalesce(jsonb_object_agg(s.key, s.mask), '{}') from notifier_secrets s where s.notifier_id = c.id) as settings,
	c.last_success_at as "lastSuccessAt", c.last_error_at as "lastErrorAt", c.last_error as "lastError",
	c.last_error_code as "lastErrorCode",
	case when c.paused_until > now() then c.paused_until end as "pausedUntil",
	(select count(*) from notifications n where n.notifier_id = c.id and n.state = 'waiting') as waiting,
	(select count(*) from notifications n where n.notifier_id = c.id and n.state = 'dead') as dead,
	c.tested_at as "testedAt", c.test, c.created_at as "createdAt"
from project_notifiers c
where c.project_id = $1::text and ($2::text is null or c.id = $2) and ($3::text is null or c.notifier = $3)
order by c.created_at, c.id
limit 50;

-- name: notifier_slack
-- The same of the project's oldest one for Slack, by the names that clients know. $1 project. A row also when there is none.
select c.id, (select s.mask from notifier_secrets s where s.notifier_id = c.id and s.key = 'botToken') as "slackBotToken",
	c.settings ->> 'channel' as "slackChannel", coalesce(c.enabled, false) as enabled
from (select $1::text as project) p
	left join lateral (select * from project_notifiers where project_id = p.project and notifier = 'slack' order by created_at, id limit 1) c
		on true;

-- name: notifier_form
-- What a notifier has, and what its plugin asks for. $1 project, $2 notifier's id or null, $3 name of a plugin or null: the notifier's.
-- schema is null when no such plugin was ever found; state says whether it is loaded.
with c as (
	select id, notifier, settings from project_notifiers where project_id = $1::text and id = $2::text
), w as (
	select coalesce($3::text, (select notifier from c)) as wanted
)
select w.wanted, coalesce((select settings from c where c.notifier = w.wanted), '{}') as settings, g.settings as schema, g.state, g.reason,
	(select coalesce(jsonb_object_agg(s.key, s.mask), '{}') from notifier_secrets s join c on c.id = s.notifier_id and c.notifier = w.wanted)
		as masks
from w left join lateral (select settings, state, reason from plugins where kind = 'notifier' and name = w.wanted
	order by state = 'loaded' desc, file limit 1) g on true;

-- name: notifier_save
-- $1 project, $2 notifier's id, $3 plugin, $4 name or null (as it is), $5 enabled or null, $6 settings; secrets that are new, one row each:
-- $7 keys, $8 sealed, in hex, $9 key ids, $10 masks; $11 keys of secrets that go; audit: $12 row id, $13 who, $14 most notifiers of a
-- project. What waits is tried again at once; nothing waits for one that is switched off. No row: the project is gone, being
-- deleted, or has that many.
with r as (
	select id, org_id from projects where id = $1::text and deleting_at is null for no key update
), old as (
	select c.id, jsonb_build_object('notifier', c.notifier, 'name', c.name, 'enabled', c.enabled, 'settings', c.settings) as was
	from r join project_notifiers c on c.project_id = r.id and c.id = $2::text
), c as (
	insert into project_notifiers as c (id, project_id, notifier, name, enabled, settings)
	select $2, r.id, $3::text, coalesce($4::text, $3), coalesce($5::bool, true), $6::jsonb from r
	where exists (select from old) or (select count(*) from project_notifiers where project_id = r.id) < $14::int
	on conflict (id) do update set name = coalesce($4, c.name), enabled = coalesce($5, c.enabled), settings = excluded.settings,
		settings_version = c.settings_version + 1, by_default = false, paused_until = null, failures = 0
	returning c.id, c.notifier, c.name, c.enabled, c.settings
), gone as (
	delete from notifier_secrets where notifier_id = $2 and key = any ($11::text[]) returning key
), fresh as (
	insert into notifier_secrets as v (notifier_id, key, sealed, key_id, mask)
	select c.id, n.key, decode(n.sealed, 'hex'), n.key_id, n.mask
	from c, unnest($7::text[], $8::text[], $9::text[], $10::text[]) as n (key, sealed, key_id, mask)
	on conflict (notifier_id, key) do update set sealed = excluded.sealed, key_id = excluded.key_id, mask = excluded.mask, updated_at = now()
	returning key
), dropped as (
	delete from notifications n using c where not c.enabled and n.notifier_id = c.id and n.state = 'waiting'
), due as (
	update notifications n set next_at = now() from c where c.enabled and n.notifier_id = c.id and n.state = 'waiting' and n.next_at > now()
)
select c.id, audit_add($12::text, r.org_id, $13::text[], case when old.id is null then 'notifier.add' else 'notifier.change' end, 'notifier', c.id,
	r.id, old.was, jsonb_build_object('notifier', c.notifier, 'name', c.name, 'enabled', c.enabled, 'settings', c.settings,
		'secretsSet', (select coalesce(jsonb_agg(key), '[]') from fresh),
		'secretsDeleted', (select coalesce(jsonb_agg(key), '[]') from gone))) as "_audit"
from c cross join r left join old on true;

-- name: notifier_change
-- $1 project, $2 notifier's id; null leaves a column as it is: $3 name, $4 enabled; audit: $5 row id, $6 who.
with old as (
	select c.id, p.org_id, p.id as project_id, jsonb_build_object('name', c.name, 'enabled', c.enabled) as was
	from projects p join project_notifiers c on c.project_id = p.id
	where p.id = $1::text and c.id = $2::text and p.deleting_at is null for no key update of p, c
), c as (
	update project_notifiers c set name = coalesce($3::text, c.name), enabled = coalesce($4::bool, c.enabled), by_default = false,
		paused_until = null, failures = 0
	from old where c.id = old.id
	returning c.id, c.enabled, jsonb_build_object('name', c.name, 'enabled', c.enabled) as became
), dropped as (
	delete from notifications n using c where not c.enabled and n.notifier_id = c.id and n.state = 'waiting'
)
select c.id, audit_add($5::text, old.org_id, $6::text[], 'notifier.change', 'notifier', c.id, old.project_id, differing(old.was, c.became),
	differing(c.became, old.was)) as "_audit"
from c join old on old.id = c.id;

-- name: notifier_delete
-- With its secrets; what waits for it goes by a trigger. $1 project, $2 notifier's id; audit: $3 row id, $4 who.
with r as (
	select id, org_id from projects where id = $1::text for no key update
), c as (
	delete from project_notifiers c using r where c.project_id = r.id and c.id = $2::text
	returning c.id, jsonb_build_object('notifier', c.notifier, 'name', c.name, 'enabled', c.enabled, 'settings', c.settings) as was
)
select c.id, audit_add($3::text, r.org_id, $4::text[], 'notifier.remove', 'notifier', c.id, r.id, c.was, null) as "_audit"
from c, r;

-- name: notifiers_test
-- A worker is asked to try them. $1 project, $2 only this one or null, $3 start of new job ids; audit: $4 row id, $5 who. No row:
-- there is none.
with p as (
	select id, org_id from projects where id = $1::text for no key update
), c as (
	update project_notifiers c set test_asked_at = now() from p
	where c.project_id = p.id and ($2::text is null or c.id = $2)
	returning c.id
), job as (
	insert into jobs as j (id, queue, kind, key)
	select $3::text || row_number() over (order by c.id), 'notify-queue', 'notify-test', c.id from c order by c.id
	on conflict (kind, key) do update set again = j.state = 'active',
		state = case when j.state = 'active' then j.state else 'waiting' end, run_at = now(), attempts = 0, crashes = 0,
		last_error = null
	returning id, state
), jobs as (
	select count(*) as n, string_agg(id, ',') filter (where state = 'waiting') as waiting from job
)
select jobs.waiting as "_jobs", audit_add($4::text, p.org_id, $5::text[], 'notifier.test', 'notifier', coalesce($2, ''), p.id, null,
	jsonb_build_object('notifiers', jobs.n)) as "_audit"
from p, jobs where jobs.n > 0;

-- name: notifiers_tested
-- What came of it. $1 project, $2 only this one or null. test is null while it is not there.
select c.id, c.name, upper(c.notifier) as notifier, case when c.tested_at >= c.test_asked_at then c.test end as test
from project_notifiers c
where c.project_id = $1::text and ($2::text is null or c.id = $2)
order by c.created_at, c.id
limit 50;
