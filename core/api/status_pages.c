/* Status pages: their settings, and the pages themselves, which need no login. */
#include "store/status_pages.h"

#include "api/input.h"
#include "api/status_cache.h"
#include "api/status_view.h"
#include "base/id.h"

#define TITLE_MAX 120
#define SLUG_MIN  3
#define SLUG_MOST 64
#define LABEL_MAX 64

/* ---- settings ---- */

int status_page_show(struct exchange *x)
{
	struct db_rows rows;
	int r = status_page_settings(x->call, api_of(x)->db, x->params[0],
				     arena_printf(x->call->arena, "%.*s/status/", STR_FMT(api_of(x)->o.base_url)),
				     &rows);

	return r == OK ? answer_row(x, &rows) : r;
}

static void read_slug(struct input *in, struct str *ret)
{
	struct str slug = { 0 };

	if (!input_text(in, "slug", INPUT_REQUIRED, SLUG_MIN, SLUG_MOST, &slug))
		return;
	for (size_t i = 0; i < slug.n; i++) {
		bool dash = slug.p[i] == '-';

		if ((dash && (i == 0 || i == slug.n - 1)) ||
		    !(dash || (slug.p[i] >= 'a' && slug.p[i] <= 'z') || (slug.p[i] >= '0' && slug.p[i] <= '9'))) {
			input_fault(in, "slug", "must be of a to z, 0 to 9, and dashes between them");
			return;
		}
	}
	*ret = slug;
}

static void read_checks(struct input *in, struct status_page_change *ret)
{
	const struct json *value = input_value(in, "checkIds", INPUT_NULLABLE);
	struct str *ids;

	if (!value)
		return;
	if (value->kind != JSON_ARRAY || value->n > STATUS_CHECKS_MAX) {
		input_fault(in, "checkIds", "must be a list of at most 100 ids, or null for all checks");
		return;
	}
	ids = arena_alloc(in->x->call->arena, (value->n + 1) * sizeof(*ids));
	for (const struct json *item = value->child; item; item = item->next) {
		if (!id_valid(json_text(item, STR("")), "check_")) {
			input_fault(in, "checkIds", "must hold ids of health checks, check_...");
			return;
		}
		ids[ret->n_checks++] = item->text;
	}
	ret->checks = ids;
}

int status_page_put(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct status_page_change change = { 0 };
	struct str unknown = { 0 };
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	input_bool(&in, "enabled", INPUT_REQUIRED, &change.enabled);
	read_slug(&in, &change.slug);
	input_name(&in, "title", INPUT_NULLABLE, TITLE_MAX, &change.title);
	read_checks(&in, &change);
	r = input_close(&in);
	if (r == OK)
		r = status_page_save(x->call, api_of(x)->db, x->params[0], &change, &audit, &unknown);
	if (r == E_INVALID && unknown.n)
		return answer_field(
			x, 422, "checkIds",
			arena_text(x->call->arena,
				   arena_printf(x->call->arena, "holds %.*s, which is no check of this project",
						(int)(unknown.n < 64 ? unknown.n : 64), unknown.p)));
	return r == OK ? status_page_show(x) : r;
}

/* ---- pages ---- */

static void answer_public(struct exchange *x, const char *type, struct str policy, const struct buf *body)
{
	x->answer.status = 200;
	x->answer.type = type;
	http_answer_header(x, "cache-control", STR("public, max-age=30"));
	if (policy.n)
		http_answer_header(x, "content-security-policy", policy);
	buf_add_str(&x->answer.body, buf_str(body));
	x->answer.body.overflow |= body->overflow;
}

int status_page_html(struct exchange *x)
{
	const struct status_page *page;
	int r = status_page_read(x, x->params[0], &page);

	if (r == OK)
		answer_public(x, "text/html; charset=utf-8", status_policy(), &page->html);
	return r;
}

int status_page_json(struct exchange *x)
{
	const struct status_page *page;
	int r = status_page_read(x, x->params[0], &page);

	if (r == OK)
		answer_public(x, NULL, (struct str){ 0 }, &page->json);
	return r;
}

/* Of the page, or with ?check= of one of its checks. */
int status_page_badge(struct exchange *x)
{
	struct str id = http_query(x, "check"), label = http_query(x, "label"), name;
	const struct status_page *page;
	enum status_state state;
	struct buf svg;
	int r;

	if (label.p && (label.n == 0 || label.n > LABEL_MAX || !str_is_text(label)))
		return answer_field(x, 422, "label", "must be a text of 1 to 64 bytes");
	r = status_page_read(x, x->params[0], &page);
	if (r != OK)
		return r;
	state = page->state;
	name = page->title;
	for (size_t i = 0; id.p && i <= page->n_checks; i++) {
		if (i == page->n_checks)
			return call_fail(x->call, E_NOT_FOUND, "there is no such check on this status page");
		state = page->checks[i].state;
		name = page->checks[i].name;
		if (str_eq(page->checks[i].id, id))
			break;
	}
	buf_init(&svg, 8192);
	status_badge(label.p ? label : name, state, &svg);
	answer_public(x, "image/svg+xml", (struct str){ 0 }, &svg);
	http_answer_header(x, "cross-origin-resource-policy",
			   STR("cross-origin")); /* it is made to be shown elsewhere */
	buf_done(&svg);
	return OK;
}
