/* The services the handlers stand on. */
#include "api/api.h"

#include "api/access.h"
#include "api/failures.h"
#include "api/ingest.h"
#include "api/limits.h"
#include "api/readings.h"
#include "api/status_cache.h"

#include <stdlib.h>

#define REST_TIMEOUT_MS 6000 /* for each of four requests: below an answer's deadline together */

/* Paths are put behind them. */
static void trim_slash(struct str *url)
{
	while (url->n && url->p[url->n - 1] == '/')
		url->n--;
}

struct api *api_open(const struct api_options *options)
{
	struct access_cache *access = access_cache_new();
	struct db_options db = { .url = options->database_url,
				 .shared = 2,
				 .application = options->application,
				 .own = options->own_connections,
				 .listen = ACCESS_CHANNEL,
				 .on_notify = access_forget,
				 .notify_arg = access };
	struct api *api = calloc(1, sizeof(*api));

	if (!api)
		abort();
	api->o = *options;
	trim_slash(&api->o.base_url);
	trim_slash(&api->o.web_base_url);
	trim_slash(&api->o.github.web_base);
	trim_slash(&api->o.github.api_base);
	api->db = db_open(options->loop, &db);
	api->kv = kv_open(options->loop, options->redis_url, "opshub-api");
	api->net = net_open(options->loop);
	api->rest = options->rest;
	api->rest.net = api->net;
	api->rest.timeout_ms = REST_TIMEOUT_MS;
	api->rest.reserve = 0; /* people may use what the sweeps leave */
	api->access = access;
	api->limits = limits_open(options->loop, options->redis_url, options->limits);
	api->failures = failures_open(options->loop, api->db, options->login_failure_threshold,
				      options->login_failure_window_ms);
	api->ingest = ingest_open(options->loop, api->db, api->kv);
	api->readings = readings_new();
	api->status = status_cache_new();
	return api;
}

struct api *api_close(struct api *api)
{
	if (!api)
		return NULL;
	api->status = status_cache_free(api->status);
	api->readings = readings_free(api->readings);
	api->ingest = ingest_close(api->ingest);
	api->failures = failures_close(api->failures);
	api->limits = limits_close(api->limits);
	github_done(&api->rest);
	api->net = net_close(api->net);
	api->kv = kv_close(api->kv);
	api->db = db_close(api->db);
	api->access = access_cache_free(api->access);
	free(api);
	return NULL;
}
