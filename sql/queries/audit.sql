-- The record of who did what: reading it, walking its chains, and failed logins.

-- name: audit_list
-- $1 organization, $2 before this row's id or null, $3 how many; filters, null = none: $4 actor's id or e-mail, $5 action or
-- null and $6 its first part with the dot, $7 project, $8 address, $9 from, $10 to (exclusive).
select org_id, seq, id, at, (extract(epoch from at) * 1000000)::bigint as at_us, actor_kind, actor_id, actor_name, ip, user_agent,
	request_id, action, target_kind, target_id, project_id, before, after, prev_hash, hash
from audit_log
where org_id = $1::text
	and ($2::text is null or seq < (select b.seq from audit_log b where b.id = $2 and b.org_id = $1))
	and ($4::text is null or actor_id = $4 or lower(actor_name) = lower($4) or starts_with(lower(actor_name), lower($4) || ' ('))
	and ($5::text is null or action = $5)
	and ($6::text is null or starts_with(action, $6))
	and ($7::text is null or project_id = $7)
	and ($8::text is null or ip = $8)
	and ($9::timestamptz is null or at >= $9)
	and ($10::timestamptz is null or at < $10)
order by seq desc
limit $3::int;

-- name: audit_heads
-- Each chain: what its head says, and its last row, as of one moment. $1 organization or null for all; $2 after this organization,
-- or null; $3 how many. The rows' organizations are looked up one by one, because a head may have been taken away.
with recursive o (org_id) as (
	select min(org_id) from audit_log
	union all
	select (select min(a.org_id) from audit_log a where a.org_id > o.org_id) from o where o.org_id is not null
), chains as (
	select org_id from o where org_id is not null
	union
	select org_id from audit_heads
)
select c.org_id, coalesce(h.seq, 0) as seq, coalesce(h.hash, '') as hash,
	coalesce((select max(a.seq) from audit_log a where a.org_id = c.org_id), 0) as last
from chains c left join audit_heads h on h.org_id = c.org_id
where ($1::text is null or c.org_id = $1) and ($2::text is null or c.org_id > $2)
order by c.org_id
limit $3::int;

-- name: audit_walk
-- A part of a chain, oldest first. $1 organization, $2 after this number, $3 up to this one, $4 from, $5 to (exclusive), null = all,
-- $6 how many.
select org_id, seq, id, at, (extract(epoch from at) * 1000000)::bigint as at_us, actor_kind, actor_id, actor_name, ip, user_agent,
	request_id, action, target_kind, target_id, project_id, before, after, prev_hash, hash
from audit_log
where org_id = $1::text and seq > $2::bigint and seq <= $3::bigint
	and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
order by seq
limit $6::int;

-- name: access_review
-- Who may do what in an organization. $1 organization, $2 roles or null (also the role in one of its projects counts), $3 before
-- this id, $4 how many. Columns that begin with _ are what the others hold, as text for CSV.
select * from (
	select u.id, case when u.active then 'active' else 'inactive' end as status, u.email, u.name, u.github_login as "githubLogin", m.role,
		coalesce(p.roles, '[]') as "projectRoles", u.active, m.created_at as "memberSince", u.last_seen_at as "lastSeenAt",
		(select max(s.created_at) from sessions s where s.user_id = u.id) as "lastLoginAt",
		jsonb_build_object('count', t.n, 'oldest', t.oldest, 'scopes', t.scopes) as tokens,
		a.what as "lastAction", null::text as "invitedBy", null::timestamptz as "expiresAt",
		coalesce(p.text, '') as "_projects", t.n as "_tokens", t.oldest_at as "_oldest", t.scopes_text as "_scopes",
		coalesce(a.action, '') as "_action", a.at as "_actionAt"
	from members m join users u on u.id = m.user_id
		left join lateral (
			select jsonb_agg(jsonb_build_object('projectId', r.id, 'project', r.name, 'role', pm.role) order by r.name) as roles,
				string_agg(r.name || ':' || pm.role, ' ' order by r.name) as text, array_agg(pm.role) as words
			from project_members pm join projects r on r.id = pm.project_id
			where pm.user_id = u.id and r.org_id = m.org_id
		) p on true
		left join lateral (
			select count(*) as n, min(k.created_at) as oldest_at,
				to_char(min(k.created_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as oldest,
				coalesce(jsonb_agg(distinct k.scope), '[]') as scopes, coalesce(string_agg(distinct k.scope, ' '), '') as scopes_text
			from api_tokens k where k.user_id = u.id and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
		) t on true
		left join lateral (
			select l.action, l.at, jsonb_build_object('action', l.action,
				'at', to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) as what
			from audit_log l where l.org_id = m.org_id and l.actor_id = u.id order by l.seq desc limit 1
		) a on true
	where m.org_id = $1::text and ($2::text[] is null or m.role = any ($2) or p.words && $2)
	union all
	select i.id, 'invited', i.email, '', i.github_login, i.role, '[]', false, null, null, null,
		jsonb_build_object('count', 0, 'oldest', null, 'scopes', '[]'::jsonb), null, i.invited_by, i.expires_at,
		'', 0, null, '', '', null
	from invitations i
	where i.org_id = $1 and i.expires_at > now() and ($2 is null or i.role = any ($2))
) everybody
where id < $3::text
order by id desc
limit $4::int;

-- name: failures_add
-- Failed logins of about a second, at most one entry an address. $1 addresses, $2 how many of each; of the newest of each: $3 audit
-- row's id, $4 its whole address, $5 user agent, $6 request id, $7 reason; $8 ids for the rows of those that reach the threshold.
-- $9 threshold, $10 this many failures of an address are listed one by one in a window, $11 most addresses in one.
with given as (
	select case when g.address in (select address from login_failures) or (select count(*) from login_failures) < $11::int
			then g.address else '' end as address, g.n, g.row_id, g.ip, g.agent, g.request, g.reason, g.mark_id
	from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
		as g (address, n, row_id, ip, agent, request, reason, mark_id)
), summed as (
	select address, sum(n)::bigint as n, min(row_id) as row_id, min(mark_id) as mark_id, case when address <> '' then min(ip) else '' end as ip,
		min(agent) as agent, min(request) as request, min(reason) as reason
	from given group by address
), counted as (
	insert into login_failures as f (address, since, failures, listed)
	select address, now(), n, n from summed order by address
	on conflict (address) do update set failures = f.failures + excluded.failures,
		listed = f.listed + case when f.failures < $10::int then excluded.failures else 0 end
	returning f.address, f.failures
), told as (
	select c.address, c.failures, s.n, s.row_id, s.mark_id, s.reason, c.failures - s.n < $10 as listed,
		c.failures >= $9::int and c.failures - s.n < $9 as crossed, array['anonymous', '', '', s.ip, s.agent, s.request] as who
	from counted c join summed s on s.address = c.address
)
select address, failures, crossed,
	case when listed then audit_add(row_id, '', who, 'login.failed', 'address', address, null, null,
		jsonb_build_object('reason', reason, 'failures', n)) end as "_row",
	case when crossed then audit_add(mark_id, '', who, 'login.threshold', 'address', address, null, null,
		jsonb_build_object('failures', failures)) end as "_mark"
from told;

-- name: failures_add_login
-- A refused login at GitHub: a row of its own at once, and one failure more of its address. $1 row id, $2 who, $3 reason, $4 GitHub
-- login or null, $5 address, $6 id for the row of the threshold; $7 threshold, $8 most addresses in a window.
with counted as (
	insert into login_failures as f (address, since, failures, listed)
	select case when exists (select from login_failures where address = $5::text)
		or (select count(*) from login_failures) < $8::int then $5 else '' end, now(), 1, 1
	on conflict (address) do update set failures = f.failures + 1, listed = f.listed + 1
	returning f.address, f.failures
)
select address, failures, failures = $7::int as crossed,
	audit_add($1::text, '', $2::text[], 'login.failed', 'login', '', '', null,
		jsonb_strip_nulls(jsonb_build_object('method', 'github', 'reason', $3::text, 'githubLogin', $4::text))) as "_row",
	case when failures = $7 then audit_add($6::text, '', $2, 'login.threshold', 'address', address, null, null,
		jsonb_build_object('failures', failures)) end as "_mark"
from counted;

-- name: failures_end
-- Windows that are over: what was only counted gets one row. $1 window in ms, $2 ids for these rows; as many windows at most.
with over as (
	delete from login_failures where address = any (array(
		select address from login_failures where since < now() - $1::bigint * interval '1 ms'
		order by address limit cardinality($2::text[]) for update skip locked))
	returning address, since, failures - listed as unlisted
), numbered as (
	select address, since, unlisted, row_number() over () as nr from over where unlisted > 0
)
select address, unlisted,
	audit_add($2[nr], '', array['anonymous', '', '', '', '', ''], 'login.failed', 'address', address, null, null,
		jsonb_build_object('failures', unlisted, 'since', to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) as "_row"
from numbered;
