/* Repositories that are swept, and the pull requests a sweep is unsure about. */
#ifndef STORE_GITHUB_H
#define STORE_GITHUB_H

#include "db/db.h"
#include "model/sweep.h"

struct github_repo {
	struct str repo;     /* lower case */
	struct str spelled;  /* for addresses */
	struct str etags;    /* of the pages of the last complete list, one a line */
	struct str projects; /* ids, separated by commas */
	struct str compared; /* those that the list was compared with */
	int64_t hook_id;     /* 0 = not known */
	int64_t deliveries_since_ms;
};

/* One row for each repository that a project deploys; has_app: and one called "(app)", for the App's own webhook. */
AWAITS int github_repos_sync(struct call *call, struct db *db, bool has_app);
/* The repository whose sweep is due longest, for lease_ms. `only`: this one, due or not; empty = any. E_NOT_FOUND. */
AWAITS int github_repo_claim(struct call *call, struct db *db, struct str worker, int64_t lease_ms, struct str only,
			     struct github_repo *ret);
#define GITHUB_REPOS_PAGE 100
/* All of them, by name; `after` is the last one seen. */
AWAITS int github_repos_list(struct call *call, struct db *db, struct str after, const struct github_repo **ret,
			     size_t *ret_n);

/* What a sweep has found out. Fields that are empty, or negative, leave what is stored as it is. */
struct github_swept {
	int64_t next_ms; /* from now */
	struct str error;
	struct str etags, compared; /* .p NULL = as it is */
	int64_t hook_id;            /* 0 = forget it */
	int64_t deliveries_since_ms;
};
AWAITS int github_repo_release(struct call *call, struct db *db, struct str repo, struct str worker,
			       const struct github_swept *swept);
/* Nobody asks GitHub before this time about repositories of this account (in lower case; "(app)": its webhook), or,
 * when that is empty, about any. */
AWAITS int github_pause(struct call *call, struct db *db, int64_t until_ms, struct str account);

/* In the order of number and project. */
AWAITS int github_known(struct call *call, struct db *db, struct str repo, const int64_t *numbers, size_t n,
			const struct known_pull **ret, size_t *ret_n);
/* Open as far as is known, and none of these numbers; `most` at most. */
AWAITS int github_absent(struct call *call, struct db *db, struct str repo, const int64_t *numbers, size_t n,
			 int64_t most, const int64_t **ret, size_t *ret_n);
AWAITS int github_live(struct call *call, struct db *db, struct str repo, size_t *ret);
/* One row: title, branch, base_branch, author, html_url, from_fork, sha, pr_updated_at. No row = never heard of. */
AWAITS int github_last_facts(struct call *call, struct db *db, struct str repo, int64_t number, struct db_rows *ret);

#define GITHUB_CLOSINGS 1000 /* of one repository that a sweep looks at */
struct github_closing {
	int64_t number;
	struct str why;
	bool held, confirmed;
	bool old; /* seen so for ten minutes */
};
AWAITS int github_closings(struct call *call, struct db *db, struct str repo, const struct github_closing **ret,
			   size_t *ret_n);
AWAITS int github_closing_put(struct call *call, struct db *db, struct str repo, int64_t number, const char *why,
			      bool held);
AWAITS int github_closings_drop(struct call *call, struct db *db, struct str repo, const int64_t *numbers, size_t n);

/* ret_arrived runs beside guids and has room for n. */
AWAITS int github_deliveries_known(struct call *call, struct db *db, const struct hook_attempt *attempts, size_t n,
				   bool *ret_arrived);

/* ---- for the administrator ---- */
/* Rows: repo, pr_number, why, held_at, project_id, org_id. `repo` empty = all. */
AWAITS int github_held(struct call *call, struct db *db, struct str repo, int64_t most, struct db_rows *ret);
/* E_NOT_FOUND when it is not held any more. */
AWAITS int github_confirm(struct call *call, struct db *db, struct str repo, int64_t number, struct str project,
			  struct str org, struct db_arg audit_id, struct db_arg audit_who);

#endif
