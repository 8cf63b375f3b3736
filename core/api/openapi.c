/* What this API is, for programs: docs/openapi.json, compiled in beside the dashboard's files. */
#include "api/api.h"
#include "dashboard/files.h"

int openapi_file(struct exchange *x)
{
	for (const struct dashboard_file *f = dashboard_files; f->name; f++) {
		if (!str_eq(str_of(f->name), STR("openapi.json")))
			continue;
		buf_add_str(&x->answer.body, str_of(f->text));
		return OK;
	}
	return call_fail(x->call, E_NOT_FOUND, "this build has no description of its API");
}
