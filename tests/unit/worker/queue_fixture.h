/* A migrated database and a Redis of their own, and a queue whose jobs are counted. One test program includes it once.
 *
 * A test is a function on a fiber: with_queue() opens the queue, runs the function and closes the queue again. */
#ifndef QUEUE_FIXTURE_H
#define QUEUE_FIXTURE_H

#include "base/clock.h"
#include "db/migrations.h"
#include "kv/waiting.h"
#include "unit/db/pg_fixture.h"
#include "unit/kv/redis_fixture.h"
#include "worker/queue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MOST_JOBS 2000
#define QUEUE     STR("preview-queue")

static struct server pg, redis;
static struct loop *loop;
static struct db *db;
static struct kv *kv;
static struct queue *queue;
static char redis_url[96];

/* What the handler does and has done. */
static struct {
	int runs[MOST_JOBS + 1]; /* of the job with the key "...-<number>" */
	int total;
	int64_t last_ms;
	int64_t delay_first_ms; /* put off once */
	bool hold;              /* stays until released, drained or cancelled */
} jobs;

static inline struct outcome count_job(struct call *call, void *arg, const struct job *job)
{
	const char *number = strrchr(arena_text(call->arena, job->key), '-') + 1;
	int *runs = &jobs.runs[atoi(number)];

	(void)arg;
	(*runs)++;
	jobs.total++;
	jobs.last_ms = clock_mono_ms();
	while (jobs.hold && !queue_is_draining(queue))
		if (fiber_sleep(call, 5) != OK)
			return OUTCOME_LATER(0);
	if (jobs.hold)
		return OUTCOME_LATER(0);
	if (jobs.delay_first_ms && *runs == 1)
		return OUTCOME_LATER(jobs.delay_first_ms);
	return OUTCOME_DONE;
}

static const struct job_handler handlers[] = { { "noop", count_job, NULL }, { 0 } };

static inline struct queue_options queue_defaults(void)
{
	return (struct queue_options){ .loop = loop,
				       .db = db,
				       .redis_url = redis_url,
				       .name = QUEUE,
				       .worker = STR("wrk_test"),
				       .lease_ms = 3000,
				       .sweep_ms = 50,
				       .repair_ms = 200,
				       .handlers = handlers };
}

/* ---- the database, by hand ---- */

static inline struct str sql(struct call *call, const char *text)
{
	struct buf out;
	struct str result;

	buf_init(&out, 1 << 20);
	if (db_execute(call, db, str_of(text), &out) != OK) {
		fprintf(stderr, "%s: %s\n", text, call->why);
		give_up();
	}
	result = arena_str(call->arena, buf_str(&out));
	buf_done(&out);
	return result;
}

/* A query whose answer is one number. */
static inline int64_t number(struct call *call, const char *text)
{
	struct str rest = sql(call, text);
	int64_t value = -1;

	str_split(&rest, '\n'); /* the column's name */
	CHECK(str_to_int(str_split(&rest, '\n'), INT64_MIN, INT64_MAX, &value));
	return value;
}

static inline int64_t list_length(struct call *call)
{
	struct kv_reply reply;

	CHECK_INT(kv_do(call, kv, 2000, &reply, STR("LLEN"), STR("bull:preview-queue:waiting")), OK);
	CHECK_INT(reply.kind, KV_INT);
	return reply.integer;
}

/* Rows <prefix>1 ... <prefix>n; their ids. */
static inline const struct str *fill(struct call *call, const char *prefix, int n)
{
	struct str *ids = arena_alloc(call->arena, (size_t)n * sizeof(*ids));

	CHECK_INT(db_query(call, db, Q_JOBS_FILL, NULL, A_TEXT(prefix), A_INT(n)), OK);
	for (int i = 0; i < n; i++)
		ids[i] = arena_printf(call->arena, "%s%d", prefix, i + 1);
	return ids;
}

#define WAIT_FOR(claim, ms)                                                                                            \
	do {                                                                                                           \
		int64_t until_ = clock_mono_ms() + (ms);                                                               \
		while (!(claim) && clock_mono_ms() < until_)                                                           \
			fiber_sleep(call, 5);                                                                          \
		CHECK(claim);                                                                                          \
	} while (0)

#define ROWS(call) number(call, "select count(*) from jobs")

static inline void check_each_ran_once(int n)
{
	for (int i = 1; i <= n; i++)
		CHECK_INT(jobs.runs[i], 1);
	CHECK_INT(jobs.total, n);
}

/* ---- set up ---- */

static inline void migrate(struct call *call, void *arg)
{
	(void)arg;
	for (int i = 0; i < migration_count; i++)
		sql(call, migrations[i].sql);
}

static inline void connect_all(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(db_ready(call, db, 10000), OK);
	CHECK_INT(kv_ready(call, kv, 10000), OK);
}

static inline int set_up(void **state)
{
	struct db_options options = { .application = "unit-worker", .unprepared = true };

	(void)state;
	log_open(1, getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR + 1);
	pg_new(&pg);
	redis_new(&redis);
	loop = loop_new(0);
	loop_watchdog(loop, 0);
	options.url = pg_url(&pg);
	db = db_open(loop, &options);
	run_fiber(loop, migrate, NULL);
	db_close(db);
	options.unprepared = false;
	db = db_open(loop, &options);
	snprintf(redis_url, sizeof(redis_url), "redis://:secret-word@127.0.0.1:%d", redis.port);
	kv = kv_open(loop, redis_url, "unit-worker");
	run_fiber(loop, connect_all, NULL);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	kv_close(kv);
	db_close(db);
	loop_free(loop);
	redis_free(&redis);
	pg_free(&pg);
	return 0;
}

struct story {
	fiber_fn *fn;
	struct queue_options options;
	bool without_queue;
};

static inline void tell(struct call *call, void *arg)
{
	struct story *story = arg;

	memset(&jobs, 0, sizeof(jobs));
	sql(call, "truncate jobs");
	CHECK_INT(kv_do(call, kv, 2000, NULL, STR("FLUSHALL")), OK);
	if (!story->without_queue)
		queue = queue_open(&story->options);
	story->fn(call, NULL);
	call_shield(call);
	loop_cancel_all(loop);
	while (loop_fibers(loop) > 1)
		fiber_sleep(call, 5);
	call_unshield(call);
	queue = queue_close(queue);
}

static inline void with_queue(fiber_fn *fn, struct queue_options options)
{
	struct story story = { .fn = fn, .options = options };

	run_fiber(loop, tell, &story);
}

static inline void without_queue(fiber_fn *fn)
{
	struct story story = { .fn = fn, .without_queue = true };

	run_fiber(loop, tell, &story);
}

#endif
