/* Inside core/plugin: one running operation, and what the host's services share. Not for the worker. */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include "plugin/plugin.h"

struct thread_run;

/* What a plugin's opshub_call points at; lives on the fiber's stack while the operation runs. */
struct opshub_call {
	struct call *call;
	struct plugins *plugins;
	const struct plugin *plugin;
	const char *operation;
	const char *job_id;
	struct thread_run *thread; /* BLOCKING: where services that need the loop are handed over; else NULL */
	bool allow_private;
	bool has_failed;   /* fail() was called */
	bool gave_foreign; /* strict: an answer's text lies in memory it may not lie in */
	uint64_t allocated;
	unsigned n_logs, n_exchanges;
	int64_t retry_after_ms;
};

struct plugins {
	struct loop *loop;
	plugin_fetch_fn *fetch;
	void *fetch_arg;
	struct instance *instances;
	struct counter *counters;
	int64_t faults;
	bool is_strict;
};

struct instance {
	struct plugins *plugins;
	const struct plugin *plugin;
	struct str scope;
	int64_t version;
	bool allow_private;
	bool is_current; /* found by plugins_instance; others drain */
	unsigned uses;   /* operations that hold it */
	int64_t used_at_ms;
	struct arena *arena;
	void *memory; /* the plugin's own struct */
	struct instance *next;
};

extern const struct opshub_host host_table;

/* Run fn where the loop may be used: here on a fiber, handed over from a thread. The plugin's context is left
 * meanwhile. */
typedef int host_fn(struct opshub_call *c, void *arg);
AWAITS int host_run(struct opshub_call *c, host_fn *fn, void *arg);
/* Run the operation on a thread of its own and serve its services until it has returned. */
AWAITS int thread_operation(struct opshub_call *c, host_fn *fn, void *arg);
AWAITS int thread_hand_over(struct opshub_call *c, host_fn *fn, void *arg);

struct operation {
	const char *name;
	host_fn *run;  /* the plugin's part; returns the plugin's code as it is */
	host_fn *copy; /* its answer as ours, when the code was OK; NULL = nothing to copy */
	void *arg;
};

/* The whole of one operation: context, deadline, secrets, answer, code and message. */
AWAITS int operation_run(struct call *call, struct instance *instance, const struct operation *operation);

/* How a message about it begins: "Provider", "Notifier". */
static inline const char *plugin_word(const struct plugin *plugin)
{
	return plugin->about.kind == OPSHUB_KIND_NOTIFIER ? "Notifier" : "Provider";
}

/* Text of a plugin, which may be anything: at most max bytes, valid UTF-8, in the arena. NULL gives "". */
struct str foreign_text(struct arena *arena, const char *text, size_t max);
/* The same with the secrets of the call taken out. */
struct str foreign_redacted(struct call *call, const char *text, size_t max);

/* Services in files of their own. */
AWAITS opshub_status host_http(opshub_call *c, const struct opshub_http_request *request,
			       struct opshub_http_response *response);
const char *host_http_header(opshub_call *c, const struct opshub_http_response *response, const char *name);

opshub_status host_json_parse(opshub_call *c, const char *text, uint64_t size, const opshub_json **ret);
uint32_t host_json_type(opshub_call *c, const opshub_json *value);
const opshub_json *host_json_get(opshub_call *c, const opshub_json *object, const char *key);
const opshub_json *host_json_at(opshub_call *c, const opshub_json *array, uint32_t index);
uint32_t host_json_len(opshub_call *c, const opshub_json *value);
const char *host_json_str(opshub_call *c, const opshub_json *value, const char *otherwise);
int64_t host_json_int(opshub_call *c, const opshub_json *value, int64_t otherwise);
int32_t host_json_bool(opshub_call *c, const opshub_json *value, int32_t otherwise);

opshub_json_out *host_json_begin(opshub_call *c);
void host_json_open(opshub_call *c, opshub_json_out *out, const char *key, uint32_t type);
void host_json_close(opshub_call *c, opshub_json_out *out);
void host_json_put_str(opshub_call *c, opshub_json_out *out, const char *key, const char *text);
void host_json_put_int(opshub_call *c, opshub_json_out *out, const char *key, int64_t value);
void host_json_put_bool(opshub_call *c, opshub_json_out *out, const char *key, int32_t value);
const char *host_json_end(opshub_call *c, opshub_json_out *out, uint64_t *ret_size);

const char *host_hmac_sha256(opshub_call *c, const void *key, uint64_t key_size, const void *data, uint64_t data_size);
const void *host_base64_decode(opshub_call *c, const char *text, uint64_t *ret_size);
AWAITS opshub_status host_sign_jwt_rs256(opshub_call *c, const char *pem_key, const char *issuer, int64_t issued_s,
					 int64_t expires_s, const char **ret);

void plugins_count(struct plugins *plugins, const struct plugin *plugin, const char *metric, int64_t delta);

#endif
