/* The OpsHub plugin interface, version 1.1.
 *
 * A plugin is one shared object that exports one function, opshub_plugin_entry(), which returns a constant description
 * of it: its name, the settings it needs and a table of operations (provider.h, notifier.h). OpsHub calls the
 * operations; the plugin answers with the services of struct opshub_host. It links nothing but libc.
 *
 * Rules, each checked by opshub-plugin-check or by the loader:
 *  - Calls look blocking. http() and sleep() suspend; nothing else may wait. OPSHUB_BLOCKING lifts this.
 *  - An instance is one set of settings. It does not change after open(). Operations on it may interleave at each
 *    service marked OPSHUB_AWAITS, but never run in parallel, unless the plugin says OPSHUB_BLOCKING.
 *  - Memory never changes owner. What an operation returns comes from host->alloc() or is static; the host copies
 *    what it keeps. What the host gives lives until the operation returns, the instance's settings until close().
 *  - Texts are NUL-terminated UTF-8 and never NULL when they come from the host ("" = not given). Those a plugin
 *    returns may be NULL, which means "". Bodies are a pointer and a length, with a NUL one past the end when they
 *    come from the host. Times are milliseconds since 1970 in UTC, durations are milliseconds.
 *  - An operation that fails returns a negative status and has said why with host->fail(); one that succeeds returns
 *    OPSHUB_OK and has not.
 *
 * The promise: within a major version structs only grow at their end and no number changes its meaning. Each struct
 * that may grow begins with the size its writer saw; a reader tests for later fields with OPSHUB_HAS(). */
#ifndef OPSHUB_PLUGIN_H
#define OPSHUB_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define OPSHUB_MAGIC     UINT64_C(0x315062754873704F) /* "OpsHubP1" in memory */
#define OPSHUB_ABI_MAJOR 1
#define OPSHUB_ABI_MINOR 1

/* Marks what can suspend the call: state of yours that was read before must be read again after. */
#define OPSHUB_AWAITS
#define OPSHUB_EXPORT __attribute__((visibility("default")))

/* True when the struct that p points at is long enough to hold the field. Fields of 1.0 need no test. */
#define OPSHUB_HAS(p, field) ((p)->struct_size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

/* ---- results ---- */

/* 0, or a negative code that says what the host should do next. host->fail() says what went wrong. */
typedef int32_t opshub_status;
#define OPSHUB_OK            0
#define OPSHUB_E_INVALID     (-1)  /* the request or the settings are wrong: tell the user, do not retry */
#define OPSHUB_E_AUTH        (-2)  /* the credentials were refused: pause this connection and tell the user */
#define OPSHUB_E_NOT_FOUND   (-3)  /* does not exist, or not any more */
#define OPSHUB_E_CONFLICT    (-4)  /* it contradicts what is there: as E_INVALID in create() */
#define OPSHUB_E_LIMITED     (-5)  /* too many requests: again after the time given to host->retry_after() */
#define OPSHUB_E_QUOTA       (-6)  /* an allowance is used up: wait and tell the user */
#define OPSHUB_E_UPSTREAM    (-7)  /* the other side failed: retry with backoff; whether it acted is unknown */
#define OPSHUB_E_NETWORK     (-8)  /* the other side was never reached: nothing happened there */
#define OPSHUB_E_TIMEOUT     (-9)  /* the deadline passed: whether it acted is unknown */
#define OPSHUB_E_CANCELLED   (-10) /* the host wants this operation to end: free what must be freed and return it */
#define OPSHUB_E_UNSUPPORTED (-11) /* this plugin or this account cannot do that */
#define OPSHUB_E_INTERNAL    (-12) /* a bug; every code that is not in this list counts as this one */

/* ---- settings ---- */

/* How the value is checked, drawn in a form, and written into the instance. */
#define OPSHUB_SETTING_STRING   1u /* const char * */
#define OPSHUB_SETTING_SECRET   2u /* const char *; stored encrypted, masked in answers, never logged */
#define OPSHUB_SETTING_URL      3u /* const char *; http or https, no user name, no trailing slash */
#define OPSHUB_SETTING_INT      4u /* int64_t within [min, max] */
#define OPSHUB_SETTING_BOOL     5u /* int64_t, 0 or 1; written as true/false, yes/no, on/off, 1/0 */
#define OPSHUB_SETTING_DURATION 6u /* int64_t milliseconds within [min, max]; written as 1500, 1500ms, 30s, 5m, 2h */
#define OPSHUB_SETTING_CHOICE   7u /* const char *; one of choices */

/* flags */
#define OPSHUB_SETTING_REQUIRED 1u /* an instance is not opened without it */
#define OPSHUB_SETTING_OPERATOR 2u /* only the server's operator sets it, by `env`: no project can. Since 1.1 */

/* One setting, declared by the plugin. The host validates it, stores it, documents it and draws the form from it. */
struct opshub_setting {
	const char *key;     /* [a-zA-Z][a-zA-Z0-9]{0,63}, unique in the plugin; as clients of the API see it */
	const char *label;   /* a few words for people */
	const char *help;    /* one sentence: what it does and where the value is found */
	const char *initial; /* the value when none is given, as text; NULL or "" = none */
	const char *choices; /* CHOICE only: the words, separated by '|' */
	const char *env;     /* environment variable of the server that is used when no value was given; NULL = none */
	uint32_t type;       /* OPSHUB_SETTING_… */
	uint32_t flags;
	uint32_t offset;   /* offsetof() into the instance: the host writes the value there before open() */
	uint32_t reserved; /* 0 */
	int64_t min, max;  /* of a number; for texts max is the longest length in bytes. 0 and 0 = no limit of yours */
};

/* ---- services of the host ---- */

/* One running operation. Every service takes it; it is valid until the operation returns. */
typedef struct opshub_call opshub_call;

/* A value of a parsed JSON text, and a JSON text that is being written. */
typedef struct opshub_json opshub_json;
typedef struct opshub_json_out opshub_json_out;

struct opshub_http_header {
	const char *name;
	const char *value;
};

/* flags of a request */
#define OPSHUB_HTTP_IDEMPOTENT 1u /* may be sent again when an answer was lost; GET and HEAD always may */

struct opshub_http_request {
	uint32_t struct_size; /* sizeof, set by the plugin */
	uint32_t flags;       /* OPSHUB_HTTP_… */
	const char *method;   /* NULL = "GET" */
	const char *url;      /* absolute, http or https; put no secret in it */
	const struct opshub_http_header
		*headers;     /* Host, Content-Length, Transfer-Encoding and Connection are the host's */
	uint32_t n_headers;   /* at most 64 */
	uint32_t header_size; /* sizeof(struct opshub_http_header); may be 0 when n_headers is */
	const void *body;     /* NULL = no body */
	uint64_t body_size;   /* bytes, at most 8 MiB */
	uint64_t max_body;    /* of the answer in bytes; 0 = 4 MiB, at most 16 MiB */
	int64_t timeout_ms;   /* of one attempt; 0 = 30,000. The call's deadline also holds */
};

struct opshub_http_response {
	uint32_t struct_size;                     /* sizeof, set by the plugin before the call */
	uint32_t status;                          /* 200, 404, ... */
	const struct opshub_http_header *headers; /* names in lower case */
	uint32_t n_headers;
	uint32_t header_size; /* step from one header to the next */
	const char *body;     /* never NULL; NUL one past its end */
	uint64_t body_size;
	int64_t retry_after_ms; /* from Retry-After; 0 = not said */
};

#define OPSHUB_LOG_DEBUG 0u
#define OPSHUB_LOG_INFO  1u
#define OPSHUB_LOG_WARN  2u
#define OPSHUB_LOG_ERROR 3u

#define OPSHUB_JSON_NONE   0u /* there is no such value */
#define OPSHUB_JSON_NULL   1u
#define OPSHUB_JSON_BOOL   2u
#define OPSHUB_JSON_NUMBER 3u
#define OPSHUB_JSON_TEXT   4u
#define OPSHUB_JSON_ARRAY  5u
#define OPSHUB_JSON_OBJECT 6u

/* What the host offers. Append only. */
struct opshub_host {
	uint32_t struct_size; /* as the host was built */
	uint32_t abi_major;
	uint32_t abi_minor;
	uint32_t reserved;
	const char *version; /* of OpsHub, for a User-Agent or a log line */

	/* Zeroed memory, aligned for any type, that dies with the operation. Never NULL: past 64 MiB an operation is
	 * ended as a crash would end it. */
	void *(*alloc)(opshub_call *call, uint64_t size);
	/* printf into such memory; at most 64 KiB of text. */
	const char *(*format)(opshub_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
	/* Percent-encoded for one segment or one query value of a URL. */
	const char *(*escape_url)(opshub_call *call, const char *text);
	/* Why the operation fails, in one sentence for people: what happened, to what, what to do. Returns code, so
	 * `return host->fail(call, OPSHUB_E_AUTH, "…")` ends an operation. The last one counts. */
	opshub_status (*fail)(opshub_call *call, opshub_status code, const char *why);
	/* With OPSHUB_E_LIMITED or _QUOTA: not before that many milliseconds. http() sets it from Retry-After. */
	void (*retry_after)(opshub_call *call, int64_t ms);
	/* One line in the server's log, under the plugin's name. At most 100 lines an operation, 4 KiB each. */
	void (*log)(opshub_call *call, uint32_t level, const char *text);
	int64_t (*now_ms)(opshub_call *call);
	/* An RFC 3339 time as milliseconds since 1970; 0 when it is none. */
	int64_t (*parse_time)(opshub_call *call, const char *text);
	/* Milliseconds until the operation's deadline; 0 when it has passed. */
	int64_t (*left_ms)(opshub_call *call);
	/* OK, or E_CANCELLED or E_TIMEOUT, after which the operation should unwind. fail() has been called then. */
	OPSHUB_AWAITS opshub_status (*sleep)(opshub_call *call, int64_t ms);

	/* One HTTP exchange: TLS verified, no redirects, no cookies, no private addresses unless the operator allowed
	 * them, retried when that is safe. OK for every answer that is HTTP, whatever its status; opshub_http_code()
	 * turns that into a code. Otherwise fail() has been called. At most 64 exchanges an operation. */
	OPSHUB_AWAITS opshub_status (*http)(opshub_call *call, const struct opshub_http_request *request,
					    struct opshub_http_response *response);
	/* A header's value, "" when absent. Any case. */
	const char *(*http_header)(opshub_call *call, const struct opshub_http_response *response, const char *name);

	/* Parse a JSON text of at most 16 MiB and 32 levels. E_UPSTREAM with fail() called when it is none. The steps
	 * below accept NULL, so json_get(json_get(root, "a"), "b") needs no tests in between. */
	opshub_status (*json_parse)(opshub_call *call, const char *text, uint64_t size, const opshub_json **ret);
	uint32_t (*json_type)(opshub_call *call, const opshub_json *value);
	const opshub_json *(*json_get)(opshub_call *call, const opshub_json *object, const char *key);
	const opshub_json *(*json_at)(opshub_call *call, const opshub_json *array, uint32_t index);
	uint32_t (*json_len)(opshub_call *call, const opshub_json *value); /* elements or members; 0 for the others */
	const char *(*json_str)(opshub_call *call, const opshub_json *value, const char *otherwise);
	int64_t (*json_int)(opshub_call *call, const opshub_json *value, int64_t otherwise);
	int32_t (*json_bool)(opshub_call *call, const opshub_json *value, int32_t otherwise);

	/* Write a JSON text of at most 8 MiB. key is NULL inside an array and for the outermost value. Errors are kept
	 * and told once, by json_end(), which returns NULL then (fail() has been called). */
	opshub_json_out *(*json_begin)(opshub_call *call);
	void (*json_open)(opshub_call *call, opshub_json_out *out, const char *key,
			  uint32_t type); /* ARRAY or OBJECT */
	void (*json_close)(opshub_call *call, opshub_json_out *out);
	void (*json_put_str)(opshub_call *call, opshub_json_out *out, const char *key, const char *text);
	void (*json_put_int)(opshub_call *call, opshub_json_out *out, const char *key, int64_t value);
	void (*json_put_bool)(opshub_call *call, opshub_json_out *out, const char *key, int32_t value);
	const char *(*json_end)(opshub_call *call, opshub_json_out *out, uint64_t *ret_size);

	/* Never let this text reach a log, a message or a stored build log of this call. Secret settings and secret
	 * environment values are registered already; this is for what the plugin makes of them. With one of more than
	 * 64 KiB no text of the call is shown. */
	void (*redact)(opshub_call *call, const char *secret);
	/* Add to a counter that /metrics shows as opshub_plugin_<metric>_total{plugin="…"}. [a-z_]{1,40}; at most 32
	 * different ones a plugin. */
	void (*count)(opshub_call *call, const char *metric, int64_t delta);

	/* ---- since 1.1: OPSHUB_HAS(host, sign_jwt_rs256), or needs_minor = 1 ---- */

	/* HMAC-SHA256 of the data under the key, as base64 with padding. */
	const char *(*hmac_sha256)(opshub_call *call, const void *key, uint64_t key_size, const void *data,
				   uint64_t data_size);
	/* The bytes of a base64 text with padding, at most 1 MiB of text; NULL when it is none. */
	const void *(*base64_decode)(opshub_call *call, const char *text, uint64_t *ret_size);
	/* A JSON Web Token signed with RS256, as GitHub Apps need it: iss, iat and exp, in seconds since 1970. The key
	 * is RSA of at least 2048 bits, unencrypted PEM; its line breaks may be missing. E_INVALID with fail() called
	 * when it cannot sign. The token is registered with redact(). */
	OPSHUB_AWAITS opshub_status (*sign_jwt_rs256)(opshub_call *call, const char *pem_key, const char *issuer,
						      int64_t issued_s, int64_t expires_s, const char **ret);
};

/* ---- account report: the answer of verify() ---- */

#define OPSHUB_REPORT_OK   0u
#define OPSHUB_REPORT_WARN 1u /* works, but somebody should look */
#define OPSHUB_REPORT_FAIL 2u /* deployments would fail */

/* One line: "Token" / "valid until 2027-01-01". */
struct opshub_report_line {
	const char *label;
	const char *text;
	uint32_t state; /* OPSHUB_REPORT_… */
	uint32_t reserved;
};

/* Zeroed by the host, filled by the plugin. verify() returns OPSHUB_OK also when lines say FAIL: it fails only when it
 * could not find out. */
struct opshub_report {
	uint32_t struct_size; /* the host's sizeof */
	uint32_t n_lines;     /* at most 32 are shown */
	uint32_t line_size;   /* sizeof(struct opshub_report_line) as the plugin was built */
	uint32_t reserved;
	const struct opshub_report_line *lines;
	const char *account; /* whose credentials these are: a user or team name */
};

/* ---- the plugin ---- */

#define OPSHUB_KIND_PROVIDER 1u /* ops is a struct opshub_provider_ops */
#define OPSHUB_KIND_NOTIFIER 2u /* ops is a struct opshub_notifier_ops */

/* flags of a plugin */
#define OPSHUB_BLOCKING 1u /* operations may block and run on a thread of their own, several at a time */

struct opshub_plugin {
	uint64_t magic;       /* OPSHUB_MAGIC */
	uint32_t struct_size; /* sizeof(struct opshub_plugin) */
	uint32_t abi_major;   /* OPSHUB_ABI_MAJOR */
	uint32_t abi_minor;   /* OPSHUB_ABI_MINOR: what it was built with */
	uint32_t needs_minor; /* the oldest host it can work with: 0 while it tests later services with OPSHUB_HAS */
	uint32_t kind;        /* OPSHUB_KIND_… */
	uint32_t flags;
	uint64_t instance_size; /* of its instance struct, at most 64 KiB; the host allocates it, zeroed */
	const char *name;       /* [a-z0-9_-]{1,32}, the file's name without .so */
	const char *version;    /* of the plugin, "1.4.2" */
	const char *license;    /* SPDX: "MIT" */
	const char *summary;    /* one line for people */
	const struct opshub_setting *settings;
	uint32_t n_settings;   /* at most 64 */
	uint32_t setting_size; /* sizeof(struct opshub_setting) */
	/* The settings are written; look at them together, keep the host, take what lives as long as the instance.
	 * Should not go to the network: that is what verify() is for. Required. */
	OPSHUB_AWAITS opshub_status (*open)(opshub_call *call, const struct opshub_host *host, void *instance);
	/* Give back what open() took outside the host's memory. Not called when open() failed. May be NULL. */
	void (*close)(void *instance);
	const void *ops; /* by kind */
};

/* The one exported symbol. Does nothing but return the address of a constant. */
OPSHUB_EXPORT const struct opshub_plugin *opshub_plugin_entry(void);

/* ---- shims: compiled into the plugin, so they may improve without a new ABI ---- */

/* What an HTTP status means for the host. */
static inline opshub_status opshub_http_code(uint32_t status)
{
	if (status >= 200 && status < 300)
		return OPSHUB_OK;
	switch (status) {
	case 401:
	case 403:
		return OPSHUB_E_AUTH;
	case 402:
		return OPSHUB_E_QUOTA;
	case 404:
	case 410:
		return OPSHUB_E_NOT_FOUND;
	case 409:
	case 412:
		return OPSHUB_E_CONFLICT;
	case 429:
		return OPSHUB_E_LIMITED;
	case 408:
	case 504:
		return OPSHUB_E_TIMEOUT;
	default:
		return status >= 400 && status < 500 ? OPSHUB_E_INVALID : OPSHUB_E_UPSTREAM;
	}
}

#endif
