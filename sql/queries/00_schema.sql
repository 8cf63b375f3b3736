-- The daemon about its own database. The first file of all: these statements need only the table of migrations, so they can be
-- prepared before the others (daemon/migrate.c).

-- name: schema_lock
-- Ten replicas may migrate at once: one does, the others wait here and find nothing left to do. Held until commit.
-- Connections wait two seconds for a lock; here the wait is as long as the others' migrations take.
select set_config('lock_timeout', '30min', true), pg_advisory_xact_lock(hashtext('opshub migrations'));

-- name: schema_applied
select name, checksum, applied_at from schema_migrations order by name;

-- name: schema_record
-- $1 name, $2 checksum.
insert into schema_migrations (name, checksum) values ($1::text, $2::text);
