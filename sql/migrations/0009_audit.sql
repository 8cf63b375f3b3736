-- The audit is only added to, and failed logins are counted over all processes.

-- Against mistakes and injected SQL: whoever owns the table can take the trigger away, and is found by opshubd audit verify.
create function audit_only_grows() returns trigger language plpgsql as $$
begin
	raise exception 'audit_log is only added to' using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_only_grows before update or delete or truncate on audit_log
	for each statement execute function audit_only_grows();

-- Failed logins of the window that runs now. Losing it in a crash loses a count and no row of the audit.
create unlogged table login_failures (
	address text collate "C" primary key, -- an IPv4 address or the /64 of an IPv6 one; '' = those for whom there was no room
	since timestamptz not null,           -- the window began
	failures bigint not null,
	listed bigint not null                -- of them, those that have rows in the audit already
);
