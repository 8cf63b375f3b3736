/* opshub-mock-cloud: a hosting provider that fits in one process, for tests and demonstrations without a network.
 *
 * It keeps deployments, lets them build over time, serves their preview pages while they are READY, and misbehaves on
 * request. State follows from the clock and the journal alone, so it survives kill -9 at any moment.
 *
 *   server.c   sockets, HTTP/1.1, answers that are due later   query.c
 *   api.c      /v1/...: JSON in and out         pages.c   /p/...: the previews
 *   faults.c   how to misbehave                 store.c   deployments and their journal */
#ifndef MOCK_CLOUD_H
#define MOCK_CLOUD_H

#include "base/buf.h"
#include "base/id.h"
#include "base/json_read.h"
#include "base/json_write.h"

#define DEPLOYMENTS_MAX 100000
#define BODY_MAX        (1024 * 1024)

/* ---- deployments ---- */

enum stage { STAGE_QUEUED, STAGE_BUILDING, STAGE_READY, STAGE_FAILED, STAGE_CANCELLED, STAGE_GONE };

struct deployment {
	char id[ID_MAX];
	struct str attempt_id, project, project_id, repo, branch, sha, title, fault;
	struct str env; /* JSON: ["KEY=digest"] */
	int64_t pr_number;
	int64_t created_ms;                 /* in the future: the provider accepts it then, nobody sees it before */
	int64_t build_ms;                   /* < 0: never ends */
	int64_t cancelled_ms, destroyed_ms; /* 0 = not */
	bool fails;
	unsigned destroy_tries;
	struct deployment *same_id; /* next in its hash chain */
};

struct store;

/* journal may be NULL: nothing is kept. NULL with a line on stderr when it cannot be read. */
struct store *store_open(const char *journal);
struct store *store_close(struct store *store); /* accepts NULL, returns NULL */
/* Takes copies. NULL past DEPLOYMENTS_MAX. */
struct deployment *store_create(struct store *store, const struct deployment *wanted);
void store_cancel(struct store *store, struct deployment *deployment);
void store_destroy(struct store *store, struct deployment *deployment);
struct deployment *store_find(struct store *store, struct str id);
size_t store_size(const struct store *store);
struct deployment *store_at(struct store *store, size_t index); /* oldest first */
/* Writes "byPr": [{"pr":"project#7","created":2,"live":1}] and "createsByAttempt": {"attempt_x":1}, each cut at 10,000.
 */
void store_stats(struct store *store, int64_t now_ms, struct json_out *out);
/* How many times create was asked for with this attempt id, also in vain. */
unsigned store_count_create(struct store *store, struct str attempt_id);

bool deployment_is_visible(const struct deployment *deployment, int64_t now_ms);
enum stage deployment_stage(const struct deployment *deployment, int64_t now_ms);
/* "hello-world-pr-7"; of a project without a number "hello-world-<branch>". */
void deployment_alias(const struct deployment *deployment, struct buf *ret);

/* ---- faults ---- */

struct faults {
	char mode[40];         /* for every deployment; "" = none */
	char find[20];         /* "strict", "delayed", "unfiltered" */
	int64_t find_delay_ms; /* "delayed": a deployment shows in lists that long after its creation */
	int64_t latency_ms;    /* added to each answer of the API */
};

bool fault_is_known(struct str word);
/* Given by the request, else by the global mode, else by the branch's name ("mock-slow"); "" = behave. */
struct str fault_of(const struct faults *faults, struct str given, struct str branch);

/* ---- requests ---- */

struct request {
	struct str method, path, query, authorization, body;
};

struct answer {
	int status;
	const char *type;
	struct buf body;
	int64_t delay_ms;
	int retry_after_s;
	bool hangs_up; /* close without a word */
};

struct cloud {
	struct store *store;
	struct faults faults;
	const char *public_url;
	const char *token; /* what Authorization must carry; NULL = anything goes */
	int64_t build_ms;  /* when a request does not say */
};

void api_answer(struct cloud *cloud, const struct request *request, struct answer *ret);
void page_answer(struct cloud *cloud, const struct request *request, struct answer *ret);
/* The decoded value of a query parameter, in the arena; empty when absent. */
struct str query_value(struct arena *arena, struct str query, const char *name);

/* ---- serving ---- */

/* Listens on 127.0.0.1 (or the address given); *ret_port is the port it got. Returns the socket or -1. */
int server_listen(const char *address, int port, int *ret_port);
void server_run(int listener, struct cloud *cloud); /* until SIGTERM or SIGINT */

#endif
