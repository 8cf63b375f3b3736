/* POST /webhooks/github: signature, then format, then facts, then one commit; nothing is done here, only written down.
 */
#include "api/api.h"
#include "api/event.h"
#include "api/ingest.h"
#include "crypto/digest.h"
#include "crypto/webhook_signature.h"
#include "kv/waiting.h"
#include "store/approvals.h"

/* Header values as GitHub makes them: an event name, a GUID. */
static bool is_word(struct str s, size_t max)
{
	if (s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return true;
}

static int check_signature(struct exchange *x)
{
	const struct api_options *o = &api_of(x)->o;
	struct str signature = http_request_header(x, "x-hub-signature-256");
	int r;

	if (http_request_header_count(x, "x-hub-signature-256") == 1 &&
	    webhook_signature_ok(signature, x->body, o->webhook_secrets, o->webhook_secrets[1].n ? 2 : 1))
		return OK;
	r = limits_of_unsigned(x);
	if (r != OK)
		return r;
	return http_answer_error(
		x, 401, STR("the signature in X-Hub-Signature-256 does not fit the body and the webhook secret"));
}

/* The JSON in the body, by its content type. */
static int read_body(struct exchange *x, struct str *ret)
{
	struct str type = http_request_header(x, "content-type"), text = x->body;

	type = str_trim(str_split(&type, ';'));
	if (str_eq_nocase(type, STR("application/x-www-form-urlencoded")))
		text = event_form(x->call, x->body);
	else if (!str_eq_nocase(type, STR("application/json")))
		return http_answer_error(x, 415,
					 STR("the webhook's content type must be application/json or "
					     "application/x-www-form-urlencoded"));
	if (!text.p)
		return answer_field(x, 400, "payload", "is not in the form exactly once, or not well encoded");
	*ret = text;
	return OK;
}

/* Before the delivery is stored: if that fails it is delivered again, and what was asked already is asked once. */
static int ask_for_approval(struct exchange *x, const struct delivery *d)
{
	struct api *api = api_of(x);
	struct str job = { 0 };
	int r = approval_ask(x->call, api->db, d->id, d->approval, &job);

	if (r == OK && job.n)
		waiting_push(api->kv, STR("preview-queue"), &job, 1);
	return r;
}

/* ---- the answer ---- */

static int answer_delivery(struct exchange *x, const struct delivery *d)
{
	bool ping = str_eq(d->event, STR("ping"));
	struct json_out out = http_answer_json(x, d->duplicate || ping ? 200 : 202);
	struct str message = d->duplicate ? STR("this delivery is known already") : d->reason;

	json_open(&out, '{');
	json_put_bool(&out, "success", true);
	json_put_text(&out, "message", message);
	json_put_text(&out, "deliveryId", d->known_id);
	json_put_text(&out, "outcome", d->duplicate ? STR("duplicate") : d->outcome);
	if (d->duplicate)
		json_put_bool(&out, "duplicate", true);
	json_close(&out, '}');
	return OK;
}

int webhook_github(struct exchange *x)
{
	struct str event = http_request_header(x, "x-github-event"), guid = http_request_header(x, "x-github-delivery");
	struct delivery *d;
	const struct json *body = NULL;
	struct str text;
	int r = check_signature(x);

	if (r != OK)
		return r;
	if (!is_word(event, 64))
		return answer_field(x, 400, "X-GitHub-Event", "is missing or not an event's name");
	if (!is_word(guid, 64))
		return answer_field(x, 400, "X-GitHub-Delivery", "is missing or not a delivery's id");
	r = read_body(x, &text);
	if (r == OK)
		r = event_parse(x, text, &body);
	if (r != OK)
		return r;
	d = arena_alloc(x->call->arena, sizeof(*d));
	d->id = arena_printf(x->call->arena, "hook_%.*s", STR_FMT(guid));
	d->event = event;
	d->payload = x->body;
	/* The signature has been checked: it stands for the body, whose 21 KB need not be hashed a second time. The
	 * separator cannot occur in an event's name, so no other pair gives the same bytes. */
	sha256((const struct str[]){ event, STR("\n"), http_request_header(x, "x-hub-signature-256") }, 3, d->digest);
	r = event_understand(x, body, d);
	if (r != OK)
		return r;
	r = d->approval ? ask_for_approval(x, d) : OK;
	if (r == OK)
		r = ingest_delivery(x->call, api_of(x)->ingest, d);
	return r == OK ? answer_delivery(x, d) : r;
}
