/* The commit status: one line beside the commit, with the reason. */
#include "github.h"

#include <string.h>

#define CHARACTERS 140

const char *short_text(struct work *work, const char *text)
{
	size_t at = 0, characters = 0, fits = 0;

	for (; text[at]; at++) {
		if (((unsigned char)text[at] & 0xc0) == 0x80)
			continue;
		if (characters == CHARACTERS - 3)
			fits = at;
		if (characters++ == CHARACTERS)
			return work->host->format(work->call, "%.*s...", (int)fits, text);
	}
	return text;
}

opshub_status status_show(struct work *work, const char *state, const char *description)
{
	const struct opshub_host *host = work->host;
	opshub_call *call = work->call;
	struct request request = {
		.method = "POST",
		.path = host->format(call, "/statuses/%s", host->escape_url(call, work->event->sha)),
		.doing = "set the commit status",
		.needs = "Commit statuses: write",
		.is_repeatable = 1,
	};
	opshub_json_out *out = host->json_begin(call);
	const opshub_json *answer = NULL;

	host->json_open(call, out, NULL, OPSHUB_JSON_OBJECT);
	host->json_put_str(call, out, "state", state);
	host->json_put_str(call, out, "context", host->format(call, "opshub/%s", work->event->project));
	host->json_put_str(call, out, "description", description);
	if (*work->event->url)
		host->json_put_str(call, out, "target_url", work->event->url);
	host->json_close(call, out);
	request.body = host->json_end(call, out, &request.body_size);
	return request.body ? ask_repository(work, &request, &answer, NULL) : OPSHUB_E_INTERNAL;
}
