/* The dashboard on an origin of its own (WEB_BASE_URL): its scripts may use the API with the login cookie, others' not.
 *
 * Owns the origin's text and the three headers, made once, in the server.
 * Easy to break: with credentials there is no "*"; the one origin is compared byte by byte, and every answer says
 * Vary: Origin (http/headers.c), or a cache would hand one origin's answer to another. */
#include "http/server.h"

#include <string.h>

/* What a script may read beside the few that it always may. */
#define EXPOSED  "etag, link, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id"
#define ACCEPTED "authorization, content-type, if-none-match, x-request-id"

/* A name or an address, perhaps with a port; not more than that: the browser has checked what it sends. */
static bool is_host(struct str host)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]";
	const char *from = host.p, *end = host.p + host.n, *colon;

	for (size_t i = 0; i < host.n; i++)
		if (!host.p[i] || !strchr(allowed, host.p[i]))
			return false;
	if (host.n && host.p[0] == '[')
		from = memchr(host.p, ']', host.n);
	if (host.n == 0 || host.p[0] == ':' || !from)
		return false;
	colon = memchr(from, ':', (size_t)(end - from));
	return !colon || memrchr(from, ':', (size_t)(end - from)) == colon;
}

bool http_origin_of(struct str url, char ret[HTTP_ORIGIN_MAX])
{
	bool secure = str_starts(url, STR("https://"));
	struct str scheme = secure ? STR("https://") : STR("http://"), host = url;
	const struct str port = secure ? STR(":443") : STR(":80");
	size_t n = 0;

	if (!str_starts(url, scheme))
		return false;
	host = (struct str){ url.p + scheme.n, url.n - scheme.n };
	while (n < host.n && !strchr("/?#", host.p[n]))
		n++;
	host.n = n;
	if (!is_host(host) || scheme.n + n >= HTTP_ORIGIN_MAX)
		return false;
	if (n > port.n && str_ends(host, port))
		host.n -= port.n;
	memcpy(ret, scheme.p, scheme.n);
	for (size_t i = 0; i < host.n; i++)
		ret[scheme.n + i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
	ret[scheme.n + host.n] = '\0';
	return true;
}

bool http_from_web(const struct exchange *x)
{
	const struct http_server *server = ((const struct work *)x)->server;
	struct str origin = http_request_header(x, "origin");

	return origin.n && str_eq(origin, (struct str){ server->web.origin, server->web.n });
}

void cors_open(struct http_server *server)
{
	static h2o_iovec_t origin = { H2O_STRLIT("access-control-allow-origin") },
			   credentials = { H2O_STRLIT("access-control-allow-credentials") },
			   exposed = { H2O_STRLIT("access-control-expose-headers") };

	if (!server->options.web_url || !http_origin_of(str_of(server->options.web_url), server->web.origin))
		return;
	server->web.n = strlen(server->web.origin);
	server->web.headers[0] = (h2o_header_t){ &origin, NULL, { server->web.origin, server->web.n } };
	server->web.headers[1] = (h2o_header_t){ &credentials, NULL, { H2O_STRLIT("true") } };
	server->web.headers[2] = (h2o_header_t){ &exposed, NULL, { H2O_STRLIT(EXPOSED) } };
}

void cors_preflight(struct exchange *x, struct str allow)
{
	if (!http_from_web(x) || http_request_header_count(x, "access-control-request-method") == 0)
		return;
	http_answer_header(x, "access-control-allow-methods", allow);
	http_answer_header(x, "access-control-allow-headers", STR(ACCEPTED));
	http_answer_header(x, "access-control-max-age", STR("600"));
}
