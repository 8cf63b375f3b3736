-- The private networks that probes may reach, as the workers last found them in their configuration.

-- name: probe_networks_save
-- $1 CIDRs; for the audit: $2 a row id, whose time the rows of all chains have, $3 who. A row says whether anything changed; of several
-- workers that start at once one changes something.
with old as materialized (
	select coalesce(array_agg(cidr order by cidr), '{}') as cidrs from probe_networks
), gone as (
	delete from probe_networks where cidr <> all ($1::text[]) returning cidr
), came as (
	insert into probe_networks (cidr) select distinct unnest($1) order by 1 on conflict do nothing returning cidr
), change as materialized (
	select (select count(*) from gone) + (select count(*) from came) > 0 as is_one
), chains as materialized (
	select '' as org union all (select id from organizations order by id)
), audited as (
	select count(audit_add(left($2::text, 16) || substr(encode(sha256(convert_to($2 || org, 'UTF8')), 'hex'), 1, 16), org, $3::text[], 'probe.networks', 'installation', '', null,
		jsonb_build_object('networks', old.cidrs),
		jsonb_build_object('networks', array(select distinct unnest($1) order by 1))))
	from change, old, chains
	where change.is_one
)
select change.is_one, audited.count from change, audited;
