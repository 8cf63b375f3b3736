/* The lever for an incident: an organization is locked down, and opened again. */
#include "store/lockdown.h"

#include "api/access.h"
#include "api/input.h"

static int read_reason(struct exchange *x, unsigned flags, struct str *ret)
{
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	input_text(&in, "reason", flags, 1, REASON_MAX, ret);
	return input_close(&in);
}

int organization_lockdown(struct exchange *x)
{
	struct lockdown_by by = { audit_id(x), audit_who(x), caller_of(x)->identity.session };
	struct str reason = { 0 };
	struct db_rows rows;
	int r = read_reason(x, INPUT_REQUIRED, &reason);

	if (r == OK)
		r = lockdown_start(x->call, api_of(x)->db, x->params[0], reason, &by, &rows);
	if (r != OK)
		return r;
	access_forget(api_of(x)->access); /* the other processes hear of it from the database */
	log_warn("Security", "An organization was locked down", F_STR("organizationId", x->params[0]),
		 F_STR("userId", caller_id(x)));
	return answer_row(x, &rows);
}

int organization_unlock(struct exchange *x)
{
	struct lockdown_by by = { audit_id(x), audit_who(x), { 0 } };
	struct str reason = STR("");
	struct db_rows rows;
	int r = read_reason(x, INPUT_NULLABLE, &reason);

	if (r == OK)
		r = lockdown_end(x->call, api_of(x)->db, x->params[0], reason, &by, &rows);
	if (r != OK)
		return r;
	log_warn("Security", "A lockdown was lifted", F_STR("organizationId", x->params[0]),
		 F_STR("userId", caller_id(x)));
	return answer_row(x, &rows);
}
