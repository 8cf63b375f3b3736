/* The one comment of a pull request: made at its first useful state, edited ever after.
 *
 * Owns nothing. Easy to break: everything in an event may come from a stranger's branch name or build, so it is escaped
 * for Markdown, and @ and # are parted from what follows, which would call people or link issues. */
#include "github.h"

#include <string.h>

#define PAGE       50 /* a comment has at most 64 KiB, so a page stays below the answer's limit */
#define PAGES_MAX  20
#define TEXT_MAX   4000
#define VALUE_MAX  500
#define FIELDS_MAX 20
#define NEEDS      "Pull requests: write"

static const char *marker_of(struct work *work)
{
	return work->host->format(work->call, "<!-- opshub %s -->", work->event->thread_key);
}

/* ---- text ---- */

/* Where a text of at most max bytes ends without cutting a character. */
static size_t end_of(const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);

	if (n <= max)
		return n;
	for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

static const char *escaped(struct work *work, const char *text, size_t max)
{
	size_t n = end_of(text, max), at = 0;
	char *out = work->host->alloc(work->call, 4 * n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '\n') {
			memcpy(out + at, "<br>", 4);
			at += 4;
		} else if (c < 0x20 || c == 0x7f) {
			out[at++] = ' ';
		} else if (c == '@' || c == '#') {
			out[at++] = (char)c;
			memcpy(out + at, "\xe2\x80\x8b", 3); /* a space without width */
			at += 3;
		} else {
			if (c < 0x80 && strchr("\\`*_{}[]()<>+-.!|~&$:=/\"'", c))
				out[at++] = '\\';
			out[at++] = (char)c;
		}
	}
	out[at] = 0;
	return out;
}

/* An address stays one that can be clicked; what is none is text. */
static const char *value_text(struct work *work, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#%&=+,;@";
	size_t n = strlen(value);

	if ((strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0) && n < VALUE_MAX &&
	    strspn(value, plain) == n)
		return work->host->format(work->call, "<%s>", value);
	return escaped(work, value, VALUE_MAX);
}

static const char *body_of(struct work *work)
{
	const struct opshub_host *host = work->host;
	const struct opshub_event *event = work->event;
	opshub_call *call = work->call;
	const char *text = host->format(call, "%s\n**%s**\n", marker_of(work), escaped(work, event->title, VALUE_MAX));

	if (*event->text)
		text = host->format(call, "%s\n%s\n", text, escaped(work, event->text, TEXT_MAX));
	if (event->n_fields)
		text = host->format(call, "%s\n| %s | |\n| --- | --- |\n", text,
				    escaped(work, event->project, VALUE_MAX));
	for (uint32_t i = 0; i < event->n_fields && i < FIELDS_MAX; i++) {
		const struct opshub_event_field *field = (const void *)((const char *)event->fields +
									(size_t)i * event->field_size);
		text = host->format(call, "%s| %s | %s |\n", text, escaped(work, field->label, VALUE_MAX),
				    value_text(work, field->value));
	}
	return text;
}

static opshub_status put(struct work *work, const char *method, const char *path, const opshub_json **ret,
			 uint32_t *ret_status)
{
	const struct opshub_host *host = work->host;
	opshub_json_out *out = host->json_begin(work->call);
	struct request request = {
		.method = method,
		.path = path,
		.doing = "write the comment",
		.needs = NEEDS,
		.is_repeatable = strcmp(method, "PATCH") == 0,
	};

	host->json_open(work->call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(work->call, out, "body", body_of(work));
	host->json_close(work->call, out);
	request.body = host->json_end(work->call, out, &request.body_size);
	return request.body ? ask_repository(work, &request, ret, ret_status) : OPSHUB_E_INTERNAL;
}

/* ---- finding ---- */

static const char *id_text(struct work *work, const opshub_json *comment)
{
	const struct opshub_host *host = work->host;
	int64_t id = host->json_int(work->call, host->json_get(work->call, comment, "id"), 0);

	return host->format(work->call, "%lld", (long long)id);
}

/* The oldest one that begins with the marker: a copy that somebody made is younger. *ret is NULL when there is none,
 * *ret_sure is 0 when there are more comments than we read. */
static opshub_status find(struct work *work, const char **ret, int *ret_sure)
{
	const struct opshub_host *host = work->host;
	const char *marker = marker_of(work);

	*ret = NULL;
	*ret_sure = 1;
	for (int page = 1; page <= PAGES_MAX; page++) {
		const struct request request = {
			.path = host->format(work->call, "/issues/%lld/comments?per_page=%d&page=%d",
					     (long long)work->event->pr_number, PAGE, page),
			.doing = "list the comments",
			.needs = NEEDS,
		};
		const opshub_json *all = NULL;
		opshub_status r = ask_repository(work, &request, &all, NULL);

		if (r < 0)
			return r;
		for (uint32_t i = 0; i < host->json_len(work->call, all); i++) {
			const opshub_json *one = host->json_at(work->call, all, i);
			const char *body = host->json_str(work->call, host->json_get(work->call, one, "body"), "");

			if (strncmp(body, marker, strlen(marker)) != 0)
				continue;
			*ret = id_text(work, one);
			return OPSHUB_OK;
		}
		if (host->json_len(work->call, all) < PAGE)
			return OPSHUB_OK;
	}
	*ret_sure = 0;
	return OPSHUB_OK;
}

opshub_status comment_edit(struct work *work, const char *id)
{
	const struct opshub_host *host = work->host;
	const char *path = host->format(work->call, "/issues/comments/%s", host->escape_url(work->call, id));
	const opshub_json *answer = NULL;
	uint32_t status = 0;
	opshub_status r = put(work, "PATCH", path, &answer, &status);

	if (r < 0 && (status == 404 || status == 410))
		return host->fail(work->call, OPSHUB_E_NOT_FOUND, "The comment is not there any more");
	return r;
}

opshub_status comment_show(struct work *work, int may_make, const char **ret_id)
{
	const struct opshub_host *host = work->host;
	const opshub_json *answer = NULL;
	const char *path;
	int is_sure = 1;
	opshub_status r = find(work, ret_id, &is_sure);

	if (r < 0)
		return r;
	if (*ret_id)
		return comment_edit(work, *ret_id);
	if (!may_make)
		return OPSHUB_OK;
	if (!is_sure) {
		host->log(work->call, OPSHUB_LOG_WARN,
			  "The pull request has more than 1000 comments: none of ours is added");
		return OPSHUB_OK;
	}
	path = host->format(work->call, "/issues/%lld/comments", (long long)work->event->pr_number);
	r = put(work, "POST", path, &answer, NULL);
	if (r == OPSHUB_OK)
		*ret_id = id_text(work, answer);
	return r;
}
