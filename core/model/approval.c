/* Asking that a fork may be deployed. */
#include "model/approval.h"

#include "base/clock.h"

#define COMMAND      "/opshub approve"
#define MOST_LOGIN   100
#define SHORTEST_SHA 7

/* It becomes part of a URL's path. */
static bool is_login(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return s.n > 0 && s.n <= MOST_LOGIN;
}

static bool is_commit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == 0 || (s.n >= SHORTEST_SHA && s.n <= 64);
}

/* A line of its own, so that a comment which quotes or explains the command is none. */
static bool find_command(struct str body, struct str *ret_sha)
{
	while (body.n) {
		struct str line = str_split(&body, '\n');

		if (line.n && line.p[line.n - 1] == '\r') /* as browsers send it */
			line.n--;
		line = str_trim(line);
		if (!str_starts(line, STR(COMMAND)))
			continue;
		line = (struct str){ line.p + sizeof(COMMAND) - 1, line.n - (sizeof(COMMAND) - 1) };
		if (line.n && line.p[0] != ' ')
			continue;
		line = str_trim(line);
		if (!is_commit(line))
			continue;
		*ret_sha = line;
		return true;
	}
	return false;
}

bool approval_in_comment(const struct json *payload, struct approval_request *ret)
{
	const struct str none = STR("");
	const struct json *issue = json_get(payload, "issue"), *comment = json_get(payload, "comment");
	const struct json *pr = json_get(issue, "pull_request");
	struct approval_request request = {
		.repo = json_text(json_get(json_get(payload, "repository"), "full_name"), none),
		.number = json_int(json_get(issue, "number"), 0),
		.way = "comment",
		.label = none,
		.login = json_text(json_get(json_get(comment, "user"), "login"), none),
		.association = json_text(json_get(comment, "author_association"), none),
	};

	if (!str_eq(json_text(json_get(payload, "action"), none), STR("created")) || !pr || pr->kind != JSON_OBJECT ||
	    !str_eq(json_text(json_get(issue, "state"), none), STR("open")) ||
	    !find_command(json_text(json_get(comment, "body"), none), &request.sha))
		return false;
	if (!time_parse(json_text(json_get(comment, "created_at"), none), &request.said_at_ms) || request.number < 1 ||
	    request.number > INT32_MAX || request.repo.n == 0 || !is_login(request.login) || request.association.n > 64)
		return false;
	*ret = request;
	return true;
}

bool approval_in_label(const struct pull_request *pr, struct approval_request *ret)
{
	if (pr->label_set.n == 0 || !pr->open || !pr->from_fork || !is_login(pr->sender))
		return false;
	*ret = (struct approval_request){
		.repo = pr->repo,
		.number = pr->number,
		.sha = pr->sha,
		.way = "label",
		.label = pr->label_set,
		.login = pr->sender,
		.association = STR(""),
		.said_at_ms = pr->updated_at_ms,
	};
	return true;
}

bool association_may_push(struct str association)
{
	return str_eq(association, STR("OWNER")) || str_eq(association, STR("MEMBER")) ||
	       str_eq(association, STR("COLLABORATOR"));
}

bool permission_may_push(struct str permission)
{
	return str_eq(permission, STR("admin")) || str_eq(permission, STR("write"));
}

const char *approval_commit_why(struct str asked, struct str stands, int64_t stood_ms)
{
	if (asked.n)
		return str_starts(stands, asked) ? NULL : "another commit stands there by now";
	return stood_ms >= APPROVAL_STANDS_MS ? NULL
					      : "a new commit came just before: look at it, and name it in the "
						"comment, as /opshub approve COMMIT";
}
