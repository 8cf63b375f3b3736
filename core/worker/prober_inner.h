/* What the prober's files share. */
#ifndef WORKER_PROBER_INNER_H
#define WORKER_PROBER_INNER_H

#include "store/probes.h"
#include "worker/prober.h"

#define PROBER_AHEAD_MS    1200
#define PROBER_LEASE_MS    15000
#define PROBER_RESULTS_MAX 20000 /* that wait for the database; then the oldest are dropped */

/* A check that this worker has claimed: one piece of memory with all of its texts behind it.
 *
 *   WAITING -slot-> RUNNING -callback-> (HELD -sentinels->) ENDED -written-> freed
 *      '-- drained: given back */
enum claim_state { CLAIM_WAITING, CLAIM_RUNNING, CLAIM_HELD, CLAIM_ENDED };

struct claim {
	struct claim *prev, *next; /* all claims of the prober */
	struct claim *link;        /* in the list of its state: HELD or ENDED */
	struct prober *prober;
	struct probe_due due;
	enum claim_state state;
	int64_t start_ms;       /* monotonic: its slot */
	struct arena *headers;  /* NULL = none; secret memory, freed when the probe has started */
	const char *no_headers; /* why they could not be opened, an error of the sample; NULL = they could */
	struct net_header *plain, *secret, *of_host; /* secret: the user's; of_host: the provider's */
	size_t n_plain, n_secret, n_of_host;
	bool allow_private;
	/* what came of it */
	int64_t began_ms;   /* monotonic */
	int64_t at_ms;      /* the time of its sample */
	const char *error;  /* static; NULL = none */
	bool ok, is_ours;   /* is_ours: it says nothing about the target */
	bool is_remembered; /* nobody was asked: its name failed shortly before */
	int64_t latency_ms, status_code;
	const char *certificate; /* in certificate_text, or NULL */
	char certificate_text[65];
	int64_t certificate_ends_ms;
	int conflicts;              /* times the database refused it because of one */
	struct probe_result *trace; /* for who waits; without the body */
};

struct claim_list {
	struct claim *first, *last;
	size_t n;
};
void claim_push(struct claim_list *list, struct claim *claim);
struct claim *claim_pop(struct claim_list *list); /* NULL when empty */

struct sentinels {
	struct str urls[PROBE_SENTINELS_MAX]; /* in the options' text */
	size_t n;
	size_t asked, answered; /* of the round that runs */
	bool running, any_good;
	int64_t began_ms, ended_ms; /* monotonic; of the last round */
	bool online;                /* what it said */
	struct claim_list held;
	uv_timer_t timer;
};

/* A pattern of a check that took too long lately. Two in one place displace one another. */
#define PROBER_COSTLY 2048
struct costly_pattern {
	uint64_t key;
	int64_t until_ms; /* monotonic */
};

struct prober {
	struct prober_options o;
	struct probes *probes;
	struct claim *claims; /* all of them */
	size_t n_claims;      /* ENDED ones not counted */
	struct claim **heap;  /* WAITING, the earliest slot first; at_once of them at most */
	size_t n_heap;
	uv_timer_t slots;
	unsigned open_handles; /* uv's: the last one closed frees the prober */
	struct sentinels sentinels;
	struct claim_list ended;
	struct claim *taken[PROBE_RESULTS_MAX]; /* of them, on their way into the database */
	struct claim **batch;                   /* of those, in the statement under way */
	size_t n_taken, n_batch;
	int written;          /* what came of the last attempt */
	bool urgent;          /* somebody waits for one of them */
	int64_t dropped;      /* results, because there were too many */
	struct event wake;    /* claim now */
	struct event results; /* write now */
	bool hungry;          /* the last claim got all it asked for: there may be more */
	int64_t db_ahead_ms;  /* the database's clock, Unix ms, minus our monotonic one */
	bool knows_time, claiming, draining, giving_back, closing;
	int64_t drained_ms;
	int64_t n_internal, internal_told_ms; /* probes that ended as INTERNAL since that was told */
	struct costly_pattern costly[PROBER_COSTLY];
};

int64_t prober_now(const struct prober *prober); /* the database's clock, Unix ms */
size_t prober_has(const struct prober *prober);  /* claims, whatever their state */

/* prober.c: those that were never started */
AWAITS void prober_give_back(struct call *call, void *prober);

/* prober_claim.c */
AWAITS void prober_claim(struct call *call, void *prober); /* one round; a fiber of its own */
AWAITS void prober_renew(struct call *call, void *prober);
void claim_free(struct claim *claim); /* takes it out of the prober's list */

/* prober_start.c */
void prober_schedule(struct claim *claim); /* to be started at its slot */
void prober_on_slot(uv_timer_t *timer);
void prober_give_up_waiting(struct prober *prober); /* empties the heap; the claims stay, WAITING */

/* prober_sentinels.c */
void sentinels_init(struct prober *prober);
/* A claim that failed because of the network. It is held until it is known whether we are online, then settled. */
void sentinels_hold(struct claim *claim);

/* prober_write.c */
void prober_settle(struct claim *claim); /* it has its result: from now on the writer's */
AWAITS void prober_write_loop(struct call *call, void *prober);

/* prober_judge.c: pure but for the clock */
bool judge_is_bad(const struct claim *claim); /* a failure whose parents should be asked for */
/* *ret_next: what health_next() said, for what follows besides the sample. *ret_warning: days, 0 = none. */
void judge(const struct claim *claim, enum health_parents parents, struct probe_look *ret_look,
	   struct health_next *ret_next, int *ret_warning);
int64_t slot_after(int64_t interval_ms, int64_t phase_ms, int64_t after_ms);
/* prober_trace.c */
struct str trace_json(struct arena *arena, const struct claim *claim, const struct probe_look *look);

#endif
