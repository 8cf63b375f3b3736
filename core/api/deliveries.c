/* Webhook deliveries as a project's maintainers see them: what was decided and why; and one taken through the rules
 * once more. */
#include "store/deliveries.h"

#include "api/api.h"
#include "api/event.h"
#include "api/ingest.h"
#include "base/id.h"
#include "crypto/digest.h"

#define DELIVERY_ID_MAX 80

static bool is_delivery(struct str id)
{
	return str_starts(id, STR("hook_")) && id.n <= DELIVERY_ID_MAX;
}

/* "us.id" of the last one seen. */
static bool read_cursor(struct str cursor, struct deliveries_page *page)
{
	struct str us = str_split(&cursor, '.');

	page->before_id = cursor;
	return str_to_int(us, 0, DELIVERIES_NEWEST_US, &page->before_us) && is_delivery(cursor);
}

int deliveries_index(struct exchange *x)
{
	struct deliveries_page page = { .before_us = DELIVERIES_NEWEST_US };
	struct str outcome = http_query(x, "outcome"), cursor;
	struct db_rows rows;
	int r = page_read(x, &page.limit, &cursor, "");

	if (r != OK)
		return r;
	if (cursor.n && !read_cursor(cursor, &page))
		return answer_field(x, 422, "cursor", "is not one of this list's");
	if (outcome.p && !str_eq(outcome, STR("accepted")) && !str_eq(outcome, STR("ignored")) &&
	    !str_eq(outcome, STR("stale")))
		return answer_field(x, 422, "outcome", "must be accepted, ignored or stale");
	page.outcome = outcome;
	r = deliveries_list(x->call, api_of(x)->db, x->params[0], &page, &rows);
	if (r != OK)
		return r;
	page_link(x, &rows, page.limit, "_cursor");
	return answer_rows(x, &rows);
}

static int find(struct exchange *x, struct db_rows *ret)
{
	struct str id = x->params[1];
	int r = OK;

	if (is_delivery(id))
		r = delivery_get(x->call, api_of(x)->db, x->params[0], id, ret);
	if (r == OK && (!is_delivery(id) || ret->n_rows == 0))
		r = call_fail(x->call, E_NOT_FOUND, "there is no delivery %.*s of this project",
			      (int)(id.n < DELIVERY_ID_MAX ? id.n : DELIVERY_ID_MAX), id.p);
	return r;
}

int delivery_show(struct exchange *x)
{
	struct db_rows rows;
	struct json_out out;
	int r = find(x, &rows);

	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	db_row_json(&rows, 0, &out);
	if (out.buf->overflow)
		return OK;
	out.buf->n--; /* the object stays open: its last member was JSON already when it came */
	json_key(&out, "payload");
	json_add_raw(&out, event_stored(x->call, db_text(&rows, 0, "_payload")));
	json_close(&out, '}');
	return OK;
}

/* A new delivery with the body of an old one, for this project alone. The digest is its own: a replay is no copy. */
static struct delivery *replay_of(struct exchange *x, const struct db_rows *rows)
{
	struct delivery *d = arena_alloc(x->call->arena, sizeof(*d));

	d->id = id_text(x->call->arena, "hook_");
	d->replay_of = db_text(rows, 0, "id");
	d->only_project = x->params[0];
	d->org = caller_of(x)->standing.org;
	d->audit_id = audit_id(x).text;
	d->audit_who = audit_who(x).texts;
	d->event = db_text(rows, 0, "event");
	d->payload = db_text(rows, 0, "_payload");
	sha256(&d->id, 1, d->digest);
	return d;
}

static int answer_replay(struct exchange *x, const struct delivery *d)
{
	struct json_out out = http_answer_json(x, 202);

	json_open(&out, '{');
	json_put_bool(&out, "success", true);
	json_put_text(&out, "message", d->reason);
	json_put_text(&out, "deliveryId", d->id);
	json_put_text(&out, "replayOf", d->replay_of);
	json_put_text(&out, "outcome", d->outcome);
	json_close(&out, '}');
	return OK;
}

int delivery_replay(struct exchange *x)
{
	const struct json *body = NULL;
	struct db_rows rows;
	struct delivery *d;
	int r = find(x, &rows);

	if (r != OK)
		return r;
	d = replay_of(x, &rows);
	r = event_parse(x, event_stored(x->call, d->payload), &body);
	if (r == OK)
		r = event_understand(x, body, d);
	if (r == OK && d->approval && !d->pr)
		d->reason = STR("a comment that is replayed approves nothing");
	if (r == OK)
		r = ingest_delivery(x->call, api_of(x)->ingest, d);
	if (r != OK)
		return r;
	log_info("Webhook", "A delivery was replayed", F_STR("delivery", d->replay_of), F_STR("as", d->id),
		 F_STR("projectId", d->only_project), F_STR("outcome", d->outcome), F_STR("by", caller_id(x)));
	return answer_replay(x, d);
}
