/* What deploys: a project's rules and the decision they make about one pull request. Pure.
 *
 * The first rule that speaks decides, in this order:
 *   closed -> draft -> excluded label -> missing label -> base branch -> author -> marker in the title -> fork ->
 * deploy Every rule that was looked at is in the trace, so "why did my pull request not deploy?" has an answer. */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

#include "base/json_write.h"
#include "model/pull_request.h"

enum fork_policy { FORKS_APPROVE, FORKS_TRUSTED, FORKS_DEPLOY, FORKS_SKIP };

#define RULE_WORDS 32
struct rule_words {
	struct str words[RULE_WORDS];
	unsigned n;
};

struct rules {
	bool is_deleting; /* of the project, not from the JSON: it is being deleted, nothing deploys; rule "DELETING" */
	bool deploy_drafts;
	enum fork_policy
		forks; /* TRUSTED: forks of owners, members and collaborators deploy, others wait for approval */
	struct rule_words labels_any;    /* one of them is needed; none given = not needed */
	struct rule_words labels_none;   /* each of them excludes */
	struct rule_words base_branches; /* globs with '*'; none given = all */
	struct rule_words skip_authors;  /* globs; logins have no case at GitHub */
	struct str skip_marker;          /* in the title, any case; default "[skip preview]" */
	struct str approve_label;        /* set on a fork it approves its commit; empty = none does */
	bool decoys;                 /* each deployment of a fork is given one; SQL reads it: reconcile_preview */
	/* 0 = no limit, as are the others. SQL reads these by their JSON names: build_admit() */
	int64_t max_builds;   /* that run at once */
	int64_t max_previews; /* that stand at once, with those that are built */
	int64_t ttl_ms;       /* after its deployment a preview goes by itself */
};

enum desired { DESIRED_DEPLOYED, DESIRED_DESTROYED, DESIRED_HELD };
const char *desired_word(enum desired desired); /* "deployed" ... as stored */

#define TRACE_MAX 9 /* each rule once */
struct decision {
	enum desired desired;
	const char *rule; /* word of the deciding rule: "CLOSED", "DRAFT", "LABEL_EXCLUDED", "LABEL_MISSING",
			   * "BASE_BRANCH", "AUTHOR", "SKIP_MARKER", "FORK", "DEFAULT" */
	const char *why;  /* the sentence for people */
	struct {
		const char *rule;
		bool decided;
	} trace[TRACE_MAX];
	unsigned n_trace;
};

/* From the project's JSON:
 * {"drafts":"skip|deploy","forks":"approve|trusted|deploy|skip","labelsAny":[],"labelsNone":[],
 * "baseBranches":[],"skipAuthors":[],"skipMarker":"","approveLabel":"","decoys":false,
 * "maxBuilds":0,"maxPreviews":0,"ttlMs":0}. What
 * is absent has its default; NULL gives all defaults. */
struct rules rules_read(const struct json *json);
/* The same, with every default filled in, as members of an object that is open. */
void rules_write(const struct rules *rules, struct json_out *out);
struct decision rules_decide(const struct rules *rules, const struct pull_request *pr);
/* {"desired":...,"rule":...,"reason":...,"trace":[...]} as members of an object that is open. */
void decision_write(const struct decision *decision, struct json_out *out);
bool glob_matches(struct str pattern, struct str text);        /* '*' stands for any run of characters, also none */
bool glob_matches_nocase(struct str pattern, struct str text); /* ASCII letters only */

#endif
