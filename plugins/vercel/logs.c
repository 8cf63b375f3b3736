/* What a build has written.
 *
 * Owns nothing. A page goes on where the one before ended, after the event with that time and id: Vercel's `since` has
 * milliseconds, and several events can have the same one. */
#include "vercel.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 1000

struct place {
	int64_t at_ms;
	const char *id;
};

/* "1700000000000:evt_1" */
static struct place place_of(const char *cursor)
{
	char *end = NULL;
	long long at = strtoll(cursor, &end, 10);

	return *cursor && *end == ':' ? (struct place){ at, end + 1 } : (struct place){ 0, "" };
}

static int is_output(const char *type)
{
	return strcmp(type, "stdout") == 0 || strcmp(type, "stderr") == 0 || strcmp(type, "command") == 0 ||
	       strcmp(type, "fatal") == 0;
}

/* The event's own field, or its payload's. */
static const char *field(const struct ask *a, const opshub_json *event, const char *key)
{
	const char *text = text_of(a, event, key);

	return *text ? text : text_of(a, a->host->json_get(a->call, event, "payload"), key);
}

/* The first event of the answer that was not read before. */
static uint32_t first_new(const struct ask *a, const opshub_json *events, uint32_t n, struct place last)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < n; i++) {
		const opshub_json *event = a->host->json_at(a->call, events, i);
		int64_t at = number_of(a, event, "created");

		if (at < last.at_ms || (at == last.at_ms && strcmp(field(a, event, "id"), last.id) == 0))
			first = i + 1;
	}
	return first;
}

static int is_end(const struct ask *a, const opshub_json *event)
{
	const opshub_json *payload = a->host->json_get(a->call, event, "payload");
	const opshub_json *info = a->host->json_get(a->call, payload ? payload : event, "info");
	const char *state = text_of(a, info, "readyState");

	return strcmp(state, "READY") == 0 || strcmp(state, "ERROR") == 0 || strcmp(state, "CANCELED") == 0;
}

static void take(const struct ask *a, const opshub_json *event, struct opshub_log_line *lines,
		 struct opshub_log_page *ret)
{
	const char *type = text_of(a, event, "type"), *text = field(a, event, "text");
	size_t n = strlen(text);

	if (strcmp(type, "deployment-state") == 0 && is_end(a, event))
		ret->is_complete = 1;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (!is_output(type) || n == 0)
		return;
	lines[ret->n_lines++] = (struct opshub_log_line){
		.at_ms = number_of(a, event, "created"),
		.text = text[n] ? a->host->format(a->call, "%.*s", (int)n, text) : text,
		.stream = type[0] == 's' && strcmp(type, "stdout") == 0 ? OPSHUB_STREAM_OUT
			  : type[0] == 'c'                              ? OPSHUB_STREAM_OUT
									: OPSHUB_STREAM_ERR,
	};
}

opshub_status vercel_logs(opshub_call *call, void *instance, const char *id, const char *cursor,
			  struct opshub_log_page *ret)
{
	struct ask a = ask_begin(call, instance, "show the build log");
	struct place last = place_of(cursor);
	struct opshub_log_line *lines;
	const opshub_json *events = NULL;
	uint32_t n, i;
	opshub_status r = ask_get(
		&a,
		a.host->format(call, "/v3/deployments/%s/events?builds=1&direction=forward&limit=%d&since=%lld",
			       segment(&a, id), LINES_MAX, (long long)last.at_ms),
		&events);

	if (r < 0)
		return r;
	n = a.host->json_type(call, events) == OPSHUB_JSON_ARRAY ? a.host->json_len(call, events) : 0;
	lines = a.host->alloc(call, (LINES_MAX + 1) * sizeof(*lines));
	ret->next_cursor = cursor;
	for (i = first_new(&a, events, n, last); i < n && ret->n_lines < LINES_MAX; i++) {
		const opshub_json *event = a.host->json_at(call, events, i);

		take(&a, event, lines, ret);
		ret->next_cursor = a.host->format(call, "%lld:%.200s", (long long)number_of(&a, event, "created"),
						  field(&a, event, "id"));
	}
	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	return OPSHUB_OK;
}
