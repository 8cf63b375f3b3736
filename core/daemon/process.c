/* What the api and the worker process have in common. */
#include "daemon/process.h"

#include "base/descriptors.h"
#include "crypto/secret_key.h"
#include "store/canary.h"

#include <signal.h>
#include <stdio.h>

#define KEY_CHECK_MS 500 /* to the next try, when the database went away again */

static void on_grace(uv_timer_t *timer)
{
	loop_stop(((struct process *)timer->data)->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct process *p = signal->data;

	(void)number;
	if (p->stopping)
		return;
	p->stopping = true;
	uv_timer_start(&p->grace, on_grace, (uint64_t)p->config->shutdown_grace_ms, 0);
	p->on_stop(p->arg);
}

void process_init(struct process *p, const struct config *config, const struct child_options *options,
		  unsigned max_fibers, void (*on_stop)(void *arg), void *arg)
{
	uv_loop_t *uv;

	descriptors_raise();
	private_keys_protect();
	*p = (struct process){ .config = config, .loop = loop_new(max_fibers), .on_stop = on_stop, .arg = arg };
	snprintf(p->application, sizeof(p->application), "opshub-%s/%d", options->kind, options->index);
	p->heart = heart_start(p->loop);
	uv = loop_uv(p->loop);
	uv_signal_init(uv, &p->term);
	uv_signal_init(uv, &p->interrupt);
	uv_timer_init(uv, &p->grace);
	p->term.data = p->interrupt.data = p->grace.data = p;
	uv_signal_start(&p->term, on_signal, SIGTERM);
	uv_signal_start(&p->interrupt, on_signal, SIGINT);
}

bool process_await_db(struct call *call, struct process *p, struct db *db)
{
	int r;

	while ((r = db_ready(call, db, 5000)) != OK) {
		if (r == E_CANCELLED)
			return false;
		log_error("Process", "The database is not ready", F_TEXT("process", p->application),
			  F_TEXT("error", call->why));
		if (r == E_INVALID) {
			p->exit_status = 1;
			loop_stop(p->loop);
			return false;
		}
	}
	return true;
}

bool process_check_keys(struct call *call, struct process *p, struct db *db, const struct key_ring *keys)
{
	int r;

	while ((r = canary_check(call, db, keys)) != OK) {
		if (r == E_CANCELLED)
			return false;
		log_error("Process", "The encryption key could not be checked", F_TEXT("process", p->application),
			  F_TEXT("error", call->why));
		if (r == E_INVALID) {
			p->exit_status = CONFIG_EXIT;
			loop_stop(p->loop);
			return false;
		}
		if (fiber_sleep(call, KEY_CHECK_MS) != OK)
			return false;
	}
	return true;
}

void process_finish_fibers(struct process *p)
{
	while (loop_fibers(p->loop))
		uv_run(loop_uv(p->loop), UV_RUN_ONCE);
}

void process_run_out(struct process *p)
{
	loop_cancel_all(p->loop);
	process_finish_fibers(p);
}

void process_done(struct process *p)
{
	p->heart = heart_stop(p->heart);
	uv_close((uv_handle_t *)&p->term, NULL);
	uv_close((uv_handle_t *)&p->interrupt, NULL);
	uv_close((uv_handle_t *)&p->grace, NULL);
	p->loop = loop_free(p->loop);
}
