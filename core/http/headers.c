/* The headers that every answer has.
 *
 * Owns nothing: names and values are constants, the server's, or the request's.
 * Easy to break: h2o keeps pointers until it has written the head. What comes out of the work is copied into the
 * request's pool, because the work may be gone by then. */
#include "http/server.h"

#include <string.h>

#define NAME(variable, text) static h2o_iovec_t variable = { H2O_STRLIT(text) }
NAME(content_type, "content-type");
NAME(content_encoding, "content-encoding");
NAME(cache_control, "cache-control");
NAME(etag, "etag");
NAME(request_id, "x-request-id");
NAME(transport, "strict-transport-security");
NAME(content_options, "x-content-type-options");
NAME(referrer, "referrer-policy");
NAME(frame_options, "x-frame-options");
NAME(resource_policy, "cross-origin-resource-policy");
NAME(security_policy, "content-security-policy");
NAME(vary, "vary");

/* A handler's own header of one of these names takes its place. */
static const h2o_header_t usual[] = {
	{ &content_options, NULL, { H2O_STRLIT("nosniff") } },
	{ &referrer, NULL, { H2O_STRLIT("no-referrer") } },
	{ &frame_options, NULL, { H2O_STRLIT("DENY") } },
	{ &resource_policy, NULL, { H2O_STRLIT("same-origin") } },
	{ &security_policy, NULL, { H2O_STRLIT("default-src 'none'; frame-ancestors 'none'") } },
	{ &vary, NULL, { H2O_STRLIT("origin, accept-encoding") } },
};
#define N_USUAL (sizeof(usual) / sizeof(usual[0]))
#define N_OTHER 9 /* type, encoding, cache, tag, request id, transport, and three of CORS */

static void put(h2o_headers_t *headers, h2o_iovec_t *name, struct str value)
{
	headers->entries[headers->size++] = (h2o_header_t){ name, NULL, { (char *)value.p, value.n } };
}

static void put_usual(h2o_headers_t *headers, const struct exchange *x)
{
	if (x->answer.n_headers == 0) {
		memcpy(headers->entries + headers->size, usual, sizeof(usual));
		headers->size += N_USUAL;
		return;
	}
	for (size_t i = 0; i < N_USUAL; i++)
		if (!answer_header(x, usual[i].name->base).p)
			headers->entries[headers->size++] = usual[i];
}

static struct str pooled(h2o_req_t *req, struct str text)
{
	h2o_iovec_t copy = h2o_strdup(&req->pool, text.p, text.n);

	return (struct str){ copy.base, copy.len };
}

void headers_put(const struct work *work, h2o_req_t *req, bool bodiless)
{
	const struct exchange *x = &work->x;
	h2o_headers_t *headers = &req->res.headers;

	h2o_vector_reserve(&req->pool, headers, x->answer.n_headers + N_USUAL + N_OTHER);
	headers->size = 0;
	if (!bodiless)
		put(headers, &content_type,
		    x->answer.type ? str_of(x->answer.type) : STR("application/json; charset=utf-8"));
	if (work->packed)
		put(headers, &content_encoding, STR("gzip"));
	if (!answer_header(x, "cache-control").p)
		put(headers, &cache_control, work->etag[0] ? STR("private, no-cache") : STR("no-store"));
	if (work->etag[0])
		put(headers, &etag, pooled(req, str_of(work->etag)));
	put(headers, &request_id, pooled(req, x->request_id));
	put_usual(headers, x);
	if (x->tls && work->server->options.is_production)
		put(headers, &transport, STR("max-age=31536000"));
	if (http_from_web(x)) {
		memcpy(headers->entries + headers->size, work->server->web.headers, sizeof(work->server->web.headers));
		headers->size += sizeof(work->server->web.headers) / sizeof(work->server->web.headers[0]);
	}
	for (size_t i = 0; i < x->answer.n_headers; i++) {
		struct http_header header = x->answer.headers[i];

		h2o_add_header_by_str(&req->pool, headers, header.name.p, header.name.n, 0, NULL, header.value.p,
				      header.value.n);
	}
}
