-- What a deployment is given, and what it was given.

-- name: deploy_variables
-- Of the preview environment: the version that is ACTIVE, or the one that waits to be tried with this preview. A fork is given what is
-- marked as safe for it. One more than there may be, so that it shows. $1 preview.
select v.id, v.key, v.build_only, e.id as environment_id, r.org_id, r.id as project_id, x.version, x.sealed, x.fingerprint,
	encode(k.wrapped, 'hex') as wrapped
from previews p
	join projects r on r.id = p.project_id
	join environments e on e.project_id = r.id and e.name = 'PREVIEW'
	join env_vars v on v.environment_id = e.id and v.deleted_at is null
	left join project_keys k on k.project_id = r.id
	left join lateral (
		select s.version, s.sealed, s.fingerprint from env_var_versions s
		where s.var_id = v.id and (s.state = 'ACTIVE' or (s.state = 'PENDING' and s.trial_preview_id = p.id))
		order by s.state = 'PENDING' desc
		limit 1
	) x on true
where p.id = $1::text and (v.fork_safe or not p.from_fork)
order by v.key
limit 1001;

-- name: attempt_variables
-- What an attempt was sent with, to keep it out of what is stored of its provider's answers. $1 attempt.
select v.key, e.id as environment_id, r.org_id, r.id as project_id, s.version, s.sealed, encode(k.wrapped, 'hex') as wrapped
from attempt_variables a
	join env_vars v on v.id = a.var_id
	join environments e on e.id = v.environment_id
	join projects r on r.id = e.project_id
	join env_var_versions s on s.var_id = a.var_id and s.version = a.version
	left join project_keys k on k.project_id = r.id
where a.attempt_id = $1::text
limit 1000;

-- name: variable_usage
-- Versions that are in use, or that a deployment which is not gone was sent with; newest first. $1 environment, $2 key.
select x.version, x.state, (
	select coalesce(json_agg(json_build_object('id', u.id, 'prNumber', u.pr_number, 'url', u.url, 'sha', u.sha) order by u.pr_number), '[]')
	from (
		select p.id, p.pr_number, a.url, a.sha
		from attempt_variables t join preview_attempts a on a.id = t.attempt_id join previews p on p.id = a.preview_id
		where t.var_id = v.id and t.version = x.version and a.state <> 'gone'
		order by p.pr_number
		limit 1000
	) u) as previews
from env_vars v join env_var_versions x on x.var_id = v.id
where v.environment_id = $1::text and v.key = $2::text and v.deleted_at is null
	and (x.state in ('ACTIVE', 'PENDING', 'GRACE') or exists (
		select from attempt_variables t join preview_attempts a on a.id = t.attempt_id
		where t.var_id = v.id and t.version = x.version and a.state <> 'gone'))
order by x.version desc
limit 100;
