/* The copies behind answers.h.
 *
 * Owns nothing; everything goes to the call's arena.
 * Easy to break: counts and strides come from the plugin. Each is bounded before the first element is read, and an
 * element is read no further than the plugin's own size of it. */
#include "plugin/answers.h"

#include <link.h>
#include <string.h>

#define ID_BYTES      200
#define URL_BYTES     2048
#define MESSAGE_BYTES 900
#define CURSOR_BYTES  500
#define LINE_BYTES    8192
#define HEADERS       16
#define LINES         2000
#define ITEMS         500
#define REPORT_LINES  32
#define POLL_MAX_MS   (60 * 60 * 1000)

#define DEPLOYMENT_SIZE_1_0 (offsetof(struct opshub_deployment, probe_headers) + sizeof(void *))

static int wrong(struct opshub_call *c, const char *what)
{
	c->has_failed = true;
	c->plugins->faults++;
	return call_fail(c->call, E_INTERNAL, "Provider plugin %s broke the rules in %s: %s", c->plugin->about.name,
			 c->operation, what);
}

/* Element i of a list of n, read as ours: zero where the plugin's struct is shorter. */
static void element(const void *list, uint32_t i, uint32_t stride, void *ret, size_t size)
{
	memset(ret, 0, size);
	memcpy(ret, (const char *)list + (size_t)i * stride, stride < size ? stride : size);
}

static bool list_is_sound(const void *list, uint32_t n, uint32_t max, uint32_t stride, size_t least)
{
	return n == 0 || (n <= max && list && stride >= least);
}

/* Does the address lie in a loaded object: is it static? */
static int covers(struct dl_phdr_info *object, size_t size, void *address)
{
	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type == PT_LOAD && (uintptr_t)address - object->dlpi_addr - part->p_vaddr < part->p_memsz)
			return 1;
	}
	return 0;
}

static void look_at(struct opshub_call *c, const char *theirs)
{
	if (c->plugins->is_strict && theirs && !arena_holds(c->call->arena, theirs) &&
	    !dl_iterate_phdr(covers, (void *)(uintptr_t)theirs))
		c->gave_foreign = true;
}

static struct str text(struct opshub_call *c, const char *theirs, size_t max)
{
	look_at(c, theirs);
	return foreign_text(c->call->arena, theirs, max);
}

/* For texts that people read. */
static struct str said(struct opshub_call *c, const char *theirs, size_t max)
{
	look_at(c, theirs);
	return foreign_redacted(c->call, theirs, max);
}

/* Addresses are shown as links: nothing but http and https. */
static struct str address(struct opshub_call *c, const char *theirs)
{
	struct str url = text(c, theirs, URL_BYTES);

	return str_starts(url, STR("https://")) || str_starts(url, STR("http://")) ? url : STR("");
}

static int probe_headers(struct opshub_call *c, const struct opshub_deployment *theirs, struct deployment *ret)
{
	struct net_header *headers;

	if (!list_is_sound(theirs->probe_headers, theirs->n_probe_headers, HEADERS, theirs->probe_header_size,
			   sizeof(struct opshub_http_header)))
		return wrong(c, "probe_headers has more than 16 elements or no size");
	headers = arena_alloc(c->call->arena, (theirs->n_probe_headers + 1) * sizeof(*headers));
	for (uint32_t i = 0; i < theirs->n_probe_headers; i++) {
		struct opshub_http_header h;
		element(theirs->probe_headers, i, theirs->probe_header_size, &h, sizeof(h));
		headers[i] = (struct net_header){ text(c, h.name, ID_BYTES), text(c, h.value, URL_BYTES) };
	}
	ret->probe_headers = headers;
	ret->n_probe_headers = theirs->n_probe_headers;
	return OK;
}

int answer_deployment(struct opshub_call *c, const struct opshub_deployment *theirs, struct deployment *ret)
{
	struct deployment d = {
		.state = theirs->state <= OPSHUB_STATE_GONE ? (enum deployment_state)theirs->state : DEPLOYMENT_UNKNOWN,
		.reason = theirs->reason <= OPSHUB_REASON_CONFIG ? (enum deployment_reason)theirs->reason
								 : REASON_PROVIDER,
		.id = text(c, theirs->id, ID_BYTES),
		.url = address(c, theirs->url),
		.stable_url = address(c, theirs->stable_url),
		.inspector_url = address(c, theirs->inspector_url),
		.message = said(c, theirs->message, MESSAGE_BYTES),
		.commit_sha = text(c, theirs->commit_sha, 64),
		.attempt_id = text(c, theirs->attempt_id, ID_BYTES),
		.poll_after_ms = theirs->poll_after_ms < 0             ? 0
				 : theirs->poll_after_ms > POLL_MAX_MS ? POLL_MAX_MS
								       : theirs->poll_after_ms,
		.created_at_ms = theirs->created_at_ms > 0 ? theirs->created_at_ms : 0,
	};
	int r;

	if (d.id.n == 0 || strnlen(theirs->id, ID_BYTES + 1) > ID_BYTES)
		return wrong(c, "the deployment has no id, or one longer than 200 bytes");
	if (d.state == DEPLOYMENT_READY && d.url.n == 0)
		return wrong(c, "the deployment is READY without an http or https url");
	r = probe_headers(c, theirs, &d);
	if (r == OK)
		*ret = d;
	return r;
}

int answer_list(struct opshub_call *c, const struct opshub_deployment_page *theirs, struct deployment_list *ret)
{
	struct deployment *items;
	int r;

	if (!list_is_sound(theirs->items, theirs->n_items, ITEMS, theirs->item_size, DEPLOYMENT_SIZE_1_0))
		return wrong(c, "the page has more than 500 items or no item_size");
	items = arena_alloc(c->call->arena, (theirs->n_items + 1) * sizeof(*items));
	for (uint32_t i = 0; i < theirs->n_items; i++) {
		struct opshub_deployment d;
		element(theirs->items, i, theirs->item_size, &d, sizeof(d));
		r = answer_deployment(c, &d, &items[i]);
		if (r < 0)
			return r;
		if (items[i].attempt_id.n == 0)
			return wrong(c, "an item of the list has no attempt id: list only what carries one");
	}
	*ret = (struct deployment_list){ items, theirs->n_items, text(c, theirs->next_cursor, CURSOR_BYTES) };
	return OK;
}

int answer_log(struct opshub_call *c, const struct opshub_log_page *theirs, struct build_log *ret)
{
	struct build_line *lines;

	if (!list_is_sound(theirs->lines, theirs->n_lines, LINES, theirs->line_size, sizeof(struct opshub_log_line)))
		return wrong(c, "the page has more than 2,000 lines or no line_size");
	lines = arena_alloc(c->call->arena, (theirs->n_lines + 1) * sizeof(*lines));
	for (uint32_t i = 0; i < theirs->n_lines; i++) {
		struct opshub_log_line line;
		element(theirs->lines, i, theirs->line_size, &line, sizeof(line));
		lines[i] = (struct build_line){ line.at_ms > 0 ? line.at_ms : 0, said(c, line.text, LINE_BYTES),
						line.stream == OPSHUB_STREAM_ERR };
	}
	*ret = (struct build_log){ lines, theirs->n_lines, text(c, theirs->next_cursor, CURSOR_BYTES),
				   theirs->is_complete != 0 };
	return OK;
}

int answer_report(struct opshub_call *c, const struct opshub_report *theirs, struct report *ret)
{
	uint32_t n = theirs->n_lines < REPORT_LINES ? theirs->n_lines : REPORT_LINES;
	struct report_line *lines;

	if (!list_is_sound(theirs->lines, n, REPORT_LINES, theirs->line_size, sizeof(struct opshub_report_line)))
		return wrong(c, "the report has lines but no line_size");
	lines = arena_alloc(c->call->arena, (n + 1) * sizeof(*lines));
	for (uint32_t i = 0; i < n; i++) {
		struct opshub_report_line line;
		element(theirs->lines, i, theirs->line_size, &line, sizeof(line));
		lines[i] = (struct report_line){ text(c, line.label, ID_BYTES), said(c, line.text, MESSAGE_BYTES),
						 line.state <= OPSHUB_REPORT_FAIL ? line.state : OPSHUB_REPORT_WARN };
	}
	*ret = (struct report){ text(c, theirs->account, ID_BYTES), lines, n };
	return OK;
}
