/* Webhook deliveries: stored, decided and enqueued in one statement, many of them in one commit. */
#ifndef STORE_DELIVERIES_H
#define STORE_DELIVERIES_H

#include "db/db.h"
#include "model/approval.h"
#include "model/rules.h"

struct repo_project {
	struct str id;
	struct str repo; /* lower case */
	struct rules rules;
};
struct repo_projects {
	const struct repo_project *items;
	size_t n;
};

/* The projects of any of these repositories (lower case). */
AWAITS int deliveries_projects(struct call *call, struct db *db, const struct str *repos, size_t n,
			       struct repo_projects *ret);

#define DELIVERY_PROJECTS 1000 /* of one repository that one delivery reaches: the oldest ones */

struct delivery {
	struct str id;      /* hook_ + X-GitHub-Delivery */
	uint8_t digest[32]; /* of the event's name and the body's signature */
	struct str event, action;
	struct str repo;    /* in lower case */
	struct str outcome; /* "accepted" or "ignored"; out: "stale" when newer events of the pull request are known */
	struct str reason;  /* out: why it is stale */
	struct str decisions; /* JSON array */
	struct str payload;
	const struct pull_request *pr;           /* NULL when the event is about none */
	const struct approval_request *approval; /* it asks to deploy a fork, too; or NULL */
	struct str only_project;                 /* empty = every project of the repository */
	struct str replay_of;                    /* id of another delivery, or empty */
	/* when a person asked for it, for the audit; else empty and NULL: */
	struct str org, audit_id;
	const struct str *audit_who;          /* six texts, as audit_add takes them */
	const struct repo_project **projects; /* DELIVERY_PROJECTS at most */
	struct decision *decided;             /* runs beside them */
	size_t n_projects;

	/* out */
	int result;
	bool duplicate;
	bool declined;       /* the rules of only_project do not want it; the reason says why */
	struct str known_id; /* the id under which it is stored: of the first copy when it is a duplicate */
};

/* The decision of each project that a delivery with a pull request reaches; none is an answer too. Sets projects,
 * decided, outcome, reason and decisions. `projects`: of its repository, or more. */
void delivery_decide(struct call *call, struct delivery *delivery, const struct repo_projects *projects);

#define DELIVERY_BATCH 24
/* Stores up to DELIVERY_BATCH deliveries with one commit; no two of them about one pull request, of one id, or of one
 * digest. When that fails each is tried alone and has its own result. Returns E_NETWORK, E_TIMEOUT or E_CANCELLED when
 * the database is away (nothing may be acknowledged), else OK. *ret_jobs: ids of jobs that wait now, separated by
 * commas. */
AWAITS int deliveries_ingest(struct call *call, struct db *db, struct delivery *const *deliveries, size_t n,
			     struct str *ret_jobs);

/* ---- reading them back: those that reached a project, or say nothing about a pull request of its repository ---- */
#define DELIVERIES_NEWEST_US 9000000000000000 /* in 2255; above it a double, which PostgreSQL uses, is not exact */
struct deliveries_page {
	int64_t before_us; /* Unix time and id of the last one seen; DELIVERIES_NEWEST_US = from the newest */
	struct str before_id;
	int64_t limit;
	struct str outcome; /* empty = all */
};
/* Column names are JSON keys; "_cursor" is "us.id", for the next page. */
AWAITS int deliveries_list(struct call *call, struct db *db, struct str project_id, const struct deliveries_page *page,
			   struct db_rows *ret);
/* The same of one, with "_payload" as it came. No row = not there. */
AWAITS int delivery_get(struct call *call, struct db *db, struct str project_id, struct str id, struct db_rows *ret);

#endif
