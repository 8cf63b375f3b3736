/* Work that must block, on libuv's thread pool, awaited by a fiber. */
#include "fiber/inner.h"

#include <stdlib.h>

struct offloaded {
	struct wait wait;
	uv_work_t work;
	void (*fn)(void *arg);
	void *arg;
	void (*drop)(void *arg);
	bool left; /* the fiber has gone: drop is ours to call */
};

static void free_offloaded(struct wait *wait)
{
	free((struct offloaded *)wait);
}

static void on_leave(struct wait *wait)
{
	struct offloaded *job = (struct offloaded *)wait;

	job->left = true;
	if (wait->done && job->drop)
		job->drop(job->arg);
}

static void on_thread(uv_work_t *work)
{
	struct offloaded *job = work->data;

	job->fn(job->arg);
}

static void on_ended(uv_work_t *work, int status)
{
	struct offloaded *job = work->data;

	if (job->left && job->drop)
		job->drop(job->arg);
	wait_complete(&job->wait, status == 0 ? OK : E_INTERNAL);
}

int offload(struct call *call, void (*fn)(void *arg), void *arg, void (*drop)(void *arg))
{
	struct offloaded *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		abort();
	wait_init(&job->wait, free_offloaded);
	job->wait.on_leave = on_leave;
	job->fn = fn;
	job->arg = arg;
	job->drop = drop;
	job->work.data = job;
	uv_queue_work(&call->loop->uv, &job->work, on_thread, on_ended);
	r = await(call, &job->wait, -1);
	wait_unref(&job->wait);
	return r;
}
