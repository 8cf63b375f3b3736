/* Failed logins: gathered in memory, written by a fiber. What one process has gathered when the database is away waits;
 * addresses for which there is no room then are counted together. */
#include "api/failures.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "http/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_MS 1000
#define END_MS   30000 /* how often windows that are over are looked for; shorter ones more often */
#define LAST_MS  1000  /* for what is left when the process ends */

struct entry {
	char address[ADDRESS_GROUP_MAX], ip[ADDRESS_GROUP_MAX], agent[200], request[72];
	const char *reason;
	int64_t n;
	char row_id[ID_MAX], mark_id[ID_MAX];
};

struct batch {
	struct entry entries[FAILURES_AT_ONCE]; /* the last one is for those without room: its address is "" */
	size_t n;
};

struct failures {
	struct db *db;
	struct failure_rules rules;
	struct batch gathered, leaving; /* what leaves stays until it is written */
	int64_t end_ms;                 /* when to look for windows that are over */
};

/* ---- in ---- */

static struct entry *entry_of(struct batch *batch, const char *address)
{
	struct entry *entry;

	for (size_t i = 0; i < batch->n; i++)
		if (strcmp(batch->entries[i].address, address) == 0)
			return &batch->entries[i];
	if (batch->n == FAILURES_AT_ONCE)
		return &batch->entries[FAILURES_AT_ONCE - 1];
	entry = &batch->entries[batch->n++];
	entry->n = 0;
	snprintf(entry->address, sizeof(entry->address), "%s", batch->n == FAILURES_AT_ONCE ? "" : address);
	return entry;
}

void credential_failed(struct exchange *x, const char *reason)
{
	char address[ADDRESS_GROUP_MAX];
	struct entry *entry;

	address_group(x->client, address);
	entry = entry_of(&api_of(x)->failures->gathered, address);
	entry->n++;
	entry->reason = reason;
	snprintf(entry->ip, sizeof(entry->ip), "%.*s", STR_FMT(x->client));
	snprintf(entry->request, sizeof(entry->request), "%.*s", STR_FMT(x->request_id));
	snprintf(entry->agent, sizeof(entry->agent), "%.*s", STR_FMT(audit_agent(x, sizeof(entry->agent) - 1)));
}

/* ---- out ---- */

static void next_batch(struct failures *f)
{
	f->leaving = f->gathered;
	f->gathered.n = 0;
	for (size_t i = 0; i < f->leaving.n; i++) {
		id_new(f->leaving.entries[i].row_id, "audit_");
		id_new(f->leaving.entries[i].mark_id, "audit_");
	}
}

static void warn(const struct db_rows *rows)
{
	for (int i = 0; i < rows->n_rows; i++) {
		struct str address = db_text(rows, i, "address");

		if (db_bool(rows, i, "crossed"))
			log_warn("Security", "Many failed logins from one address",
				 F_STR("address", address.n ? address : STR("many addresses")),
				 F_INT("failures", db_int(rows, i, "failures")));
	}
}

int login_failed(struct exchange *x, const char *reason, struct str github_login)
{
	const struct failures *f = api_of(x)->failures;
	char address[ADDRESS_GROUP_MAX];
	struct db_rows rows;
	int r;

	address_group(x->client, address);
	const struct refused_login login = { .address = str_of(address),
					     .audit_id = audit_id(x),
					     .audit_who = audit_who(x),
					     .mark_id = audit_id(x),
					     .reason = reason,
					     .github_login = github_login };
	r = failures_add_login(x->call, f->db, &login, &f->rules, &rows);
	if (r == OK)
		warn(&rows);
	return r;
}

static int write_batch(struct call *call, struct failures *f)
{
	struct failure *list = arena_alloc(call->arena, f->leaving.n * sizeof(*list));
	struct db_rows rows;
	int r;

	for (size_t i = 0; i < f->leaving.n; i++) {
		const struct entry *e = &f->leaving.entries[i];

		list[i] = (struct failure){ .address = str_of(e->address),
					    .n = e->n,
					    .ip = str_of(e->ip),
					    .user_agent = str_of(e->agent),
					    .request_id = str_of(e->request),
					    .reason = str_of(e->reason),
					    .row_id = str_of(e->row_id),
					    .mark_id = str_of(e->mark_id) };
	}
	r = failures_add(call, f->db, list, f->leaving.n, &f->rules, &rows);
	if (r == OK)
		warn(&rows);
	return r;
}

static int64_t next_end(const struct failures *f)
{
	return f->rules.window_ms < END_MS ? f->rules.window_ms : END_MS;
}

static void write_round(struct call *call, void *arg)
{
	struct failures *f = arg;
	int r = OK;

	if (clock_mono_ms() >= f->end_ms && failures_end(call, f->db, &f->rules) == OK)
		f->end_ms = clock_mono_ms() + next_end(f);
	if (f->leaving.n == 0)
		next_batch(f);
	if (f->leaving.n)
		r = write_batch(call, f);
	if (r == OK || r == E_CONFLICT) /* a conflict: its answer was lost, but it was written */
		f->leaving.n = 0;
}

static void recorder(struct call *call, void *arg)
{
	struct fiber_options options = { .name = "login-failures", .timeout_ms = 10000 };
	struct failures *f = arg;

	while (fiber_sleep(call, WRITE_MS) == OK)
		if (f->gathered.n || f->leaving.n || clock_mono_ms() >= f->end_ms)
			fiber_run(call, &options, write_round, f);
	if (f->gathered.n == 0 && f->leaving.n == 0)
		return;
	call_shield(call);
	call->deadline_ms = clock_mono_ms() + LAST_MS;
	write_round(call, f);
	call_unshield(call);
}

struct failures *failures_open(struct loop *loop, struct db *db, int64_t threshold, int64_t window_ms)
{
	struct failures *f = calloc(1, sizeof(*f));
	struct fiber_options options = { .name = "login-failures" };

	if (!f)
		abort();
	f->db = db;
	f->rules = (struct failure_rules){ threshold, window_ms, FAILURES_LISTED, FAILURES_ADDRESSES };
	f->end_ms = clock_mono_ms() + next_end(f);
	fiber_start(loop, &options, recorder, f, NULL);
	return f;
}

struct failures *failures_close(struct failures *failures)
{
	free(failures);
	return NULL;
}
