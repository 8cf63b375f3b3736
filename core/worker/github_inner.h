/* What the files of a sweep share. */
#ifndef WORKER_GITHUB_INNER_H
#define WORKER_GITHUB_INNER_H

#include "store/deliveries.h"
#include "store/github.h"
#include "worker/github_sweep.h"

#define MOST_FINDINGS 500   /* of one sweep; the next one goes on */
#define MOST_LISTED   10000 /* open pull requests of one repository */

/* An event that was missed. */
struct finding {
	int64_t number;
	const char *action;
	const char *why;    /* what takes it down, if it is taken down: "closed", "gone", "rules" */
	struct str payload; /* as a webhook would have said it, shorter */
	struct str live;    /* ids of the projects that have a preview of it, each followed by a comma */
	struct str missing; /* ids of those that have missed it, and what they wanted by then: the finding's name */
	bool confirmed;     /* somebody has said that it may go */
	bool held;          /* was held back by the sweep before */
	size_t n_doomed;    /* previews that this takes down */
	struct delivery *delivery;
};

struct sweep {
	const struct github_sweeper *o;
	const struct github_repo *repo;
	struct github_session session;
	struct arena
		*arena; /* of the fiber that sweeps; requests are fibers of their own, whose memory goes with them */
	struct repo_projects projects;
	const struct github_closing *closings;
	size_t n_closings;
	int64_t *numbers; /* in GitHub's list; room for MOST_LISTED */
	size_t n_numbers;
	struct finding *findings; /* room for MOST_FINDINGS */
	size_t n_findings;
	bool has_more;      /* there is more than one sweep takes */
	struct buf *report; /* of a dry run; NULL = the sweep is meant */
};

/* Runs fn(call, arg) on a fiber of its own and waits for it, also when the sweep is cancelled: it writes into arg. */
AWAITS int sweep_run(struct call *call, fiber_fn *fn, void *arg);
/* A line of a dry run. */
void sweep_say(const struct sweep *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- github_hooks.c ---- */
/* Asks for failed deliveries again. When that fails the pull requests can be swept all the same, so it is only noted in
 * swept->error; not even that when the token may not. A failure: cancelled, out of time, or the allowance is used up.
 */
AWAITS int sweep_hook(struct call *call, struct sweep *s, struct github_swept *swept);
/* The same of the App's one webhook. */
AWAITS int sweep_app_hook(struct call *call, struct sweep *s, struct github_swept *swept);

/* ---- github_pulls.c ---- */
/* Reads the repository's pull requests into s->findings. */
AWAITS int sweep_pulls(struct call *call, struct sweep *s, struct github_swept *swept);

/* ---- github_event.c ---- */
/* The payload of a finding, from what GitHub says of the pull request; empty when that is too long. */
struct str sweep_payload(struct arena *arena, const struct sweep *s, const struct json *pull, const char *action);
/* The same of one that GitHub has no more, from what was last known (github_last_facts). */
struct str sweep_gone_payload(struct arena *arena, const struct sweep *s, const struct db_rows *facts, int64_t number);
/* Decides, holds back what is too much at once, and stores the rest as deliveries. `partial`: the sweep did not come to
 * its end, so nothing is taken down. */
AWAITS int sweep_settle(struct call *call, struct sweep *s, bool partial);

#endif
