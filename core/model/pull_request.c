/* Reading a pull_request event. */
#include "model/pull_request.h"

#include "base/clock.h"

struct fault {
	const char *field, *why;
};

static bool fail(struct fault *fault, const char *field, const char *why)
{
	if (!fault->field)
		*fault = (struct fault){ field, why };
	return false;
}

static bool take_text(struct fault *fault, const struct json *object, const char *key, const char *field, size_t max,
		      struct str *ret)
{
	const struct json *value = json_get(object, key);

	if (!value)
		return fail(fault, field, "is missing");
	if (value->kind != JSON_TEXT)
		return fail(fault, field, "is not a text");
	if (value->text.n == 0)
		return fail(fault, field, "is empty");
	if (value->text.n > max)
		return fail(fault, field, "is too long");
	*ret = value->text;
	return true;
}

static bool is_sha(struct str s)
{
	if (s.n != 40 && s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

/* At most `max` bytes, not cut inside a character. */
static struct str cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct str){ s.p, max };
}

static bool from_fork(const struct json *pr)
{
	const struct json *head = json_get(json_get(pr, "head"), "repo"),
			  *base = json_get(json_get(pr, "base"), "repo");
	int64_t head_id = json_int(json_get(head, "id"), -1);

	/* head.repo is null when the fork was deleted: not known to be ours is a fork */
	return head_id < 0 || head_id != json_int(json_get(base, "id"), -2);
}

static bool read_branches(struct fault *fault, const struct json *pr, struct pull_request *ret)
{
	const struct json *head = json_get(pr, "head"), *base = json_get(pr, "base");

	if (!head || head->kind != JSON_OBJECT)
		return fail(fault, "pull_request.head", head ? "is not an object" : "is missing");
	if (!base || base->kind != JSON_OBJECT)
		return fail(fault, "pull_request.base", base ? "is not an object" : "is missing");
	if (!take_text(fault, head, "sha", "pull_request.head.sha", 64, &ret->sha))
		return false;
	if (!is_sha(ret->sha))
		return fail(fault, "pull_request.head.sha", "is not a commit id");
	return take_text(fault, head, "ref", "pull_request.head.ref", 1024, &ret->branch) &&
	       take_text(fault, base, "ref", "pull_request.base.ref", 1024, &ret->base_branch);
}

/* The account may have been deleted since; GitHub's own pages call it "ghost" then. Its previews must go as well. */
static bool read_author(struct fault *fault, const struct json *pr, struct pull_request *ret)
{
	const struct json *user = json_get(pr, "user");

	if (user && user->kind == JSON_NULL) {
		ret->author = STR("ghost");
		return true;
	}
	if (!take_text(fault, user, "login", "pull_request.user.login", 256, &ret->author))
		return false;
	ret->from_bot = str_eq(json_text(json_get(user, "type"), STR("")), STR("Bot")) ||
			str_ends(ret->author, STR("[bot]"));
	return true;
}

static void read_labels(const struct json *pr, struct pull_request *ret)
{
	const struct json *labels = json_get(pr, "labels");
	const struct json *label = labels && labels->kind == JSON_ARRAY ? labels->child : NULL;

	for (; label && ret->n_labels < PR_LABELS; label = label->next) {
		struct str name = json_text(json_get(label, "name"), (struct str){ 0 });

		if (name.n)
			ret->labels[ret->n_labels++] = name;
	}
}

static bool read_state(struct fault *fault, const struct json *pr, struct pull_request *ret)
{
	struct str state, updated_at;

	if (!take_text(fault, pr, "state", "pull_request.state", 16, &state))
		return false;
	ret->open = str_eq(state, STR("open"));
	if (!ret->open && !str_eq(state, STR("closed")))
		return fail(fault, "pull_request.state", "is neither \"open\" nor \"closed\"");
	if (!take_text(fault, pr, "updated_at", "pull_request.updated_at", 40, &updated_at))
		return false;
	if (!time_parse(updated_at, &ret->updated_at_ms))
		return fail(fault, "pull_request.updated_at", "is not a time");
	ret->draft = json_bool(json_get(pr, "draft"), false);
	return true;
}

static bool read_all(struct fault *fault, const struct json *payload, struct pull_request *ret)
{
	const struct json *pr = json_get(payload, "pull_request"), *repo = json_get(payload, "repository"), *number;
	struct str before;

	if (!take_text(fault, payload, "action", "action", 64, &ret->action))
		return false;
	if (!pr || pr->kind != JSON_OBJECT)
		return fail(fault, "pull_request", pr ? "is not an object" : "is missing");
	if (!repo || repo->kind != JSON_OBJECT)
		return fail(fault, "repository", repo ? "is not an object" : "is missing");
	if (!take_text(fault, repo, "full_name", "repository.full_name", 256, &ret->repo))
		return false;
	number = json_get(payload, "number");
	if (!number)
		return fail(fault, "number", "is missing");
	ret->number = json_int(number, 0);
	if (ret->number < 1 || ret->number > INT32_MAX)
		return fail(fault, "number", "is not a positive 32-bit integer");
	if (json_int(json_get(pr, "number"), 0) != ret->number)
		return fail(fault, "pull_request.number", "is not the event's number");
	if (!take_text(fault, pr, "title", "pull_request.title", 64 * 1024, &ret->title) ||
	    !take_text(fault, pr, "html_url", "pull_request.html_url", 2048, &ret->html_url) ||
	    !read_author(fault, pr, ret))
		return false;
	if (!read_branches(fault, pr, ret) || !read_state(fault, pr, ret))
		return false;
	ret->title = cut(ret->title, 256);
	ret->association = json_text(json_get(pr, "author_association"), (struct str){ 0 });
	ret->from_fork = from_fork(pr);
	before = json_text(json_get(payload, "before"), (struct str){ 0 });
	if (is_sha(before))
		ret->before_sha = before;
	read_labels(pr, ret);
	ret->sender = json_text(json_get(json_get(payload, "sender"), "login"), (struct str){ 0 });
	if (str_eq(ret->action, STR("labeled")))
		ret->label_set = json_text(json_get(json_get(payload, "label"), "name"), (struct str){ 0 });
	return true;
}

bool pull_request_read(const struct json *payload, struct pull_request *ret, const char **ret_field,
		       const char **ret_why)
{
	struct pull_request pr = { 0 };
	struct fault fault = { 0 };

	if (!read_all(&fault, payload, &pr)) {
		*ret_field = fault.field;
		*ret_why = fault.why;
		return false;
	}
	*ret = pr;
	return true;
}

bool pull_request_action_matters(struct str action)
{
	static const char *const actions[] = {
		"opened",  "reopened",  "synchronize", "ready_for_review", "converted_to_draft",
		"labeled", "unlabeled", "edited",      "closed",           "requested"
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (str_eq(action, str_of(actions[i])))
			return true;
	return false;
}
