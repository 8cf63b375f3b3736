/* Events in words. */
#include "model/event.h"

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

static struct str fact(const struct json *facts, const char *key)
{
	return json_text(json_get(facts, key), STR(""));
}

/* At most max bytes, cut between characters. */
static struct str cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct str){ s.p, max };
}

/* Titles and branches are anybody's: a line break in one must not make a line of its own. */
static struct str one_line(struct arena *arena, struct str s, size_t max)
{
	struct str line = cut(s, max);
	char *text = arena_text(arena, line);

	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	return (struct str){ text, line.n };
}

static void add_line(struct arena *arena, struct event_text *e, const char *label, struct str value)
{
	if (value.n && e->n_lines < EVENT_FIELDS_MAX)
		e->lines[e->n_lines++] = (struct event_line){ label, one_line(arena, value, EVENT_VALUE_MAX) };
}

static struct str first_of(struct str a, struct str b, struct str c)
{
	return a.n ? a : b.n ? b : c;
}

static void add_lines(struct arena *arena, struct event_text *e, const struct json *facts)
{
	add_line(arena, e, "Status", fact(facts, "status"));
	add_line(arena, e, "Detail", fact(facts, "detail"));
	add_line(arena, e, "Reason", fact(facts, "errorReason"));
	add_line(arena, e, "Branch", fact(facts, "branch"));
	add_line(arena, e, "Commit", cut(e->sha, 12));
	add_line(arena, e, "Author", fact(facts, "author"));
	add_line(arena, e, "Provider", fact(facts, "provider"));
	add_line(arena, e, "Preview", fact(facts, "url"));
	add_line(arena, e, "Build", fact(facts, "inspectorUrl"));
	add_line(arena, e, "Pull request", fact(facts, "prUrl"));
	add_line(arena, e, "Deployment", fact(facts, "deploymentId"));
	add_line(arena, e, "Variable", fact(facts, "variable"));
	add_line(arena, e, "Environment", fact(facts, "environment"));
	add_line(arena, e, "Policy", fact(facts, "policy"));
}

struct event_text event_text(struct arena *arena, struct str kind, const struct json *facts)
{
	const struct wording *w = wording_of(kind);
	struct event_text e = { .severity = w ? w->severity : EVENT_INFO,
				.pr_number = json_int(json_get(facts, "prNumber"), 0),
				.sha = fact(facts, "sha"),
				.url = first_of(fact(facts, "url"), fact(facts, "inspectorUrl"), fact(facts, "prUrl")),
				.text = cut(fact(facts, "message"), EVENT_TEXT_MAX) };
	struct str title = fact(facts, "title");

	e.title = w ? str_of(w->title) : kind;
	if (e.pr_number)
		e.title = arena_printf(arena, "%.*s: #%lld%s%.*s", STR_FMT(e.title), (long long)e.pr_number,
				       title.n ? " " : "", STR_FMT(title));
	e.title = one_line(arena, e.title, EVENT_TITLE_MAX);
	if (e.text.n == 0 && w)
		e.text = str_of(w->text);
	add_lines(arena, &e, facts);
	return e;
}
