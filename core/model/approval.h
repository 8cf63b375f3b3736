/* Asking at GitHub that a fork may be deployed: by a comment "/opshub approve", or by a label. Pure: JSON in, request
 * or nothing out.
 *
 * A request is pinned to one commit. A label's event names it. A comment names it itself ("/opshub approve 1a2b3c4"),
 * or means the one that stands: then it must have stood for a while, because whoever wrote the comment may have looked
 * at the one before. */
#ifndef MODEL_APPROVAL_H
#define MODEL_APPROVAL_H

#include "model/pull_request.h"

struct approval_request {
	struct str repo; /* as GitHub spells it */
	int64_t number;
	struct str sha;         /* 7 characters of it or more; empty = the one that stands */
	const char *way;        /* "comment", "label" */
	struct str label;       /* empty for a comment */
	struct str login;       /* who asks */
	struct str association; /* with the repository, as GitHub says of a comment's author; empty for a label */
	int64_t said_at_ms;     /* by GitHub's clock */
};

/* An issue_comment event: false when it asks for nothing, be it another comment, an edited one, or one that is not
 * about an open pull request. */
bool approval_in_comment(const struct json *payload, struct approval_request *ret);
/* A label that was set on a fork's open pull request. What the label means is each project's to say. */
bool approval_in_label(const struct pull_request *pr, struct approval_request *ret);

/* Who may push might be asked about at GitHub; everybody else is refused without a question. */
bool association_may_push(struct str association);
/* The word of GitHub's answer: may he push? */
bool permission_may_push(struct str permission);

#define APPROVAL_STANDS_MS 30000
/* Why this commit, which has stood for so long (negative = not known), is not what was meant; NULL = it is. */
const char *approval_commit_why(struct str asked, struct str stands, int64_t stood_ms);

#endif
