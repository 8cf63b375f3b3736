/* Which page is asking: a browser sends the login cookie with any page's request, so what changes something by cookie
 * must come from a page of ours. Other programs send no Origin, and are not asked for one.
 *
 * Easy to break: an Origin may only be compared as a whole ("https://opshub.example.evil.net"), "null" is nobody's, and
 * where the connection is encrypted a page that was loaded without encryption is not ours: it may be anybody's. */
#include "api/api.h"

static bool is_own(const struct exchange *x, struct str origin)
{
	struct str host = http_request_header(x, "host");
	char base[HTTP_ORIGIN_MAX];

	if (http_origin_of(api_of(x)->o.base_url, base) && str_eq(origin, str_of(base)))
		return true;
	if (str_starts(origin, STR("https://")))
		return str_eq_nocase((struct str){ origin.p + 8, origin.n - 8 }, host);
	if (str_starts(origin, STR("http://")) && !x->tls)
		return str_eq_nocase((struct str){ origin.p + 7, origin.n - 7 }, host);
	return false;
}

bool is_cross_site(const struct exchange *x)
{
	struct str origin = http_request_header(x, "origin"), site = http_request_header(x, "sec-fetch-site");

	if (x->route->method == HTTP_GET || http_from_web(x))
		return false;
	if (site.n && !str_eq(site, STR("same-origin")) && !str_eq(site, STR("none")))
		return true;
	return origin.n > 0 && !is_own(x, origin);
}
