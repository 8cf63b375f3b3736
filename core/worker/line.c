/* The line of previews that wait, and the end of those that stand. */
#include "worker/line.h"

#include "store/line.h"

#define MOST_ROUNDS 50 /* batches in one go; what is left the next round takes */

static void wake(struct call *call, void *arg)
{
	struct line *line = arg;
	struct push_list push = { 0 };

	if (line_wake(call, line->db, line->account_builds, &push) == OK)
		queue_push(line->queue, &push);
}

static void expire(struct call *call, void *arg)
{
	struct line *line = arg;
	size_t n = EXPIRY_BATCH;

	for (int i = 0; i < MOST_ROUNDS && n == EXPIRY_BATCH; i++) {
		struct push_list push = { 0 };

		if (line_expire(call, line->db, &push, &n) != OK)
			return;
		queue_push(line->queue, &push);
		if (n)
			log_info("Line", "Previews whose time is over are taken down", F_INT("previews", (int64_t)n));
	}
}

static void beat(struct call *call, struct line *line, fiber_fn *fn, int64_t every_ms)
{
	struct fiber_options options = { .name = "line", .timeout_ms = 10000 };

	while (fiber_sleep(call, every_ms) == OK)
		if (!queue_is_draining(line->queue))
			fiber_run(call, &options, fn, line);
}

static void wake_loop(struct call *call, void *arg)
{
	beat(call, arg, wake, ((struct line *)arg)->wake_ms);
}

static void expire_loop(struct call *call, void *arg)
{
	beat(call, arg, expire, ((struct line *)arg)->expire_ms);
}

void line_start(struct loop *loop, struct line *line)
{
	struct fiber_options options = { .name = "line-beat" };

	fiber_start(loop, &options, wake_loop, line, NULL);
	fiber_start(loop, &options, expire_loop, line, NULL);
}
