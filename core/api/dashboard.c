/* The web page: a few static files that talk to the API like everybody else. */
#include "api/api.h"
#include "dashboard/files.h"

static const char *type_of(struct str name)
{
	return str_ends(name, STR(".js"))    ? "text/javascript; charset=utf-8"
	       : str_ends(name, STR(".css")) ? "text/css; charset=utf-8"
					     : "text/html; charset=utf-8";
}

int dashboard_file(struct exchange *x)
{
	struct str name = x->params[0].n ? x->params[0] : STR("index.html");

	for (const struct dashboard_file *f = dashboard_files; f->name; f++) {
		if (!str_eq(name, str_of(f->name)))
			continue;
		x->answer.status = 200;
		x->answer.type = type_of(name);
		/* everything the page needs comes from here, and no page may frame it */
		http_answer_header(x, "content-security-policy",
				   STR("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
				       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
		http_answer_header(x, "cache-control", STR("no-cache")); /* asked for again each time: 304 by its tag */
		buf_add_str(&x->answer.body, str_of(f->text));
		return OK;
	}
	return call_fail(x->call, E_NOT_FOUND, "the dashboard has no file %.*s", STR_FMT(name));
}
