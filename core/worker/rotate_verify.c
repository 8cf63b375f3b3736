/* Is a new value good? The page of the preview that was deployed with it, and the operator's program. */
#include "worker/rotate_inner.h"

#include "store/check_headers.h"
#include "store/project_keys.h"

#include "base/json_write.h"
#include "worker/program.h"

#include <string.h>

#define PAGE_TRIES    3
#define PAGE_MS       10000
#define PAGE_PAUSE_MS 2000
#define HEAD_MAX      (16 * 1024)

static bool page_is_good(const struct rotator *o, int status)
{
	return (status >= 200 && status < 400) || (o->page_check == PAGE_LOGIN && (status == 401 || status == 403));
}

/* What gets past a protection of the provider's own. None, or none that opens: the page is asked without. */
static int page_headers(struct call *call, const struct rotating *g, struct net_request *request)
{
	struct str sealed = rotating_text(g, "probe_headers");
	const struct key_ring *ring;
	struct check_header *headers;
	struct net_header *to;
	size_t n;
	int r;

	if (!sealed.n)
		return OK;
	r = project_ring(call, g->o->db, g->o->providers->keys, rotating_text(g, "project_id"), &ring);
	if (r == OK)
		r = probe_headers_open(call, ring, rotating_text(g, "probe_attempt"), sealed, &headers, &n);
	if (r == E_INVALID || r == E_UPSTREAM) {
		log_warn("Rotation", "A page is asked without the headers of its provider", F_TEXT("error", call->why));
		return OK;
	}
	if (r != OK)
		return r;
	to = arena_alloc(call->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++)
		to[i] = (struct net_header){ headers[i].name, headers[i].value };
	request->headers = to;
	request->n_headers = n;
	return OK;
}

int rotate_check_page(struct call *call, const struct rotating *g)
{
	struct net_request request = {
		.method = "GET",
		.url = arena_text(call->arena, rotating_text(g, "url")),
		.timeout_ms = PAGE_MS,
		.head_only = true,
		.allow_private = provider_may_be_private(g->o->providers, rotating_text(g, "provider")),
	};
	struct str last = STR("");
	struct net_response answer;
	int r = page_headers(call, g, &request);

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

/* A JSON text without its quotes; at most six bytes for one. Returns the length. */
static size_t escape(struct str text, char *to)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= ' ' && c != '"' && c != '\\') {
			to[n++] = (char)c;
			continue;
		}
		memcpy(to + n, "\\u00", 4);
		to[n + 4] = digits[c >> 4];
		to[n + 5] = digits[c & 15];
		n += 6;
	}
	return n;
}

/* The value is put in by hand: a buffer that grows would leave copies of it behind. */
static struct str input_of(struct call *call, const struct rotating *g, struct str value)
{
	static const char before[] = ",\"value\":\"", behind[] = "\"}";
	struct buf head;
	struct json_out out = JSON_OUT(&head);
	size_t n = 0;
	char *text;

	buf_init(&head, HEAD_MAX);
	json_open(&out, '{');
	json_put_text(&out, "project", rotating_text(g, "project"));
	json_put_text(&out, "projectId", rotating_text(g, "project_id"));
	json_put_text(&out, "environment", rotating_text(g, "environment"));
	json_put_text(&out, "key", rotating_text(g, "key"));
	json_put_int(&out, "version", db_int(&g->row, 0, "version"));
	json_put_text(&out, "url", rotating_text(g, "url"));
	text = arena_secret(call->arena, head.n + sizeof(before) + 6 * value.n + sizeof(behind));
	memcpy(text, head.p, n = head.n);
	memcpy(text + n, before, sizeof(before) - 1);
	n += sizeof(before) - 1;
	n += escape(value, text + n);
	memcpy(text + n, behind, sizeof(behind) - 1);
	n += sizeof(behind) - 1;
	buf_done(&head);
	return (struct str){ text, n };
}

int rotate_run_program(struct call *call, const struct rotating *g)
{
	struct str value;
	int status = 0, r = rotate_open(call, g, &value);

	if (r == OK)
		r = program_run(call, g->o->program, input_of(call, g, value), g->o->program_ms, &status);
	if (r != OK)
		return r == E_INVALID ? E_UPSTREAM : r; /* a value that does not open is not the program's verdict */
	if (status == 1)
		return call_fail(call, E_INVALID, "the verify program did not accept it");
	if (status != 0)
		return call_fail(call, E_UPSTREAM, "the verify program could not decide (exit status %d)", status);
	return OK;
}
