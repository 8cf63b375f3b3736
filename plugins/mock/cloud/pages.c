/* The previews: GET /p/<deployment id>/ and the address that stays, GET /p/<project>-pr-<number>/.
 *
 * Owns nothing. Easy to break: the texts come from pull requests, so every one is escaped before it becomes HTML. */
#include "cloud.h"

#include "base/clock.h"

#include <string.h>

#define PAGE_BYTES (64 * 1024)

static void add_escaped(struct buf *page, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '<':
			buf_add_str(page, STR("&lt;"));
			break;
		case '>':
			buf_add_str(page, STR("&gt;"));
			break;
		case '&':
			buf_add_str(page, STR("&amp;"));
			break;
		case '"':
			buf_add_str(page, STR("&quot;"));
			break;
		default:
			buf_add_char(page, text.p[i]);
		}
	}
}

static void add_row(struct buf *page, const char *label, struct str value)
{
	buf_printf(page, "<dt>%s</dt><dd>", label);
	add_escaped(page, value);
	buf_add_str(page, STR("</dd>\n"));
}

static void write_page(struct buf *page, const struct deployment *d)
{
	struct buf n;

	buf_init(&n, 24);
	buf_add_int(&n, d->pr_number);
	buf_add_str(page, STR("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Preview of "));
	add_escaped(page, d->project);
	buf_add_str(page,
		    STR("</title>\n<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;"
			"padding:0 1rem}dt{color:#666}dd{margin:0 0 .75rem}</style></head>\n<body><h1>"));
	add_escaped(page, d->title.n ? d->title : d->project);
	buf_add_str(page, STR("</h1>\n<p>This is a preview made by the mock provider.</p>\n<dl>"));
	add_row(page, "Project", d->project);
	add_row(page, "Repository", d->repo);
	add_row(page, "Pull request", buf_str(&n));
	add_row(page, "Branch", d->branch);
	add_row(page, "Commit", d->sha);
	add_row(page, "Deployment", str_of(d->id));
	buf_add_str(page, STR("</dl></body></html>\n"));
	buf_done(&n);
}

static bool has_alias(const struct deployment *d, struct str name)
{
	struct buf alias;
	bool is_same;

	buf_init(&alias, 512);
	deployment_alias(d, &alias);
	is_same = str_eq(buf_str(&alias), name);
	buf_done(&alias);
	return is_same;
}

/* The newest READY one behind an alias; *ret_known says that the alias ever existed. */
static const struct deployment *behind_alias(struct cloud *cloud, struct str name, int64_t now_ms, bool *ret_known)
{
	*ret_known = false;
	for (size_t i = store_size(cloud->store); i-- > 0;) {
		const struct deployment *d = store_at(cloud->store, i);
		if (!has_alias(d, name))
			continue;
		*ret_known = true;
		if (deployment_stage(d, now_ms) == STAGE_READY)
			return d;
	}
	return NULL;
}

void page_answer(struct cloud *cloud, const struct request *request, struct answer *ret)
{
	struct str rest = request->path, name;
	int64_t now_ms = clock_wall_ms();
	const struct deployment *d;
	bool is_known;

	str_split(&rest, '/');
	str_split(&rest, '/');
	name = str_split(&rest, '/');
	buf_init(&ret->body, PAGE_BYTES);
	ret->type = "text/html; charset=utf-8";
	d = store_find(cloud->store, name);
	is_known = d != NULL;
	if (!d)
		d = behind_alias(cloud, name, now_ms, &is_known);
	if (d && deployment_stage(d, now_ms) == STAGE_READY) {
		ret->status = 200;
		write_page(&ret->body, d);
		return;
	}
	ret->status = d && d->destroyed_ms ? 410 : !d && is_known ? 410 : 404;
	buf_add_str(&ret->body, ret->status == 410
					? STR("<!doctype html><title>Gone</title><p>This preview was removed.</p>\n")
					: STR("<!doctype html><title>Not found</title><p>There is no preview "
					      "here, or it is still being built.</p>\n"));
}
