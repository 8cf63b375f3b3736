-- The keys that seal what belongs to a project.

-- name: project_key
-- $1 project.
select encode(k.wrapped, 'hex') as wrapped from projects p left join project_keys k on k.project_id = p.id where p.id = $1::text;

-- name: project_key_make
-- $1 project, $2 wrapped key, $3 id of the master key. No row when it has one.
insert into project_keys (project_id, wrapped, master_id)
select id, $2::bytea, $3::text from projects where id = $1::text
on conflict do nothing
returning encode(wrapped, 'hex') as wrapped;
