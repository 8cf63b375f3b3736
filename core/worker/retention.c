/* Retention. */
#include "worker/retention.h"

#include "store/retention.h"

#define DELIVERIES_AT_ONCE 200 /* of 21 KB each; a few milliseconds */
#define ATTEMPTS_AT_ONCE   5   /* of up to 512 KiB of build output each */
#define ROWS_AT_ONCE       5000
#define CHECKS_AT_ONCE     10 /* of 3,700 rollups each */
#define PAUSE_MS           50
#define MOST_BATCHES       20000 /* then the next round goes on */
#define BATCH_MS           10000
#define PARTITIONS_MS      60000
#define RUN_DAYS           1 /* whoever asked has his answer, or has gone */

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

/* One kind of rows, until nothing that old is left; how many went. */
static int64_t delete_all(struct call *call, struct batch *b)
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
	return total;
}

static void delete_old(struct call *call, struct retention *retention, delete_fn *fn, int64_t days, int64_t most,
		       const char *what)
{
	struct batch b = { retention, fn, days, most, 0 };
	int64_t total = delete_all(call, &b);

	if (total)
		log_info("Retention", "What was older than is kept has been deleted", F_TEXT("what", what),
			 F_INT("rows", total), F_INT("days", days));
}

static void keep_partitions(struct call *call, void *arg)
{
	struct retention *retention = arg;

	partitions_keep(call, retention->db, &retention->health);
}

static void delete_health(struct call *call, struct retention *retention)
{
	struct fiber_options options = { .name = "partitions", .timeout_ms = PARTITIONS_MS };
	const struct health_days *days = &retention->health;
	struct batch gone = { retention, retention_gone_checks, 1, CHECKS_AT_ONCE, 0 };

	fiber_run(call, &options, keep_partitions, retention);
	delete_old(call, retention, retention_stray_samples, days->samples, ROWS_AT_ONCE, "stray samples");
	delete_old(call, retention, retention_stray_rollups_5m, days->rollups_5m, ROWS_AT_ONCE,
		   "stray rollups of five minutes");
	delete_old(call, retention, retention_stray_rollups_1h, days->rollups_1h, ROWS_AT_ONCE,
		   "stray rollups of hours");
	delete_old(call, retention, retention_rollups, days->rollups_1d, ROWS_AT_ONCE, "rollups of days");
	delete_old(call, retention, retention_health_runs, RUN_DAYS, ROWS_AT_ONCE, "health checks' runs by hand");
	delete_all(call, &gone);
}

static void retention_loop(struct call *call, void *arg)
{
	struct retention *retention = arg;

	while (fiber_sleep(call, retention->every_ms) == OK) {
		delete_old(call, retention, retention_deliveries, retention->delivery_days, DELIVERIES_AT_ONCE,
			   "deliveries");
		delete_old(call, retention, retention_build_logs, retention->build_log_days, ATTEMPTS_AT_ONCE,
			   "build output of deployments");
		delete_health(call, retention);
	}
}

void retention_start(struct loop *loop, struct retention *retention)
{
	struct fiber_options options = { .name = "retention-loop" };

	fiber_start(loop, &options, retention_loop, retention, NULL);
}
