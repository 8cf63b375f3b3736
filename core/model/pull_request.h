/* What a pull_request event says, taken from GitHub's payload and checked. Pure: JSON in, facts or a named fault out.
 * Source: GitHub's webhook documentation, "pull_request"; only fields that are used are required. */
#ifndef MODEL_PULL_REQUEST_H
#define MODEL_PULL_REQUEST_H

#include "base/json_read.h"

#define PR_LABELS 100 /* GitHub's own limit on an issue */

struct pull_request {
	struct str action; /* "opened" */
	struct str repo;   /* "owner/name" as GitHub spells it */
	int64_t number;
	struct str title; /* cut to 256 bytes */
	struct str author;
	struct str association; /* of the author: "MEMBER", "CONTRIBUTOR" ...; empty when not said */
	struct str html_url;
	struct str branch, base_branch;
	struct str sha;        /* of the head, 40 or 64 lower-case hex digits */
	struct str before_sha; /* what a push replaced; empty when the event is not a push */
	int64_t updated_at_ms;
	bool open, draft, from_fork;
	bool from_bot;        /* its author is a program */
	struct str sender;    /* who caused the event; empty when not said */
	struct str label_set; /* by this event; empty when none */
	struct str labels[PR_LABELS];
	unsigned n_labels;
};

/* False with *ret_field (a path such as "pull_request.head.sha") and *ret_why when a field is missing or wrong. */
bool pull_request_read(const struct json *payload, struct pull_request *ret, const char **ret_field,
		       const char **ret_why);
/* The actions that can change a preview: GitHub's, and "requested", when a person asks us for one. */
bool pull_request_action_matters(struct str action);

#endif
