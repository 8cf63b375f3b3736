/* BLOCKING plugins: the operation runs on a thread, the fiber serves the services that need the loop.
 *
 * Owns the thread, and the record both sides share until libuv has closed its handle.
 * Easy to break: the fiber may not leave before the thread has ended, because the operation's memory is the fiber's. A
 * cancel or a deadline therefore reaches the plugin through the services it calls. One that calls none and stays away a
 * minute past its deadline is ended together with the process, as a crash of that plugin.
 *
 *   fiber                                thread
 *   create thread --------------------->  fn(c, arg)
 *   event_wait            <-- errand ---  host->http()
 *   runs the errand       -- result --->  goes on
 *   event_wait            <-- is_over --  returns
 *   join, result */
#include "plugin/host.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define STACK_SIZE (1024 * 1024)
#define GRACE_MS   60000

struct thread_run {
	uv_async_t async; /* first: freed through it */
	struct event event;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct opshub_call *c;
	host_fn *fn; /* the operation */
	void *arg;
	host_fn *errand; /* a service that waits for the fiber; NULL = none */
	void *errand_arg;
	int errand_result;
	int result;
	bool is_over;
};

static void on_async(uv_async_t *async)
{
	event_set(&((struct thread_run *)(void *)async)->event);
}

static void on_closed(uv_handle_t *handle)
{
	struct thread_run *run = (struct thread_run *)(void *)handle;

	pthread_cond_destroy(&run->answered);
	pthread_mutex_destroy(&run->lock);
	free(run);
}

static void *thread_main(void *arg)
{
	struct thread_run *run = arg;
	int r;

	crash_enter(run->c->plugin->about.name, run->c->operation, run->c->job_id);
	r = run->fn(run->c, run->arg);
	crash_leave();
	pthread_mutex_lock(&run->lock);
	run->result = r;
	run->is_over = true;
	pthread_mutex_unlock(&run->lock);
	uv_async_send(&run->async);
	return NULL;
}

int thread_hand_over(struct opshub_call *c, host_fn *fn, void *arg)
{
	struct thread_run *run = c->thread;
	int r;

	pthread_mutex_lock(&run->lock);
	run->errand_arg = arg;
	run->errand = fn;
	uv_async_send(&run->async);
	while (run->errand)
		pthread_cond_wait(&run->answered, &run->lock);
	r = run->errand_result;
	pthread_mutex_unlock(&run->lock);
	return r;
}

/* True when the operation is over. */
static bool serve(struct thread_run *run)
{
	host_fn *errand;
	bool is_over;
	int r;

	pthread_mutex_lock(&run->lock);
	errand = run->errand;
	is_over = run->is_over;
	pthread_mutex_unlock(&run->lock);
	if (!errand)
		return is_over;
	r = errand(run->c, run->errand_arg);
	pthread_mutex_lock(&run->lock);
	run->errand_result = r;
	run->errand = NULL;
	pthread_cond_signal(&run->answered);
	pthread_mutex_unlock(&run->lock);
	return false;
}

/* Waits for news whatever the call's own deadline says; ends the process when there is none for too long. */
static void wait_for_news(struct call *call, struct thread_run *run)
{
	int64_t deadline = call->deadline_ms, patience = call_left_ms(call) + GRACE_MS;
	int r;

	call->deadline_ms = INT64_MAX;
	call_shield(call);
	r = event_wait(call, &run->event, patience);
	call_unshield(call);
	call->deadline_ms = deadline;
	if (r == OK)
		return;
	crash_enter(run->c->plugin->about.name, run->c->operation, run->c->job_id);
	fprintf(stderr, "plugin %s: %s did not return a minute after its deadline\n", run->c->plugin->about.name,
		run->c->operation);
	abort();
}

int thread_operation(struct opshub_call *c, host_fn *fn, void *arg)
{
	struct thread_run *run = calloc(1, sizeof(*run));
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!run || uv_async_init(loop_uv(c->call->loop), &run->async, on_async) < 0)
		abort();
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->answered, NULL);
	run->c = c;
	run->fn = fn;
	run->arg = arg;
	c->thread = run;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	r = pthread_create(&thread, &attr, thread_main, run);
	pthread_attr_destroy(&attr);
	if (r != 0) {
		c->has_failed = true;
		r = call_fail(c->call, E_LIMITED, "No thread for %s of plugin %s: the system's limit is reached",
			      c->operation, c->plugin->about.name);
	} else {
		while (!serve(run))
			wait_for_news(c->call, run);
		pthread_join(thread, NULL);
		r = run->result;
	}
	c->thread = NULL;
	uv_close((uv_handle_t *)&run->async, on_closed);
	return r;
}
