/* What a webhook's body says. */
#include "api/event.h"

#include "http/query.h"

/* ---- format ---- */

struct str event_form(struct call *call, struct str body)
{
	struct str rest = body, pair, found = { 0 };
	char *text;
	size_t n;

	while (rest.n) {
		pair = str_split(&rest, '&');
		if (!str_starts(pair, STR("payload=")))
			continue;
		if (found.p)
			return (struct str){ 0 };
		found = (struct str){ pair.p + 8, pair.n - 8 };
	}
	text = arena_raw(call->arena, found.n + 1);
	return found.p && percent_decode(found, true, text, &n) ? (struct str){ text, n } : (struct str){ 0 };
}

struct str event_stored(struct call *call, struct str body)
{
	size_t at = 0;

	while (at < body.n && (body.p[at] == ' ' || body.p[at] == '\t' || body.p[at] == '\r' || body.p[at] == '\n'))
		at++;
	return at < body.n && body.p[at] == '{' ? body : event_form(call, body);
}

int event_parse(struct exchange *x, struct str text, const struct json **ret)
{
	const struct json_limits limits = { .max_text = text.n + 1, .borrow = true }; /* the body is limited already */
	const char *why = "";

	*ret = json_parse(x->call->arena, text, &limits, &why);
	if (!*ret)
		return answer_field(x, 400, "body", why);
	if ((*ret)->kind != JSON_OBJECT)
		return answer_field(x, 400, "body", "is not a JSON object");
	return OK;
}

/* ---- facts ---- */

static struct str lower(struct arena *arena, struct str s)
{
	char *copy = arena_text(arena, s);

	text_to_lower(copy, s.n);
	return (struct str){ copy, s.n };
}

static int ignore(struct delivery *d, struct str reason)
{
	d->outcome = STR("ignored");
	d->reason = reason;
	d->decisions = STR("[]");
	return OK;
}

static int understand_comment(struct delivery *d, struct arena *arena, const struct json *body)
{
	struct approval_request *approval = arena_alloc(arena, sizeof(*approval));

	if (!approval_in_comment(body, approval))
		return ignore(d, STR("the comment asks for nothing"));
	d->approval = approval;
	ignore(d, STR("it asks to approve a fork: the deployment's events say what came of it"));
	d->outcome = STR("accepted");
	return OK;
}

int event_understand(struct exchange *x, const struct json *body, struct delivery *d)
{
	struct arena *arena = x->call->arena;
	struct approval_request *approval;
	struct pull_request *pr;
	const char *field = "", *why = "";

	d->action = json_text(json_get(body, "action"), (struct str){ "", 0 });
	d->repo = json_text(json_get(json_get(body, "repository"), "full_name"), (struct str){ "", 0 });
	if (d->action.n > 64 || d->repo.n > 256)
		return answer_field(x, 400, d->action.n > 64 ? "action" : "repository.full_name", "is too long");
	d->repo = lower(arena, d->repo);
	if (str_eq(d->event, STR("ping")))
		return ignore(d, STR("ping: the webhook is set up"));
	if (str_eq(d->event, STR("issue_comment")))
		return understand_comment(d, arena, body);
	/* what a sweep found is said like a pull_request event; from outside nothing is called so */
	if (!str_eq(d->event, STR("pull_request")) && !(d->replay_of.n && str_eq(d->event, STR("sweep"))))
		return ignore(d, arena_printf(arena, "the event %.*s does not change a preview", STR_FMT(d->event)));
	pr = arena_alloc(arena, sizeof(*pr));
	if (!pull_request_read(body, pr, &field, &why))
		return answer_field(x, 400, field, why);
	if (!pull_request_action_matters(pr->action))
		return ignore(d, arena_printf(arena, "the action %.*s does not change a preview", STR_FMT(pr->action)));
	d->pr = pr;
	approval = arena_alloc(arena, sizeof(*approval));
	if (approval_in_label(pr, approval))
		d->approval = approval;
	return OK;
}
