-- Deliveries as the maintainers of a project see them: those that reached it, and those of its repository that reach no project
-- (a ping, a push). What came before the project was made is not its business, nor what was decided for another one.

-- name: deliveries_list
-- $1 project, $2 and $3 time (Unix us) and id of the last one seen, $4 how many, $5 outcome or null.
-- The newest of each outcome are taken from its part of the index.
select d.id, substr(d.id, 6) as delivery, d.event, d.action, d.pr_number as "prNumber", d.outcome,
	case when d.outcome = 'stale' then d.reason else coalesce(x.decision ->> 'reason', d.reason) end as reason,
	x.decision, d.received_at as "receivedAt",
	(extract(epoch from d.received_at) * 1000000)::bigint || '.' || d.id as "_cursor"
from projects p
	cross join unnest(array['accepted', 'ignored', 'stale']) as o (outcome)
	cross join (values (timestamptz 'epoch' + $2::bigint * interval '1 us')) as before (at)
	cross join lateral (
		select id, event, action, pr_number, outcome, reason, decisions, received_at
		from deliveries
		where repo_full_name = lower(p.repo_full_name) and deliveries.outcome = o.outcome
			and received_at <= before.at and (received_at, id) < (before.at, $3::text)
			and received_at >= p.created_at
			and (decisions = '[]' or strpos(decisions, '{"projectId":"' || p.id || '"') > 0)
		order by received_at desc, id desc
		limit $4::int
	) d
	left join lateral (
		select e - 'projectId' as decision from jsonb_array_elements(d.decisions::jsonb) e where e ->> 'projectId' = p.id
	) x on true
where p.id = $1::text and ($5::text is null or o.outcome = $5)
order by d.received_at desc, d.id desc
limit $4;

-- name: delivery_get
-- $1 project, $2 delivery.
select d.id, substr(d.id, 6) as delivery, d.event, d.action, d.pr_number as "prNumber", d.outcome,
	case when d.outcome = 'stale' then d.reason else coalesce(x.decision ->> 'reason', d.reason) end as reason,
	x.decision, d.received_at as "receivedAt", d.payload as "_payload"
from projects p
	join deliveries d on d.repo_full_name = lower(p.repo_full_name)
	left join lateral (
		select e - 'projectId' as decision from jsonb_array_elements(d.decisions::jsonb) e where e ->> 'projectId' = p.id
	) x on true
where p.id = $1::text and d.id = $2::text and d.received_at >= p.created_at
	and (d.decisions = '[]' or strpos(d.decisions, '{"projectId":"' || p.id || '"') > 0);
