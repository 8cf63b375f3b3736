/* Events in words. */
#include "model/event_inner.h"

static const struct wording {
	const char *kind;
	enum event_severity severity;
	const char *title;
	const char *text; /* when the facts have no message */
} wordings[] = {
	{ "preview.queued", EVENT_INFO, "Preview queued", "It is about to be deployed." },
	{ "preview.held", EVENT_WARN, "Preview waits", "It waits for somebody to let it go on." },
	{ "preview.waiting", EVENT_WARN, "Preview waits for the provider",
	  "The provider's allowance is used up; it is tried again when there is some." },
	{ "preview.building", EVENT_INFO, "Preview is building", "The provider is building it." },
	{ "preview.ready", EVENT_SUCCESS, "Preview ready", "It can be looked at." },
	{ "preview.failed", EVENT_ERROR, "Preview failed", "It could not be deployed." },
	{ "preview.cancelled", EVENT_WARN, "Preview cancelled", "Its build was cancelled." },
	{ "preview.decoy", EVENT_ERROR, "A decoy was used",
	  "Somebody used a value that only this pull request's build was given; nothing more of it is deployed." },
	{ "preview.destroyed", EVENT_INFO, "Preview destroyed", "It is gone at the provider." },
	{ "preview.destroy_failed", EVENT_ERROR, "Preview could not be taken down",
	  "The provider refuses to take it down; it is tried again, but may cost money until somebody looks." },
	{ "rotation.done", EVENT_SUCCESS, "A variable has a new value", "It is the active one." },
	{ "rotation.failed", EVENT_ERROR, "A variable did not get its new value", "The active one stays." },
	{ "rotation.reminder", EVENT_WARN, "A variable is due for a new value", "Only a person can give it." },
	{ "test", EVENT_INFO, "Test message from OpsHub", "Messages about previews will come here." },
};

static const struct wording *wording_of(struct str kind)
{
	for (size_t i = 0; i < sizeof(wordings) / sizeof(wordings[0]); i++)
		if (str_eq(kind, str_of(wordings[i].kind)))
			return &wordings[i];
	return NULL;
}

struct str event_fact(const struct json *facts, const char *key)
{
	return json_text(json_get(facts, key), STR(""));
}

struct str event_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct str){ s.p, max };
}

struct str event_one_line(struct arena *arena, struct str s, size_t max)
{
	struct str line = event_cut(s, max);
	char *text = arena_text(arena, line);

	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	return (struct str){ text, line.n };
}

void event_add_line(struct arena *arena, struct event_text *e, const char *label, struct str value)
{
	if (value.n && e->n_lines < EVENT_FIELDS_MAX)
		e->lines[e->n_lines++] = (struct event_line){ label, event_one_line(arena, value, EVENT_VALUE_MAX) };
}

static struct str first_of(struct str a, struct str b, struct str c)
{
	return a.n ? a : b.n ? b : c;
}

static void add_lines(struct arena *arena, struct event_text *e, const struct json *facts)
{
	event_add_line(arena, e, "Status", event_fact(facts, "status"));
	event_add_line(arena, e, "Detail", event_fact(facts, "detail"));
	event_add_line(arena, e, "Reason", event_fact(facts, "errorReason"));
	event_add_line(arena, e, "Branch", event_fact(facts, "branch"));
	event_add_line(arena, e, "Commit", event_cut(e->sha, 12));
	event_add_line(arena, e, "Author", event_fact(facts, "author"));
	event_add_line(arena, e, "Provider", event_fact(facts, "provider"));
	event_add_line(arena, e, "Preview", event_fact(facts, "url"));
	event_add_line(arena, e, "Build", event_fact(facts, "inspectorUrl"));
	event_add_line(arena, e, "Pull request", event_fact(facts, "prUrl"));
	event_add_line(arena, e, "Deployment", event_fact(facts, "deploymentId"));
	event_add_line(arena, e, "Variable", event_fact(facts, "variable"));
	event_add_line(arena, e, "Environment", event_fact(facts, "environment"));
	event_add_line(arena, e, "Policy", event_fact(facts, "policy"));
}

struct event_text event_text(struct arena *arena, struct str kind, const struct json *facts)
{
	const struct wording *w = wording_of(kind);
	struct event_text e;
	struct str title = event_fact(facts, "title");

	if (str_starts(kind, STR("health.")))
		return event_health_text(arena, kind, facts);
	e = (struct event_text){ .severity = w ? w->severity : EVENT_INFO,
				 .pr_number = json_int(json_get(facts, "prNumber"), 0),
				 .sha = event_fact(facts, "sha"),
				 .url = first_of(event_fact(facts, "url"), event_fact(facts, "inspectorUrl"),
						 event_fact(facts, "prUrl")),
				 .text = event_cut(event_fact(facts, "message"), EVENT_TEXT_MAX) };
	e.title = w ? str_of(w->title) : kind;
	if (e.pr_number)
		e.title = arena_printf(arena, "%.*s: #%lld%s%.*s", STR_FMT(e.title), (long long)e.pr_number,
				       title.n ? " " : "", STR_FMT(title));
	e.title = event_one_line(arena, e.title, EVENT_TITLE_MAX);
	if (e.text.n == 0 && w)
		e.text = str_of(w->text);
	add_lines(arena, &e, facts);
	return e;
}
