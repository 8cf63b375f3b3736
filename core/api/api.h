/* The HTTP API: the table of routes, who may use them, and the services their handlers stand on. */
#ifndef API_API_H
#define API_API_H

#include "api/limits.h"
#include "db/db.h"
#include "github/github.h"
#include "http/http.h"
#include "kv/kv.h"
#include "probe/rules.h"
#include "store/access.h"

struct access_cache;
struct failures;
struct ingest;
struct probe_rules;
struct reading;
struct readings;
struct status_cache;

/* Logging in with GitHub: the OAuth app, and where GitHub is. */
struct github_options {
	struct str client_id, client_secret; /* client id "none": switched off */
	struct str web_base, api_base;       /* "https://github.com", "https://api.github.com", or an Enterprise's */
};

struct api_options {
	struct loop *loop;
	const char *database_url, *application, *redis_url;
	unsigned own_connections;
	struct str jwt_secrets[2];     /* the second one is accepted during a rollover; empty = none */
	struct str webhook_secrets[2]; /* the same */
	const struct key_ring *keys;   /* seal stored secrets; must outlive the api */
	bool test_login, is_production;
	struct str base_url, web_base_url;
	struct github_options github;
	struct github rest;     /* for the server's own questions; net is filled in */
	bool first_login_owner; /* the first user of an empty installation gets its first organization */
	struct limit_rule limits[LIMIT_KINDS];
	int64_t login_failure_threshold, login_failure_window_ms;
	const struct probe_rules *probe_rules; /* where health checks may point; must outlive the api */
	struct str contacts[3];                /* for security.txt: security, operations, management; empty = none */
};

struct api {
	struct api_options o;
	struct db *db;
	struct kv *kv;
	struct net *net;             /* to GitHub */
	struct github rest;          /* asks it as the server */
	struct access_cache *access; /* who may see what, for a few seconds */
	struct limits *limits;       /* how many requests each may make */
	struct failures *failures;   /* failed logins on their way into the audit */
	struct ingest *ingest;       /* webhooks on their way to one commit */
	struct readings *readings;   /* lists that several ask for at once */
	struct status_cache *status; /* public pages of the last seconds */
};

struct api *api_open(const struct api_options *options);
struct api *api_close(struct api *api); /* its fibers have ended; accepts NULL, returns NULL */

extern const struct http_route api_routes[];
int api_guard(struct exchange *x);
/* Is this a change that a page of somebody else's asks for? Neither our own origin's nor WEB_BASE_URL's. */
bool is_cross_site(const struct exchange *x);

/* ---- access: the values of http_route.access ----
 * What the path names, and the least role in it. A token must also have the scope: read for GET, write for what a
 * DEVELOPER may change, admin for all else. */
enum access {
	ACCESS_NOBODY = 0,    /* a row without a decision: always refused */
	ACCESS_PUBLIC = 0x10, /* no login */
	ACCESS_SIGNED = 0x20, /* the handler checks a signature */
	ACCESS_USER = 0x30,   /* anybody who is logged in; a token that is for one project may only read */
	ACCESS_SELF = 0x40, /* the same, for what is about the caller's own credentials: a session, or an admin token */
	ACCESS_ORG = 0x50,  /* first parameter is an organization's id */
	ACCESS_PROJECT = 0x60,     /* first parameter is a project's id */
	ACCESS_PREVIEW = 0x70,     /* last parameter is a deployment's id */
	ACCESS_ENVIRONMENT = 0x80, /* first parameter is an environment's id */
	ACCESS_CHECK = 0x90,       /* the parameter is a check's id, or the second one behind a project's */

	ACCESS_ORG_VIEWER = ACCESS_ORG | ROLE_VIEWER,
	ACCESS_ORG_MAINTAINER = ACCESS_ORG | ROLE_MAINTAINER,
	ACCESS_ORG_OWNER = ACCESS_ORG | ROLE_OWNER,
	ACCESS_PROJECT_VIEWER = ACCESS_PROJECT | ROLE_VIEWER,
	ACCESS_PROJECT_DEVELOPER = ACCESS_PROJECT | ROLE_DEVELOPER,
	ACCESS_PROJECT_MAINTAINER = ACCESS_PROJECT | ROLE_MAINTAINER,
	ACCESS_PROJECT_OWNER = ACCESS_PROJECT | ROLE_OWNER,
	ACCESS_PREVIEW_VIEWER = ACCESS_PREVIEW | ROLE_VIEWER,
	ACCESS_PREVIEW_DEVELOPER = ACCESS_PREVIEW | ROLE_DEVELOPER,
	ACCESS_PREVIEW_MAINTAINER = ACCESS_PREVIEW | ROLE_MAINTAINER,
	ACCESS_ENVIRONMENT_VIEWER = ACCESS_ENVIRONMENT | ROLE_VIEWER,
	ACCESS_ENVIRONMENT_DEVELOPER = ACCESS_ENVIRONMENT | ROLE_DEVELOPER,
	ACCESS_ENVIRONMENT_MAINTAINER = ACCESS_ENVIRONMENT | ROLE_MAINTAINER,
	ACCESS_CHECK_VIEWER = ACCESS_CHECK | ROLE_VIEWER,
	ACCESS_CHECK_DEVELOPER = ACCESS_CHECK | ROLE_DEVELOPER,
	ACCESS_CHECK_MAINTAINER = ACCESS_CHECK | ROLE_MAINTAINER,
};
#define ACCESS_ROLE(access)  ((enum role)((access)&0x0f))
#define ACCESS_NAMES(access) ((access)&0xf0)

/* Who is asking: exchange.user of every route that needs a login. */
struct caller {
	struct identity identity;
	struct standing standing; /* in what the path names */
};

static inline struct api *api_of(const struct exchange *x)
{
	return x->app;
}
static inline const struct caller *caller_of(const struct exchange *x)
{
	return x->user;
}
/* The check of a route of ACCESS_CHECK. */
struct str check_id_of(const struct exchange *x);

static inline struct str caller_id(const struct exchange *x)
{
	return caller_of(x)->identity.person.id;
}

/* The caller as audit_add() takes him in its parameter `who`: kind, id, name, ip, user agent, request id. Each change
 * writes its audit row in its own statement or transaction, and its SQL calls audit_add with this. */
struct db_arg audit_who(struct exchange *x);
/* For the row's id: a new "audit_..." in the call's memory. */
struct db_arg audit_id(struct exchange *x);
/* The request's user agent as text that the database takes, at most `max` bytes. */
struct str audit_agent(struct exchange *x, size_t max);

struct audit audit_of(struct exchange *x); /* both */

/* ---- handlers ---- */
int healthz(struct exchange *x);
int readyz(struct exchange *x);
int security_txt(struct exchange *x);
int webhook_github(struct exchange *x);
int test_login_as(struct exchange *x);
int auth_methods(struct exchange *x);
int auth_github(struct exchange *x);
int auth_github_callback(struct exchange *x);
int logout(struct exchange *x);
int me(struct exchange *x);
int sessions_index(struct exchange *x);
int session_delete(struct exchange *x);
int providers_index(struct exchange *x);
int notifiers_index(struct exchange *x);
int deployments_index(struct exchange *x);
int deployment_show(struct exchange *x);
int deployment_logs_show(struct exchange *x);
int deployment_events_show(struct exchange *x);
int deployment_retry(struct exchange *x);
int deployment_cancel(struct exchange *x);
int deployment_destroy(struct exchange *x);
int deployment_approve(struct exchange *x);
int deployment_request(struct exchange *x);
int deployment_extend_post(struct exchange *x);
int deployment_unfreeze_post(struct exchange *x);
int decoy_visited(struct exchange *x);
int deliveries_index(struct exchange *x);
int delivery_show(struct exchange *x);
int delivery_replay(struct exchange *x);
int orphans_index(struct exchange *x);
int organization_audit(struct exchange *x);
int organization_access_review(struct exchange *x);
int organization_lockdown(struct exchange *x);
int organization_unlock(struct exchange *x);
int dashboard_file(struct exchange *x);
int openapi_file(struct exchange *x);
int orgs_index(struct exchange *x);
int org_create(struct exchange *x);
int org_show(struct exchange *x);
int org_change(struct exchange *x);
int org_delete(struct exchange *x);
int members_index(struct exchange *x);
int member_create(struct exchange *x);
int member_change(struct exchange *x);
int member_delete(struct exchange *x);
int projects_index(struct exchange *x);
int project_create_in_body(struct exchange *x);
int project_create_in_path(struct exchange *x);
int project_show(struct exchange *x);
int project_change(struct exchange *x);
int project_remove(struct exchange *x);
int project_members_index(struct exchange *x);
int project_member_put(struct exchange *x);
int project_member_delete(struct exchange *x);
int provider_show(struct exchange *x);
int provider_put(struct exchange *x);
int project_notifiers_index(struct exchange *x);
int project_notifier_create(struct exchange *x);
int project_notifiers_test(struct exchange *x);
int project_notifier_show(struct exchange *x);
int project_notifier_put(struct exchange *x);
int project_notifier_change(struct exchange *x);
int project_notifier_delete(struct exchange *x);
int policies_index(struct exchange *x);
int policy_show(struct exchange *x);
int policy_create(struct exchange *x);
int policy_patch(struct exchange *x);
int policy_delete(struct exchange *x);
int policies_evaluate(struct exchange *x);
int project_rotate(struct exchange *x);
int rotations_index(struct exchange *x);
int environments_index(struct exchange *x);
int variables_index(struct exchange *x);
int variable_create(struct exchange *x);
int variable_show(struct exchange *x);
int variable_put(struct exchange *x);
int variable_delete(struct exchange *x);
int variable_versions_index(struct exchange *x);
int variable_usage_show(struct exchange *x);
int variable_rollback(struct exchange *x);
int variable_reveal(struct exchange *x);
int variables_import(struct exchange *x);
int variables_export_masked(struct exchange *x);
int variables_export(struct exchange *x);
int samples_index(struct exchange *x);
int check_uptime_show(struct exchange *x);
int status_page_show(struct exchange *x);
int status_page_put(struct exchange *x);
int status_page_html(struct exchange *x);
int status_page_json(struct exchange *x);
int status_page_badge(struct exchange *x);
int health_checks_index(struct exchange *x);
int health_check_create(struct exchange *x);
int health_check_show(struct exchange *x);
int health_check_patch(struct exchange *x);
int health_check_delete(struct exchange *x);
int health_check_enable(struct exchange *x);
int health_check_disable(struct exchange *x);
int alerts_index(struct exchange *x);
int incidents_index(struct exchange *x);
int project_incidents_index(struct exchange *x);
int incident_acknowledge_post(struct exchange *x);
int windows_index(struct exchange *x);
int window_create(struct exchange *x);
int window_show(struct exchange *x);
int window_patch(struct exchange *x);
int window_delete(struct exchange *x);
int health_check_run(struct exchange *x);
int slack_show(struct exchange *x);
int slack_put(struct exchange *x);
int provider_verify_post(struct exchange *x);
int rules_show(struct exchange *x);
int rules_put(struct exchange *x);

int tokens_index(struct exchange *x);
int token_create_post(struct exchange *x);
int token_show(struct exchange *x);
int token_rotate_post(struct exchange *x);
int token_delete(struct exchange *x);

/* ---- what handlers share (page.c) ---- */
/* ?limit=1..200 (default 50) and ?cursor=. E_INVALID with the field in the error's details. */
int page_read(struct exchange *x, int64_t *ret_limit, struct str *ret_cursor, const char *cursor_prefix);
/* ?cursor= alone. */
int page_cursor(struct exchange *x, struct str *ret_cursor, const char *cursor_prefix);
/* Link: <...>; rel="next" when the page is full. column: whose value in the last row is the next page's cursor. */
void page_link(struct exchange *x, const struct db_rows *rows, int64_t limit, const char *column);
int answer_rows(struct exchange *x, const struct db_rows *rows);
/* 201 (or 200) with one row as the object; a Location of `folder` and the row's id when it was created. */
int answer_created(struct exchange *x, const char *folder, const struct db_rows *rows);
int answer_row(struct exchange *x, const struct db_rows *rows);
int answer_deleted(struct exchange *x); /* 204 */
/* 202 {"status":"deleting"}, when a project or an organization was marked (the other is empty): a first batch of its
 * previews is told now; what is left, also when this process dies here, the workers find. */
AWAITS int answer_deleting(struct exchange *x, struct str project_id, struct str org_id);
#define SESSION_COOKIE "opshub_token"
/* A cookie for our own pages alone; 0 seconds clears it. */
void answer_cookie(struct exchange *x, const char *name, const char *path, struct str value, int64_t seconds);
/* What a store's function said, as an answer: E_AUTH there means that a role does not reach, which is 403. */
int answer_refused(struct exchange *x, int r);
/* A reading that others may share (api/readings.h): its body, and the link to the next page. */
int answer_reading(struct exchange *x, const struct reading *reading);
void reading_rows(const struct db_rows *rows, int64_t limit, struct reading *ret);
/* The error object with one detail: "field why". Returns the failure, as http_answer_error does. */
int answer_field(struct exchange *x, int status, const char *field, const char *why);

#endif
