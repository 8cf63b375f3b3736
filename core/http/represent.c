/* In which form an answer is sent: not at all when the client has it already (ETag, 304), packed when it asks for that.
 *
 * Owns nothing; the packed body takes the place of the plain one.
 * Easy to break: the loop must not stand still while a long body is packed, so that goes to another thread. The fiber
 * waits for it shielded and without a deadline, because the thread reads the body where it lies.
 *
 *   200 of a GET --> tag over the plain body --> named in If-None-Match: 304
 *                                            '-> long and gzip allowed: packed, on a thread above 64 KiB */
#include "http/gzip.h"
#include "http/server.h"

#define TAG_MOST  (4u * 1024 * 1024) /* half a millisecond */
#define PACK_FROM 2048
#define PACK_HERE (64u * 1024) /* below a millisecond */
#define PACK_MOST (8u * 1024 * 1024)

/* A handler that says no-store means it; one that says nothing gets a tag. */
static bool may_be_kept(const struct exchange *x)
{
	struct str cache = answer_header(x, "cache-control");

	return x->answer.body.n <= TAG_MOST && !str_eq(cache, STR("no-store"));
}

static bool client_has(const struct exchange *x, const char *tag)
{
	for (size_t i = 0; i < x->n_headers; i++)
		if (str_eq(x->headers[i].name, STR("if-none-match")) && etag_listed(x->headers[i].value, tag))
			return true;
	return false;
}

static bool is_text(const char *type)
{
	return !type || str_starts(str_of(type), STR("text/")) || str_starts(str_of(type), STR("application/json"));
}

static bool wants_gzip(const struct exchange *x)
{
	struct encodings encodings = { 0 };

	for (size_t i = 0; i < x->n_headers; i++)
		if (str_eq(x->headers[i].name, STR("accept-encoding")))
			encodings_read(&encodings, x->headers[i].value);
	return encodings_want_gzip(&encodings);
}

struct packing {
	struct str plain;
	struct buf packed;
	bool smaller;
};

static void pack_on_thread(void *arg)
{
	struct packing *packing = arg;
	struct gzip *gzip = gzip_new();

	packing->smaller = gzip_pack(gzip, packing->plain, &packing->packed);
	gzip_free(gzip);
}

AWAITS static bool offload_shielded(struct call *call, struct packing *packing)
{
	int64_t deadline_ms = call->deadline_ms;
	int r;

	call->deadline_ms = INT64_MAX;
	call_shield(call);
	r = offload(call, pack_on_thread, packing, NULL);
	call_unshield(call);
	call->deadline_ms = deadline_ms;
	return r == OK;
}

AWAITS static void pack(struct work *work)
{
	struct buf *body = &work->x.answer.body;
	struct packing packing = { .plain = buf_str(body) };

	buf_init(&packing.packed, body->n - 1);
	if (body->n <= PACK_HERE)
		packing.smaller = gzip_pack(work->server->gzip, packing.plain, &packing.packed);
	else if (!offload_shielded(work->x.call, &packing))
		packing.smaller = false;
	if (packing.smaller) {
		buf_done(body);
		*body = packing.packed;
		work->packed = true;
	} else {
		buf_done(&packing.packed);
	}
}

void represent(struct work *work)
{
	struct exchange *x = &work->x;

	if (x->route->method != HTTP_GET || (x->answer.status != 0 && x->answer.status != 200) ||
	    x->answer.body.overflow)
		return;
	if (may_be_kept(x)) {
		etag_of(buf_str(&x->answer.body), work->etag);
		if (client_has(x, work->etag)) {
			x->answer.status = 304;
			buf_clear(&x->answer.body);
			return;
		}
	}
	if (x->answer.body.n >= PACK_FROM && x->answer.body.n <= PACK_MOST && is_text(x->answer.type) && wants_gzip(x))
		pack(work);
}
