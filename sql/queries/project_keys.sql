-- The keys that seal what belongs to a project.

-- name: project_key
-- $1 project.
select encode(k.wrapped, 'hex') as wrapped from projects p left join project_keys k on k.project_id = p.id where p.id = $1::text;

-- name: project_key_make
-- $1 project, $2 wrapped key, $3 id of the master key, $4 ids of all masters that the process has, $5 id of the key. No row when the
-- project has one, or when the process is not one of those that may seal: it has another master key than the database, or one that a
-- rotation has retired. The lock makes a rotation wait, so that what it counts at its end is all there is.
with i as (
	select from instance where canary_master = any ($4::text[]) and $3::text <> all (retired_masters) for share
)
insert into project_keys (project_id, wrapped, master_id, key_id)
select p.id, $2::bytea, $3, $5::text from i, projects p where p.id = $1::text
on conflict do nothing
returning encode(wrapped, 'hex') as wrapped;
