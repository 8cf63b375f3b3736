-- The catalog of plugins.

-- name: plugins_list
-- $1 kind.
select name, kind, version, abi, summary, license, state, reason, settings, updated_at as "updatedAt"
from plugins where kind = $1::text order by name, file;

-- name: plugins_save
-- $1 file, $2 name, $3 kind, $4 version, $5 abi, $6 summary, $7 license, $8 state, $9 reason, $10 settings.
insert into plugins (file, name, kind, version, abi, summary, license, state, reason, settings)
values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::jsonb)
on conflict (file) do update set name = excluded.name, kind = excluded.kind, version = excluded.version, abi = excluded.abi,
	summary = excluded.summary, license = excluded.license, state = excluded.state, reason = excluded.reason,
	settings = excluded.settings, updated_at = now();

-- name: plugins_prune
-- $1 files that are there.
delete from plugins where file <> all ($1::text[]);
