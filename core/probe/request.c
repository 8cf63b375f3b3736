/* From a request to the record of a probe: copies of everything, checked as far as it needs no curl; and probe_run(),
 * for a fiber that waits. */
#include "probe/inner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the record ---- */

/* curl drops "Name:" and sends "Name;" as an empty header. */
static bool add_lines(struct probe *p, const struct net_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (probe_header_check(headers[i].name, headers[i].value))
			return false;
		buf_add_str(&p->lines, headers[i].name);
		buf_add(&p->lines, headers[i].value.n ? ": " : ";", headers[i].value.n ? 2 : 1);
		buf_add_str(&p->lines, headers[i].value);
		buf_add_char(&p->lines, '\0');
	}
	return !p->lines.overflow;
}

static enum probe_end copy(struct probe *p, const struct probe_request *request)
{
	static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "POST" };
	bool known = false;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(request->method, methods[i]) == 0) {
			memcpy(p->method, methods[i], strlen(methods[i]) + 1);
			known = true;
		}
	}
	assert(known && request->timeout_ms > 0 && request->timeout_ms <= PROBE_TIMEOUT_MAX);
	if (request->url.n > PROBE_URL_MAX || memchr(request->url.p, '\0', request->url.n))
		return PROBE_BAD_URL;
	memcpy(p->place.url, request->url.p, request->url.n);
	if (request->n_headers + request->n_secret_headers + request->n_host_headers > HEADERS_MAX ||
	    !add_lines(p, request->headers, request->n_headers) ||
	    !add_lines(p, request->secret_headers, request->n_secret_headers))
		return PROBE_BAD_HEADER;
	p->needs_tls = request->n_secret_headers > 0;
	p->host_lines = p->lines.n;
	return add_lines(p, request->host_headers, request->n_host_headers) ? PROBE_ANSWERED : PROBE_BAD_HEADER;
}

struct probe *probe_new(struct probes *probes, const struct probe_request *request, probe_done_fn *done, void *arg)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p) {
		fprintf(stderr, "out of memory: a probe\n");
		abort();
	}
	p->probes = probes;
	p->done = done;
	p->arg = arg;
	p->http = request->http;
	p->skip_tls_verify = request->skip_tls_verify;
	p->fresh = request->fresh;
	p->first = request->first;
	p->allow_private = request->allow_private;
	p->wants_body = request->wants_body;
	p->redirects = request->redirects < PROBE_REDIRECTS ? request->redirects : PROBE_REDIRECTS;
	p->timeout_ms = request->timeout_ms;
	p->dns_us = -1;
	buf_init(&p->lines, HEADERS_SIZE);
	buf_init(&p->body, PROBE_BODY_MAX);
	p->wrong = copy(p, request);
	return p;
}

void probe_free(struct probe *p)
{
	hop_done(p);
	if (p->lines.p) /* secret headers */
		explicit_bzero(p->lines.p, p->lines.n);
	buf_done(&p->lines);
	buf_done(&p->body);
	free(p);
}

/* ---- for a fiber ---- */

struct run {
	struct wait wait; /* first: the record is found by it */
	struct probe_result result;
	struct buf body;
};

static void run_free(struct wait *wait)
{
	struct run *run = (struct run *)wait;

	buf_done(&run->body);
	free(run);
}

static void on_done(void *arg, const struct probe_result *result)
{
	struct run *run = arg;

	run->result = *result;
	buf_add_str(&run->body, result->body);
	wait_complete(&run->wait, OK);
}

int probe_run(struct call *call, struct probes *probes, const struct probe_request *request, struct probe_result *ret)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run) {
		fprintf(stderr, "out of memory: a probe\n");
		abort();
	}
	wait_init(&run->wait, run_free);
	buf_init(&run->body, PROBE_BODY_MAX);
	probe_start(probes, request, on_done, run);
	r = await(call, &run->wait, -1);
	if (r == OK) {
		*ret = run->result;
		ret->body = arena_str(call->arena, buf_str(&run->body));
	}
	wait_unref(&run->wait);
	return r;
}
