/* A deployment as Vercel shows it, read into ours.
 *
 * Owns nothing. Easy to break: READY says that it is built, and only with its alias can it be reached; and a state that
 * nobody has heard of is one more on the way to the end, not a failure. */
#include "vercel.h"

#include <string.h>

#define ID_MAX 200 /* the host's */

static int ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* Vercel's host names, without a scheme, as addresses; "" for anything else. */
static const char *address_of(const struct ask *a, const char *name)
{
	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:")] != 0)
		return "";
	return a->host->format(a->call, "https://%s", name);
}

/* The alias that follows the branch: name-git-branch-team.vercel.app. */
static const char *branch_alias(const struct ask *a, const opshub_json *from)
{
	const opshub_json *all = a->host->json_get(a->call, from, "alias");
	uint32_t n = a->host->json_type(a->call, all) == OPSHUB_JSON_ARRAY ? a->host->json_len(a->call, all) : 0;

	for (uint32_t i = 0; i < n; i++) {
		const char *alias = a->host->json_str(a->call, a->host->json_at(a->call, all, i), "");

		if (strstr(alias, "-git-"))
			return address_of(a, alias);
	}
	return "";
}

static uint32_t state_of(const char *word)
{
	static const struct {
		const char *word;
		uint32_t state;
	} states[] = {
		{ "QUEUED", OPSHUB_STATE_QUEUED },      { "INITIALIZING", OPSHUB_STATE_BUILDING },
		{ "ANALYZING", OPSHUB_STATE_BUILDING }, { "BUILDING", OPSHUB_STATE_BUILDING },
		{ "DEPLOYING", OPSHUB_STATE_BUILDING }, { "READY", OPSHUB_STATE_READY },
		{ "CANCELED", OPSHUB_STATE_CANCELLED }, { "DELETED", OPSHUB_STATE_GONE },
		{ "ERROR", OPSHUB_STATE_FAILED },       { "BLOCKED", OPSHUB_STATE_FAILED },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(word, states[i].word) == 0)
			return states[i].state;
	return ends_with(word, "_ERROR") ? OPSHUB_STATE_FAILED : OPSHUB_STATE_UNKNOWN;
}

/* Why a build failed, by Vercel's code. What is not told apart here is the build's own failure. */
static uint32_t reason_of(const char *code)
{
	if (strstr(code, "quota") || strstr(code, "limit") || strstr(code, "payment"))
		return OPSHUB_REASON_QUOTA;
	if (strstr(code, "internal") || strstr(code, "INTERNAL"))
		return OPSHUB_REASON_PROVIDER;
	if (strstr(code, "timeout") || strstr(code, "TIMEOUT"))
		return OPSHUB_REASON_TIMEOUT;
	return OPSHUB_REASON_BUILD;
}

static void fill_failure(const struct ask *a, const opshub_json *from, const char *word, struct opshub_deployment *ret)
{
	const char *code = text_of(a, from, "errorCode"), *message = text_of(a, from, "errorMessage");

	if (strcmp(word, "BLOCKED") == 0) {
		ret->reason = OPSHUB_REASON_CONFIG;
		ret->message = a->host->format(
			a->call, "Vercel has blocked the deployment until a person looks at it there%s%.300s",
			*message ? ": " : "", message);
		return;
	}
	ret->reason = reason_of(code);
	if (*code || *message)
		ret->message = a->host->format(a->call, "%s%s%.600s", code, *code && *message ? ": " : "", message);
	else
		ret->message = "the build failed at Vercel, which did not say why: read its log there";
}

/* READY says that it is built. Only with its alias it can be reached. */
static void fill_alias(const struct ask *a, const opshub_json *from, struct opshub_deployment *ret)
{
	const opshub_json *assigned = a->host->json_get(a->call, from, "aliasAssigned");
	const opshub_json *error = a->host->json_get(a->call, from, "aliasError");

	if (a->host->json_type(a->call, error) == OPSHUB_JSON_OBJECT) {
		ret->state = OPSHUB_STATE_FAILED;
		ret->reason = OPSHUB_REASON_CONFIG;
		ret->message = a->host->format(
			a->call,
			"it was built, but Vercel could not give it its address (%s: %.300s): look at "
			"the project's domains",
			text_of(a, error, "code"), text_of(a, error, "message"));
	} else if (!*ret->url ||
		   (!a->host->json_bool(a->call, assigned, 0) && a->host->json_int(a->call, assigned, 0) == 0)) {
		ret->state = OPSHUB_STATE_BUILDING;
	}
}

static void fill_probe(const struct ask *a, struct opshub_deployment *ret)
{
	struct opshub_http_header *header;

	if (!*a->v->bypass)
		return;
	header = a->host->alloc(a->call, sizeof(*header));
	*header = (struct opshub_http_header){ "x-vercel-protection-bypass",
					       a->host->format(a->call, "%s", a->v->bypass) };
	ret->probe_headers = header;
	ret->n_probe_headers = 1;
	ret->probe_header_size = sizeof(*header);
}

void deployment_read(const struct ask *a, const opshub_json *from, struct opshub_deployment *ret)
{
	const opshub_json *meta = a->host->json_get(a->call, from, "meta");
	const char *word = text_of(a, from, "readyState"), *id = text_of(a, from, "id");

	if (!*word)
		word = text_of(a, from, "state");
	id = *id ? id : text_of(a, from, "uid");
	ret->id = strlen(id) <= ID_MAX ? id : "";
	ret->state = number_of(a, from, "deletedAt") > 0 ? OPSHUB_STATE_GONE : state_of(word);
	ret->url = address_of(a, text_of(a, from, "url"));
	ret->stable_url = branch_alias(a, from);
	ret->inspector_url = text_of(a, from, "inspectorUrl");
	ret->commit_sha = text_of(a, a->host->json_get(a->call, from, "gitSource"), "sha");
	ret->attempt_id = text_of(a, meta, "opshubAttempt");
	ret->created_at_ms = number_of(a, from, "createdAt");
	if (ret->created_at_ms == 0)
		ret->created_at_ms = number_of(a, from, "created");
	if (ret->state == OPSHUB_STATE_FAILED)
		fill_failure(a, from, word, ret);
	if (ret->state == OPSHUB_STATE_READY)
		fill_alias(a, from, ret);
	fill_probe(a, ret);
}
