/* What a SQLSTATE asks the caller to do. The classes are those of PostgreSQL's manual, appendix A. */
#include "db/inner.h"

#include <string.h>

static bool is_one_of(const char *sqlstate, const char *const *list)
{
	for (; *list; list++)
		if (strncmp(sqlstate, *list, strlen(*list)) == 0)
			return true;
	return false;
}

/* The connection is of no use after it, or the server cannot take work now: connection exceptions, shutdown, crash
 * of another backend, starting up, session time-outs, and a primary that became a standby. */
bool sqlstate_ends_connection(const char *sqlstate)
{
	static const char *const list[] = { "08000", "08003", "08006", "57P01", "57P02", "57P03",
					    "57P04", "57P05", "25006", "25P03", NULL };

	return is_one_of(sqlstate, list);
}

int sqlstate_status(const char *sqlstate)
{
	/* unique, foreign key, exclusion; serialization, deadlock, lock_timeout */
	static const char *const conflict[] = { "23505", "23503", "23P01", "40001", "40P01", "55P03", NULL };
	/* data exceptions; a check constraint */
	static const char *const invalid[] = { "22", "23514", NULL };
	/* out of disk, memory or connections */
	static const char *const full[] = { "53", NULL };

	if (sqlstate_ends_connection(sqlstate) || is_one_of(sqlstate, full))
		return E_NETWORK;
	if (is_one_of(sqlstate, conflict))
		return E_CONFLICT;
	if (strcmp(sqlstate, "22012") == 0) /* a division by zero is our mistake, not the data's */
		return E_INTERNAL;
	if (is_one_of(sqlstate, invalid))
		return E_INVALID;
	if (strcmp(sqlstate, "57014") == 0) /* statement_timeout */
		return E_TIMEOUT;
	return E_INTERNAL;
}
