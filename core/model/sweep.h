/* What a sweep of GitHub's state does about what it finds. Pure.
 *
 * It only ever says which event was missed; what follows from that event the projects' rules decide, as for a webhook.
 * Easy to break: that something is *not* listed is never a reason to take it down. A pull request is closed when GitHub
 * says so of that one, or has twice answered 404 for it, ten minutes apart, while it answered everything else. */
#ifndef MODEL_SWEEP_H
#define MODEL_SWEEP_H

#include "base/str.h"

/* What GitHub says of a pull request. */
struct pull_facts {
	int64_t number, updated_at_ms;
	struct str sha;
	bool open;
};

/* What a project's preview row says of it. */
struct known_pull {
	int64_t number, updated_at_ms;
	struct str project_id, sha;
	bool open, live;
	bool by_sweep;      /* a sweep made it what it is */
	int64_t generation; /* of what is wanted */
};

/* The action of the event that a project has missed, or NULL. known NULL: it has never heard of the pull request. */
const char *missed_action(const struct known_pull *known, const struct pull_facts *pull);

/* May a sweep take down `doomed` of a repository's `live` previews without asking? At most ten, at most a fifth, but
 * always one: more at once is rather an error of somebody's than what people did. */
bool sweep_may_destroy(size_t live, size_t doomed);

/* ---- failed deliveries ---- */

/* One attempt of GitHub's to deliver a webhook. */
struct hook_attempt {
	int64_t id, delivered_at_ms;
	struct str guid;  /* of the delivery: the same for all its attempts */
	bool ok, matters; /* matters: its event changes previews */
};

#define REDELIVERY_ATTEMPTS 5                           /* of one delivery */
#define REDELIVERY_AGE_MS   (3ll * 24 * 60 * 60 * 1000) /* GitHub forgets them then */

/* Which attempts to ask for again. attempts: newest first. arrived: runs beside them, true when its delivery is stored
 * here. ret_ids has room for n. *ret_since_ms: what is older need not be looked at again. */
size_t redelivery_plan(const struct hook_attempt *attempts, const bool *arrived, size_t n, int64_t now_ms,
		       int64_t *ret_ids, int64_t *ret_since_ms);

#endif
