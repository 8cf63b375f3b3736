/* The url, and what is added to it: how a connection is kept alive, how long a statement may take, and the settings
 * that the code relies on when it reads results. What the url says itself is left alone. */
#include "db/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* libpq takes what a connection string leaves out from PGHOST, PGUSER, PGOPTIONS and two dozen more. */
static void forget_environment(void)
{
	char name[64];
	size_t n;

	for (char **entry = environ; *entry;) {
		n = strcspn(*entry, "=");
		if (strncmp(*entry, "PG", 2) == 0 && n < sizeof(name)) {
			memcpy(name, *entry, n);
			name[n] = '\0';
			unsetenv(name); /* closes the gap: the same place holds the next one */
		} else {
			entry++;
		}
	}
}

const char *target_get(const struct target *target, const char *keyword)
{
	for (PQconninfoOption *o = target->given; o && o->keyword; o++)
		if (strcmp(o->keyword, keyword) == 0)
			return o->val && *o->val ? o->val : NULL;
	return NULL;
}

bool target_init(struct target *target, const struct db_options *options)
{
	int64_t statement_ms = options->statement_ms ? options->statement_ms : 5000;
	const char *given;
	char text[1024];
	int n;

	*target = (struct target){ 0 };
	forget_environment();
	target->given = PQconninfoParse(options->url ? options->url : "", NULL);
	if (!target->given)
		return false;
	given = target_get(target, "options");
	/* enable_...=off: statements are prepared when a fresh installation's tables are still empty, and a plan
	 * made then reads whole tables until statistics come. Every statement has an index; the planner is told to
	 * believe it, and to plan each once (generic plans): planning webhook_ingest takes longer than running it.
	 * jit=off: none runs long enough to be worth compiling. */
	n = snprintf(text, sizeof(text),
		     "-c statement_timeout=%lld -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000 "
		     "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off "
		     "-c enable_sort=off -c jit=off "
		     "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex %s",
		     (long long)statement_ms, given ? given : "");
	if (n < 0 || (size_t)n >= sizeof(text))
		return false;
	target->options = strdup(text);
	target->application = strdup(options->application ? options->application : "opshub");
	given = target_get(target, "password");
	if (given)
		log_secret(str_of(given));
	return true;
}

void target_done(struct target *target)
{
	PQconninfoFree(target->given);
	free(target->options);
	free(target->application);
	*target = (struct target){ 0 };
}
