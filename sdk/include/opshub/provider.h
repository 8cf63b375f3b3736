/* Providers: plugins that turn a commit of a pull request into a running preview at somebody's hosting service.
 *
 * The host calls create() once for an attempt, then status() until the state is final, and destroy() when the pull
 * request closes. It may crash in between: attempt_id goes upstream as metadata, so that find() can say whether an
 * attempt reached the provider. That is what keeps a pull request from being deployed twice. */
#ifndef OPSHUB_PROVIDER_H
#define OPSHUB_PROVIDER_H

#include <opshub/plugin.h>

/* An environment variable of the preview. */
struct opshub_env {
	const char *key;
	const char *value;
	uint32_t is_secret; /* 1: already registered with redact() */
	union {
		uint32_t reserved;
		uint32_t is_build_only; /* since 1.1. 1: for the build alone, where the product tells it from what runs
					 */
	};
};

/* Filled by the host. */
struct opshub_deploy_request {
	uint32_t struct_size;
	uint32_t is_fork; /* 1: from a fork; env then holds only what is marked as safe for forks */
	const char
		*attempt_id; /* unique to this attempt, [a-z0-9_]{1,39}; must be stored upstream with the deployment */
	const char *project_id; /* OpsHub's id of the project */
	const char *project_name;
	const char *repo_full_name; /* "owner/name" */
	int64_t repo_id;            /* GitHub's numeric id; 0 = unknown */
	int64_t pr_number;          /* 0 = not from a pull request */
	const char *branch;
	const char *sha;   /* 40 hex digits */
	const char *title; /* of the pull request */
	const struct opshub_env *env;
	uint32_t n_env;
	uint32_t env_size; /* step from one variable to the next */
};

/* The i-th variable, i < n_env. */
static inline const struct opshub_env *opshub_env_at(const struct opshub_deploy_request *request, uint32_t i)
{
	return (const void *)((const char *)request->env + (size_t)i * request->env_size);
}

/* States. The host treats a number it does not know as UNKNOWN. */
#define OPSHUB_STATE_UNKNOWN   0u /* still in progress, until the host's deadline */
#define OPSHUB_STATE_QUEUED    1u
#define OPSHUB_STATE_BUILDING  2u
#define OPSHUB_STATE_READY     3u /* url is set and answers */
#define OPSHUB_STATE_FAILED    4u /* final; reason and message say why */
#define OPSHUB_STATE_CANCELLED 5u /* final */
#define OPSHUB_STATE_GONE      6u /* final: does not exist upstream any more */

/* Why a deployment FAILED. */
#define OPSHUB_REASON_NONE     0u
#define OPSHUB_REASON_BUILD    1u /* the project's build failed: trying again will not help */
#define OPSHUB_REASON_QUOTA    2u /* an allowance of the account is used up */
#define OPSHUB_REASON_PROVIDER 3u /* the provider's own fault: a person may retry it, the host does not */
#define OPSHUB_REASON_TIMEOUT  4u /* the provider gave up waiting */
#define OPSHUB_REASON_CONFIG   5u /* the project is not set up right at the provider */

/* Zeroed by the host, filled by the plugin. */
struct opshub_deployment {
	uint32_t struct_size;     /* the host's sizeof; test later fields with OPSHUB_HAS before writing them */
	uint32_t state;           /* OPSHUB_STATE_… */
	uint32_t reason;          /* OPSHUB_REASON_… */
	uint32_t n_probe_headers; /* at most 16 */
	uint32_t probe_header_size;
	uint32_t reserved;
	const char *id;            /* the provider's, at most 200 bytes; required */
	const char *url;           /* of this very deployment; required when READY */
	const char *stable_url;    /* of the pull request, whatever its newest deployment is */
	const char *inspector_url; /* where people look at the build */
	const char *message;       /* one sentence when it failed */
	const char *commit_sha;    /* what the provider says it built */
	const char *attempt_id;    /* as stored upstream; required in the answers of find() and list() */
	int64_t poll_after_ms;     /* ask status() not before; 0 = the host decides */
	int64_t created_at_ms;     /* 0 = unknown */
	/* What a health check has to send to get past the provider's own protection. */
	const struct opshub_http_header *probe_headers;
};

#define OPSHUB_STREAM_OUT 0u
#define OPSHUB_STREAM_ERR 1u

struct opshub_log_line {
	int64_t at_ms; /* 0 = unknown */
	const char *text;
	uint32_t stream;
	uint32_t reserved;
};

/* Zeroed by the host, filled by the plugin. */
struct opshub_log_page {
	uint32_t struct_size;
	uint32_t n_lines; /* at most 2,000 a page */
	uint32_t line_size;
	uint32_t is_complete;                /* 1: no further line will ever come */
	const struct opshub_log_line *lines; /* oldest first */
	const char *next_cursor;             /* to read on from here; at most 500 bytes */
};

/* Zeroed by the host, filled by the plugin. */
struct opshub_deployment_page {
	uint32_t struct_size;
	uint32_t n_items; /* at most 500 a page */
	uint32_t item_size;
	uint32_t reserved;
	const struct opshub_deployment *items; /* their struct_size is not read: item_size counts */
	const char *next_cursor;               /* "" or NULL = this was the last page */
};

/* NULL = not supported. create, status and destroy are required. */
struct opshub_provider_ops {
	uint32_t struct_size; /* sizeof(struct opshub_provider_ops) */
	uint32_t reserved;
	/* Token valid, project found, repository linked, allowance left: one line each. Changes nothing. */
	OPSHUB_AWAITS opshub_status (*verify)(opshub_call *call, void *instance, struct opshub_report *ret);
	/* Start one deployment and return at once with its id. After an error code that leaves it open whether the
	 * provider acted (E_TIMEOUT, E_UPSTREAM) the host asks find() before it tries again. */
	OPSHUB_AWAITS opshub_status (*create)(opshub_call *call, void *instance,
					      const struct opshub_deploy_request *request,
					      struct opshub_deployment *ret);
	/* The deployment that carries this attempt id; E_NOT_FOUND when the provider knows none. Compare the id
	 * yourself: do not trust a filter of the provider's list. Without find() a lost answer may deploy twice. */
	OPSHUB_AWAITS opshub_status (*find)(opshub_call *call, void *instance, const char *attempt_id,
					    struct opshub_deployment *ret);
	/* E_NOT_FOUND when it does not exist any more. */
	OPSHUB_AWAITS opshub_status (*status)(opshub_call *call, void *instance, const char *id,
					      struct opshub_deployment *ret);
	/* Stop a build. OK also when it was over already. */
	OPSHUB_AWAITS opshub_status (*cancel)(opshub_call *call, void *instance, const char *id);
	/* Remove it for good. OK also when it was gone already. */
	OPSHUB_AWAITS opshub_status (*destroy)(opshub_call *call, void *instance, const char *id);
	/* Build output from cursor on ("" = from the start). */
	OPSHUB_AWAITS opshub_status (*logs)(opshub_call *call, void *instance, const char *id, const char *cursor,
					    struct opshub_log_page *ret);
	/* Every deployment that carries an attempt id of ours, and no other. */
	OPSHUB_AWAITS opshub_status (*list)(opshub_call *call, void *instance, const char *cursor,
					    struct opshub_deployment_page *ret);
};

#endif
