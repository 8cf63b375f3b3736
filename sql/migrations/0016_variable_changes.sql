-- What becomes of an ACTIVE version that another takes the place of: GRACE while a deployment that is not gone runs with it, or one of
-- the project is about to be sent, which may have read it already (versions_retire looks again).
create function variable_end_state(var text, version int) returns text language sql stable as $$
	select case when exists (
		select from attempt_variables u join preview_attempts a on a.id = u.attempt_id
		where u.var_id = $1 and u.version = $2 and a.state <> 'gone')
	or exists (
		select from env_vars v join environments e on e.id = v.environment_id join previews p on p.project_id = e.project_id
			join preview_attempts a on a.preview_id = p.id
		where v.id = $1 and a.state in ('intent', 'sent')) then 'GRACE' else 'RETIRED' end
$$;

-- What the audit says of a variable before it is changed: never its value, nor anything that was made of it.
create function variable_facts(v env_vars) returns jsonb language sql stable as $$
	select jsonb_build_object('key', v.key, 'environment', e.name, 'version', a.version, 'mask', a.mask, 'forkSafe', v.fork_safe,
		'buildOnly', v.build_only)
	from environments e left join env_var_versions a on a.var_id = v.id and a.state = 'ACTIVE'
	where e.id = v.environment_id
$$;
