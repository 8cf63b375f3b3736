/* Is a new value good? The page of the preview that was deployed with it, and the operator's program. */
#include "worker/rotate_inner.h"

#include "base/json_write.h"
#include "worker/program.h"

#include <string.h>

#define PAGE_TRIES    3
#define PAGE_MS       10000
#define PAGE_PAUSE_MS 2000
#define PAGE_BYTES    (1024 * 1024)
#define INPUT_MAX     (512 * 1024) /* a value of 64 KiB, escaped */

static bool page_is_good(const struct rotator *o, int status)
{
	return (status >= 200 && status < 400) || (o->page_check == PAGE_LOGIN && (status == 401 || status == 403));
}

int rotate_check_page(struct call *call, const struct rotating *g)
{
	struct net_request request = {
		.method = "GET",
		.url = arena_text(call->arena, rotating_text(g, "url")),
		.timeout_ms = PAGE_MS,
		.max_body = PAGE_BYTES,
		.allow_private = provider_may_be_private(g->o->providers, rotating_text(g, "provider")),
	};
	struct str last = STR("");
	struct net_response answer;
	int r = OK;

	for (int i = 0; i < PAGE_TRIES && r == OK; i++) {
		int got = net_fetch(call, g->o->net, &request, &answer);

		if (got == E_CANCELLED)
			return got;
		if (got == OK && page_is_good(g->o, answer.status))
			return OK;
		last = got == OK ? arena_printf(call->arena, "its page answered %d", answer.status)
				 : arena_printf(call->arena, "its page did not answer: %s", call->why);
		if (i + 1 < PAGE_TRIES)
			r = fiber_sleep(call, PAGE_PAUSE_MS);
	}
	return r != OK ? r : call_fail(call, E_INVALID, "%.*s", STR_FMT(last));
}

static struct str input_of(const struct rotating *g, struct str value, struct buf *buf)
{
	struct json_out out = JSON_OUT(buf);

	json_open(&out, '{');
	json_put_text(&out, "project", rotating_text(g, "project"));
	json_put_text(&out, "projectId", rotating_text(g, "project_id"));
	json_put_text(&out, "environment", rotating_text(g, "environment"));
	json_put_text(&out, "key", rotating_text(g, "key"));
	json_put_int(&out, "version", db_int(&g->row, 0, "version"));
	json_put_text(&out, "url", rotating_text(g, "url"));
	json_put_text(&out, "value", value);
	json_close(&out, '}');
	return buf_str(buf);
}

int rotate_run_program(struct call *call, const struct rotating *g)
{
	struct str value;
	struct buf input;
	int status = 0, r;

	buf_init(&input, INPUT_MAX);
	r = rotate_open(call, g, &value);
	if (r == OK)
		r = program_run(call, g->o->program, input_of(g, value, &input), g->o->program_ms, &status);
	if (input.p)
		explicit_bzero(input.p, input.n);
	buf_done(&input);
	if (r != OK)
		return r == E_INVALID ? E_UPSTREAM : r; /* a value that does not open is not the program's verdict */
	if (status == 1)
		return call_fail(call, E_INVALID, "the verify program did not accept it");
	if (status != 0)
		return call_fail(call, E_UPSTREAM, "the verify program could not decide (exit status %d)", status);
	return OK;
}
