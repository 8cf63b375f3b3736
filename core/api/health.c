/* Is it alive, is it ready, and what did the workers find in the plugin folder. */
#include "api/api.h"
#include "store/plugins.h"

int healthz(struct exchange *x)
{
	http_answer_json(x, 200);
	buf_add_str(&x->answer.body, STR("{\"ok\": true}"));
	return OK;
}

int readyz(struct exchange *x)
{
	struct api *api = api_of(x);
	struct db_rows rows;
	bool database = db_query(x->call, api->db, Q_SCHEMA_APPLIED, &rows, ) == OK, redis = kv_is_up(api->kv);
	struct json_out out = http_answer_json(x, database ? 200 : 503);

	json_open(&out, '{');
	json_put_bool(&out, "ok", database && redis);
	json_put_text(&out, "database", database ? STR("up") : STR("down"));
	json_put_text(&out, "redis", redis ? STR("up") : STR("down: everything works, slower"));
	json_put_text(&out, "migrations", database ? STR("applied") : STR("unknown"));
	json_close(&out, '}');
	if (!database)
		http_answer_header(x, "retry-after", STR("5"));
	return OK;
}

static int catalog(struct exchange *x, const char *kind)
{
	struct db_rows rows;
	int r = plugins_of_kind(x->call, api_of(x)->db, kind, &rows);

	return r == OK ? answer_rows(x, &rows) : r;
}

int providers_index(struct exchange *x)
{
	return catalog(x, "provider");
}
int notifiers_index(struct exchange *x)
{
	return catalog(x, "notifier");
}
