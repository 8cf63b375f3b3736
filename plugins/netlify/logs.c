/* The output of a build.
 *
 * It is not in Netlify's OpenAPI document; this is what Netlify's own command line reads.
 * Owns nothing.
 * Easy to break: the whole log comes each time, so the cursor counts its lines. */
#include "netlify.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 2000

/* Without the escape sequences that colour a terminal. */
static const char *plain(opshub_call *call, const struct netlify *n, const char *text)
{
	char *copy, *to;

	if (!strchr(text, '\033'))
		return text;
	copy = to = n->host->alloc(call, strlen(text) + 1);
	while (*text) {
		if (text[0] != '\033') {
			*to++ = *text++;
			continue;
		}
		text += text[1] == '[' ? 2 : 1;
		text += strspn(text, "0123456789;?");
		text += *text != 0;
	}
	return copy;
}

opshub_status logs(opshub_call *call, void *instance, const char *id, const char *cursor, struct opshub_log_page *ret)
{
	const struct netlify *n = instance;
	const struct opshub_host *host = n->host;
	const struct question q = { .method = "GET",
				    .path = host->format(call, "/deploys/%s/log", host->escape_url(call, id)),
				    .purpose = "show a build's output" };
	uint32_t from = (uint32_t)strtoul(cursor, NULL, 10), total;
	struct opshub_log_line *lines;
	struct answer answer;
	opshub_status r = ask(call, n, &q, &answer);

	if (r < 0)
		return r;
	total = host->json_len(call, answer.json);
	lines = host->alloc(call, LINES_MAX * sizeof(*lines));
	for (; from + ret->n_lines < total && ret->n_lines < LINES_MAX; ret->n_lines++) {
		const opshub_json *line = host->json_at(call, answer.json, from + ret->n_lines);
		const char *text = text_of(call, n, line, "message");
		lines[ret->n_lines] = (struct opshub_log_line){
			.at_ms = host->parse_time(call, text_of(call, n, line, "ts")),
			.text = plain(call, n, *text ? text : text_of(call, n, line, "log")),
			.stream = strcmp(text_of(call, n, line, "level"), "error") == 0 ? OPSHUB_STREAM_ERR
											: OPSHUB_STREAM_OUT,
		};
		/* numbers of milliseconds are sent too */
		if (!lines[ret->n_lines].at_ms)
			lines[ret->n_lines].at_ms = host->json_int(call, host->json_get(call, line, "ts"), 0);
	}
	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	ret->next_cursor = host->format(call, "%u", from + ret->n_lines);
	return OPSHUB_OK;
}
