/* The services the handlers stand on. */
#include "api/api.h"

#include "api/access.h"
#include "api/ingest.h"
#include "api/readings.h"

#include <stdlib.h>

struct api *api_open(const struct api_options *options)
{
	struct db_options db = { .url = options->database_url,
				 .shared = 2,
				 .application = options->application,
				 .own = options->own_connections };
	struct api *api = calloc(1, sizeof(*api));

	if (!api)
		abort();
	api->o = *options;
	api->db = db_open(options->loop, &db);
	api->kv = kv_open(options->loop, options->redis_url, "opshub-api");
	api->access = access_cache_new();
	api->ingest = ingest_open(options->loop, api->db, api->kv);
	api->readings = readings_new();
	return api;
}

struct api *api_close(struct api *api)
{
	if (!api)
		return NULL;
	api->readings = readings_free(api->readings);
	api->ingest = ingest_close(api->ingest);
	api->access = access_cache_free(api->access);
	api->kv = kv_close(api->kv);
	api->db = db_close(api->db);
	free(api);
	return NULL;
}
