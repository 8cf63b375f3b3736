/* News of health checks in words. Facts with a count above one are of checks that are told together: "open" of them are
 * still down. */
#include "base/clock.h"
#include "model/event_inner.h"

#define NAMES_SHOWN 5

static const struct wording {
	const char *kind;
	enum event_severity severity;
	const char *title, *titles; /* of one, of several */
} wordings[] = {
	{ "health.degraded", EVENT_ERROR, "Health check is down", "health checks are down" },
	{ "health.reminder", EVENT_ERROR, "Health check is still down", "health checks are still down" },
	{ "health.recovered", EVENT_SUCCESS, "Health check has recovered", "health checks have recovered" },
	{ "health.flapping", EVENT_WARN, "Health check is flapping", NULL },
	{ "health.stable", EVENT_SUCCESS, "Health check is stable", NULL },
	{ "health.acknowledged", EVENT_WARN, "Somebody looks after a health check", NULL },
	{ "health.disabled", EVENT_INFO, "Health check is switched off", NULL },
	{ "health.certificate", EVENT_WARN, "Certificate expires", NULL },
};

static const struct wording *wording_of(struct str kind)
{
	for (size_t i = 0; i < sizeof(wordings) / sizeof(wordings[0]); i++)
		if (str_eq(kind, str_of(wordings[i].kind)))
			return &wordings[i];
	return NULL;
}

/* "2 d 3 h": the two largest units. */
static struct str duration(struct arena *arena, int64_t ms)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	int64_t seconds = ms / 1000;
	size_t i = 0;

	if (ms <= 0)
		return STR("");
	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (i == 3 || seconds % units[i].seconds / units[i + 1].seconds == 0)
		return arena_printf(arena, "%lld %s", (long long)(seconds / units[i].seconds), units[i].name);
	return arena_printf(arena, "%lld %s %lld %s", (long long)(seconds / units[i].seconds), units[i].name,
			    (long long)(seconds % units[i].seconds / units[i + 1].seconds), units[i + 1].name);
}

/* "2026-11-23 17:18 UTC" */
static struct str moment(struct arena *arena, struct str text)
{
	char plain[TIME_TEXT_MAX];
	int64_t ms;

	if (!time_parse(text, &ms))
		return STR("");
	time_format(ms, plain);
	return arena_printf(arena, "%.10s %.5s UTC", plain, plain + 11);
}

static struct str number(struct arena *arena, const struct json *facts, const char *key)
{
	int64_t value = json_int(json_get(facts, key), 0);

	return value > 0 ? arena_printf(arena, "%lld", (long long)value) : STR("");
}

/* "a, b, c and 9 more" of `total`. */
static struct str names(struct arena *arena, const struct json *list, int64_t total)
{
	struct str all = STR("");
	int64_t shown = 0;

	for (const struct json *n = list && list->kind == JSON_ARRAY ? list->child : NULL; n && shown < NAMES_SHOWN;
	     n = n->next) {
		struct str name = event_one_line(arena, json_text(n, STR("?")), 60);

		if (shown++ == total)
			break;
		all = arena_printf(arena, "%.*s%s%.*s", STR_FMT(all), all.n ? ", " : "", STR_FMT(name));
	}
	if (all.n && total > shown)
		return arena_printf(arena, "%.*s and %lld more", STR_FMT(all), (long long)(total - shown));
	return all;
}

static struct str title_of(struct arena *arena, const struct wording *w, const struct json *facts, int64_t count,
			   int64_t open)
{
	struct str check = event_fact(facts, "check");
	int64_t pr = json_int(json_get(facts, "prNumber"), 0);

	if (count > 1 && w->titles && open == count)
		return arena_printf(arena, "%lld %s", (long long)count, w->titles);
	if (count > 1 && w->titles && open > 0)
		return arena_printf(arena, "%lld of %lld health checks are still down", (long long)open,
				    (long long)count);
	if (count > 1 && w->titles)
		return arena_printf(arena, "All %lld %s", (long long)count, w->titles);
	if (check.n && pr)
		return arena_printf(arena, "%s: %.*s (#%lld)", w->title, STR_FMT(check), (long long)pr);
	return check.n ? arena_printf(arena, "%s: %.*s", w->title, STR_FMT(check)) : str_of(w->title);
}

static struct str text_of(struct arena *arena, const struct json *facts, int64_t count, int64_t open)
{
	struct str message = event_cut(event_fact(facts, "message"), EVENT_TEXT_MAX / 2);
	struct str check = event_fact(facts, "check"), who;

	if (count <= 1)
		return message;
	who = names(arena, json_get(facts, "names"), open ? open : count);
	return arena_printf(arena, "%.*s: %.*s\n%s: %.*s.", STR_FMT(check), STR_FMT(message),
			    open == 0       ? "They were"
			    : open == count ? "They are"
					    : "Still down",
			    STR_FMT(who));
}

static void add_lines(struct arena *arena, struct event_text *e, const struct json *facts, bool is_of_one)
{
	if (is_of_one) {
		event_add_line(arena, e, "Check", event_fact(facts, "check"));
		event_add_line(arena, e, "Address", event_fact(facts, "url"));
	}
	event_add_line(arena, e, "Error", event_fact(facts, "error"));
	event_add_line(arena, e, "Since", moment(arena, event_fact(facts, "since")));
	event_add_line(arena, e, "Duration", duration(arena, json_int(json_get(facts, "durationMs"), 0)));
	if (is_of_one) {
		event_add_line(arena, e, "Last status", number(arena, facts, "lastStatusCode"));
		event_add_line(arena, e, "Failures in a row", number(arena, facts, "failures"));
		event_add_line(arena, e, "Looked after by", event_fact(facts, "acknowledgedBy"));
		event_add_line(arena, e, "Pull request", event_fact(facts, "prUrl"));
		event_add_line(arena, e, "Deployment", event_fact(facts, "deploymentId"));
	}
	event_add_line(arena, e, "Incident", event_fact(facts, "incidentId"));
}

struct event_text event_health_text(struct arena *arena, struct str kind, const struct json *facts)
{
	static const struct wording unknown = { "", EVENT_INFO, "News of a health check", NULL };
	const struct wording *known = wording_of(kind), *w = known ? known : &unknown;
	int64_t count = json_int(json_get(facts, "count"), 1), open = json_int(json_get(facts, "open"), 0);
	bool is_of_one = count <= 1 || !w->titles;
	struct event_text e = { .severity = w->severity,
				.pr_number = is_of_one ? json_int(json_get(facts, "prNumber"), 0) : 0,
				.url = is_of_one ? event_fact(facts, "url") : STR("") };

	if (str_eq(kind, STR("health.stable")) && str_eq(event_fact(facts, "status"), STR("DEGRADED"))) {
		e.severity = EVENT_ERROR;
		w = wording_of(STR("health.reminder"));
	}
	e.title = event_one_line(arena, title_of(arena, w, facts, is_of_one ? 1 : count, open), EVENT_TITLE_MAX);
	e.text = text_of(arena, facts, count, open);
	add_lines(arena, &e, facts, is_of_one);
	return e;
}
