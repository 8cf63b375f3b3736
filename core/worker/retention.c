/* Retention. */
#include "worker/retention.h"

#include "store/retention.h"

#define DELIVERIES_AT_ONCE 200 /* of 21 KB each; a few milliseconds */
#define ATTEMPTS_AT_ONCE   5   /* of up to 512 KiB of build output each */
#define PAUSE_MS           50
#define MOST_BATCHES       20000 /* then the next round goes on */
#define BATCH_MS           10000

typedef int delete_fn(struct call *call, struct db *db, int64_t days, int64_t most, int64_t *ret_n);

struct batch {
	struct retention *retention;
	delete_fn *fn;
	int64_t days, most;
	int64_t deleted; /* -1 = it failed */
};

static void delete_batch(struct call *call, void *arg)
{
	struct batch *b = arg;

	b->deleted = -1;
	if (b->fn(call, b->retention->db, b->days, b->most, &b->deleted) != OK && !call_cancelled(call))
		log_warn("Retention", "What is old could not be deleted; it is tried again",
			 F_TEXT("error", call->why));
}

/* One kind of rows, until nothing that old is left. */
static void delete_old(struct call *call, struct batch *b, const char *what)
{
	struct fiber_options options = { .name = "retention", .timeout_ms = BATCH_MS };
	int64_t total = 0;
	int r = b->days > 0 ? OK : E_NOT_FOUND;

	for (int n = 0; r == OK && n < MOST_BATCHES && !queue_is_draining(b->retention->queue); n++) {
		b->deleted = 0;
		call_shield(call); /* the batch writes into b: it is waited for, and ends by its own deadline */
		r = fiber_run(call, &options, delete_batch, b);
		call_unshield(call);
		total += b->deleted > 0 ? b->deleted : 0;
		if (b->deleted < b->most)
			break;
		r = fiber_sleep(call, PAUSE_MS);
	}
	if (total)
		log_info("Retention", "What was older than is kept has been deleted", F_TEXT("what", what),
			 F_INT("rows", total), F_INT("days", b->days));
}

static void retention_loop(struct call *call, void *arg)
{
	struct retention *retention = arg;

	while (fiber_sleep(call, retention->every_ms) == OK) {
		struct batch deliveries = { retention, retention_deliveries, retention->delivery_days,
					    DELIVERIES_AT_ONCE, 0 };
		struct batch logs = { retention, retention_build_logs, retention->build_log_days, ATTEMPTS_AT_ONCE, 0 };

		delete_old(call, &deliveries, "deliveries");
		delete_old(call, &logs, "build output of deployments");
	}
}

void retention_start(struct loop *loop, struct retention *retention)
{
	struct fiber_options options = { .name = "retention-loop" };

	fiber_start(loop, &options, retention_loop, retention, NULL);
}
