/* The HTTP API: the table of routes, who may use them, and the services their handlers stand on. */
#ifndef API_API_H
#define API_API_H

#include "db/db.h"
#include "http/http.h"
#include "kv/kv.h"
#include "store/people.h"

struct access_cache;
struct ingest;
struct reading;
struct readings;

struct api_options {
	struct loop *loop;
	const char *database_url, *application, *redis_url;
	unsigned own_connections;
	struct str jwt_secrets[2];     /* the second one is accepted during a rollover; empty = none */
	struct str webhook_secrets[2]; /* the same */
	bool test_login, is_production;
	struct str base_url;
};

struct api {
	struct api_options o;
	struct db *db;
	struct kv *kv;
	struct access_cache *access; /* who may see what, for a few seconds */
	struct ingest *ingest;       /* webhooks on their way to one commit */
	struct readings *readings;   /* lists that several ask for at once */
};

struct api *api_open(const struct api_options *options);
struct api *api_close(struct api *api); /* its fibers have ended; accepts NULL, returns NULL */

extern const struct http_route api_routes[];
int api_guard(struct exchange *x);

/* ---- access: the values of http_route.access ---- */
enum access {
	ACCESS_NOBODY,         /* a row without a decision: always refused */
	ACCESS_PUBLIC,         /* no login */
	ACCESS_SIGNED,         /* the handler checks a signature */
	ACCESS_USER,           /* anybody who is logged in */
	ACCESS_PROJECT_VIEWER, /* first parameter is a project's id; the least role in it */
	ACCESS_PROJECT_DEVELOPER,
	ACCESS_PROJECT_MAINTAINER,
	ACCESS_PREVIEW_VIEWER, /* last parameter is a deployment's id */
	ACCESS_PREVIEW_DEVELOPER,
};

/* Who is asking: exchange.user of every route that needs a login. */
struct caller {
	struct person person;
	struct str session;
	enum role role; /* in the project or deployment that the path names */
};

static inline struct api *api_of(const struct exchange *x)
{
	return x->app;
}
static inline const struct caller *caller_of(const struct exchange *x)
{
	return x->user;
}

/* ---- handlers ---- */
int healthz(struct exchange *x);
int readyz(struct exchange *x);
int webhook_github(struct exchange *x);
int test_login_as(struct exchange *x);
int logout(struct exchange *x);
int me(struct exchange *x);
int projects_index(struct exchange *x);
int providers_index(struct exchange *x);
int notifiers_index(struct exchange *x);
int deployments_index(struct exchange *x);
int deployment_show(struct exchange *x);
int deployment_logs_show(struct exchange *x);
int deployment_events_show(struct exchange *x);
int deployment_retry(struct exchange *x);
int deployment_cancel(struct exchange *x);
int deployment_destroy(struct exchange *x);
int deliveries_index(struct exchange *x);
int delivery_show(struct exchange *x);
int delivery_replay(struct exchange *x);
int dashboard_file(struct exchange *x);

/* ---- what handlers share (page.c) ---- */
/* ?limit=1..200 (default 50) and ?cursor=. E_INVALID with the field in the error's details. */
int page_read(struct exchange *x, int64_t *ret_limit, struct str *ret_cursor, const char *cursor_prefix);
/* Link: <...>; rel="next" when the page is full. column: whose value in the last row is the next page's cursor. */
void page_link(struct exchange *x, const struct db_rows *rows, int64_t limit, const char *column);
int answer_rows(struct exchange *x, const struct db_rows *rows);
/* A reading that others may share (api/readings.h): its body, and the link to the next page. */
int answer_reading(struct exchange *x, const struct reading *reading);
void reading_rows(const struct db_rows *rows, int64_t limit, struct reading *ret);
/* The error object with one detail: "field why". Returns the failure, as http_answer_error does. */
int answer_field(struct exchange *x, int status, const char *field, const char *why);

#endif
