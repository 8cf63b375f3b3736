/* Plugins, as the worker sees them. One header for: what was found (catalog), settings to instances, and the operations
 * as ordinary awaiting functions. Everything is per worker process.
 *
 *   catalog_open(folder)          at start, before the loop runs
 *     catalog_find("vercel") -> struct plugin
 *       plugins_instance(plugin, settings) -> struct instance      opened once per settings version, counted
 *         provider_create(call, instance, request, &deployment)    on the current fiber, or on a thread when BLOCKING
 *       instance_release()
 *
 * Easy to break: a plugin's answer is copied and bounded before anybody reads it, so nothing in the structs below
 * points into plugin memory. Put F_STR("jobId", ...) into call->log before an operation: the crash record names it. */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include "fiber/fiber.h"
#include "net/net.h"
#include "plugin/catalog.h"
#include "plugin/crash.h"
#include "plugin/settings.h"

struct plugins;  /* instances of this process, and the way out to the network */
struct instance; /* one plugin opened with one set of settings */

/* Where requests of plugins go: net_fetch, unless the check program or a test has its own. */
typedef int plugin_fetch_fn(struct call *call, void *arg, const struct net_request *request, struct net_response *ret);

struct plugins *plugins_open(struct loop *loop, struct net *net);
struct plugins *plugins_open_with(struct loop *loop, plugin_fetch_fn *fetch, void *arg);
/* Closes every instance; asserts that no operation is running. Accepts NULL, returns NULL. */
struct plugins *plugins_close(struct plugins *plugins);

/* For opshub-plugin-check: also refuse answers in memory that is neither the call's nor static, and do not pause before
 * a request is sent again. */
void plugins_set_strict(struct plugins *plugins);
/* How often plugins broke a rule of the interface: unknown codes, failures without a reason, unsound answers. */
int64_t plugins_faults(const struct plugins *plugins);

struct instance_spec {
	const struct plugin *plugin;
	struct str scope; /* whose settings: a project's or a channel's id */
	int64_t version;  /* of those settings: another number opens a new instance, the old one drains and closes */
	const struct setting_value *values;
	size_t n_values;
	bool allow_private; /* the operator allows this plugin to reach loopback and private addresses */
};

/* An open instance with those settings. E_INVALID with every wrong setting in call->why. Give it back with
 * instance_release, also when an operation failed. At most 1,024 are kept open. */
AWAITS int plugins_instance(struct call *call, struct plugins *plugins, const struct instance_spec *spec,
			    struct instance **ret);
struct instance *instance_release(struct instance *instance); /* accepts NULL, returns NULL */
const struct plugin *instance_plugin(const struct instance *instance);

/* ---- answers, in the call's arena ---- */

enum deployment_state {
	DEPLOYMENT_UNKNOWN, /* in progress until the caller's deadline */
	DEPLOYMENT_QUEUED,
	DEPLOYMENT_BUILDING,
	DEPLOYMENT_READY,
	DEPLOYMENT_FAILED,
	DEPLOYMENT_CANCELLED,
	DEPLOYMENT_GONE,
};

enum deployment_reason { REASON_NONE, REASON_BUILD, REASON_QUOTA, REASON_PROVIDER, REASON_TIMEOUT, REASON_CONFIG };

struct deployment {
	enum deployment_state state;
	enum deployment_reason reason;
	struct str id, url, stable_url, inspector_url, message, commit_sha, attempt_id;
	int64_t poll_after_ms, created_at_ms;
	const struct net_header *probe_headers;
	size_t n_probe_headers;
};

struct report_line {
	struct str label, text;
	uint32_t state; /* OPSHUB_REPORT_… */
};

struct report {
	struct str account;
	const struct report_line *lines;
	size_t n_lines;
};

struct build_line {
	int64_t at_ms;
	struct str text; /* redacted */
	bool is_error;
};

struct build_log {
	const struct build_line *lines;
	size_t n_lines;
	struct str next_cursor;
	bool is_complete;
};

struct deployment_list {
	const struct deployment *items;
	size_t n_items;
	struct str next_cursor; /* empty = the last page */
};

/* ---- operations ---- */

/* Each returns the plugin's code, an unknown one as E_INTERNAL, with call->why set. E_UNSUPPORTED when the plugin does
 * not have the operation. The call's deadline is the operation's. */
AWAITS int provider_verify(struct call *call, struct instance *instance, struct report *ret);
AWAITS int provider_create(struct call *call, struct instance *instance, const struct opshub_deploy_request *request,
			   struct deployment *ret);
AWAITS int provider_find(struct call *call, struct instance *instance, const char *attempt_id, struct deployment *ret);
AWAITS int provider_status(struct call *call, struct instance *instance, const char *id, struct deployment *ret);
AWAITS int provider_cancel(struct call *call, struct instance *instance, const char *id);
AWAITS int provider_destroy(struct call *call, struct instance *instance, const char *id);
AWAITS int provider_logs(struct call *call, struct instance *instance, const char *id, const char *cursor,
			 struct build_log *ret);
AWAITS int provider_list(struct call *call, struct instance *instance, const char *cursor, struct deployment_list *ret);
bool provider_can_find(const struct plugin *plugin);

AWAITS int notifier_verify(struct call *call, struct instance *instance, struct report *ret);
/* *ret_receipt is empty when the message cannot be edited later. */
AWAITS int notifier_send(struct call *call, struct instance *instance, const struct opshub_event *event,
			 struct str *ret_receipt);
AWAITS int notifier_update(struct call *call, struct instance *instance, const char *receipt,
			   const struct opshub_event *event);

/* Call fn for each counter that plugins have raised with host->count(). */
void plugins_each_count(const struct plugins *plugins,
			void (*fn)(void *arg, const char *plugin, const char *metric, int64_t value), void *arg);

#endif
