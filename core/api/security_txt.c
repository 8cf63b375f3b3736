/* GET /.well-known/security.txt (RFC 9116): whom to tell of a weakness. */
#include "api/api.h"

#include "base/clock.h"

#define DAY_MS   (24 * 3600 * (int64_t)1000)
#define GOOD_FOR (90 * DAY_MS)
#define CONTACTS ((int)(sizeof(((struct api_options *)0)->contacts) / sizeof(struct str)))

int security_txt(struct exchange *x)
{
	const struct api_options *o = &api_of(x)->o;
	struct buf *body = &x->answer.body;
	int64_t today = clock_wall_ms() / DAY_MS * DAY_MS;
	char expires[TIME_TEXT_MAX];

	if (o->contacts[0].n == 0)
		return call_fail(x->call, E_NOT_FOUND,
				 "nobody is named here for reports of weaknesses: whoever runs this server can set "
				 "SECURITY_CONTACT");
	for (int i = 0; i < CONTACTS; i++)
		if (o->contacts[i].n)
			buf_printf(body, "Contact: %s%.*s\n",
				   str_starts(o->contacts[i], STR("https://")) ||
						   str_starts(o->contacts[i], STR("mailto:"))
					   ? ""
					   : "mailto:",
				   STR_FMT(o->contacts[i]));
	time_format(today + GOOD_FOR, expires); /* whole days, so that its tag changes once a day */
	buf_printf(body, "Expires: %s\nPreferred-Languages: en\nCanonical: %.*s/.well-known/security.txt\n", expires,
		   STR_FMT(o->base_url));
	x->answer.type = "text/plain; charset=utf-8";
	http_answer_header(x, "cache-control", STR("public, max-age=3600"));
	return OK;
}
