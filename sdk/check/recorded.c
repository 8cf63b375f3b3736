/* Recorded answers: a text file that stands in for the provider.
 *
 *   # a comment
 *   > POST https://api.example.com/v1/deployments     a request; * at the end of the URL stands for anything
 *   ? "attemptId"                                     the request's body must hold this text (any number of lines)
 *   < 201                                             the answer's status
 *   < Retry-After: 3                                  its headers
 *   {"id": "d1", ...}                                 its body, up to the next line that starts with "> "
 *
 * A request takes the first answer that fits and was not used yet; when all were used, the last that fits.
 * Owns nothing but arena memory. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX    (4 * 1024 * 1024)
#define ANSWERS_MAX 500
#define HEADERS_MAX 32
#define WANTED_MAX  16

struct answer {
	struct str method, url, body;
	struct str wanted[WANTED_MAX];
	struct net_header headers[HEADERS_MAX];
	size_t n_wanted, n_headers;
	int status;
	bool is_used;
};

struct recording {
	struct answer *answers[ANSWERS_MAX];
	size_t n;
};

static struct str rest_of(struct str line, size_t n)
{
	return str_trim((struct str){ line.p + n, line.n - n });
}

static bool read_answer_line(struct arena *arena, struct answer *answer, struct str line)
{
	int64_t status;
	struct str name;

	if (!answer->status) {
		if (!str_to_int(line, 100, 599, &status))
			return false;
		answer->status = (int)status;
		return true;
	}
	if (answer->n_headers == HEADERS_MAX)
		return false;
	name = str_split(&line, ':');
	char *lower = arena_text(arena, str_trim(name));
	for (char *c = lower; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	answer->headers[answer->n_headers++] = (struct net_header){ str_of(lower), arena_str(arena, str_trim(line)) };
	return true;
}

/* One line of the file; false when it makes no sense there. */
static bool read_line(struct arena *arena, struct recording *recording, struct str line)
{
	struct answer *last = recording->n ? recording->answers[recording->n - 1] : NULL;
	struct str rest = rest_of(line, line.n < 2 ? line.n : 2);

	if (str_starts(line, STR("> "))) {
		if (recording->n == ANSWERS_MAX)
			return false;
		last = arena_alloc(arena, sizeof(*last));
		last->method = str_split(&rest, ' ');
		last->url = str_trim(rest);
		recording->answers[recording->n++] = last;
		return last->url.n > 0;
	}
	if (!last || last->body.n == 0) {
		if (line.n == 0 || line.p[0] == '#')
			return true;
		if (last && str_starts(line, STR("? ")) && last->n_wanted < WANTED_MAX) {
			last->wanted[last->n_wanted++] = rest;
			return true;
		}
		if (last && str_starts(line, STR("< ")))
			return read_answer_line(arena, last, rest);
	}
	if (!last || !last->status)
		return false;
	/* The lines of a body lie next to each other in the file. */
	last->body = last->body.n ? (struct str){ last->body.p, (size_t)(line.p + line.n - last->body.p) } : line;
	return true;
}

struct recording *recording_read(struct arena *arena, const char *path, const char **ret_why)
{
	struct recording *recording = arena_alloc(arena, sizeof(*recording));
	char *text = arena_raw(arena, FILE_MAX);
	FILE *file = fopen(path, "re");
	struct str rest;
	int number = 0;

	if (!file) {
		*ret_why = arena_printf(arena, "The recorded answers %s cannot be read", path).p;
		return NULL;
	}
	rest = (struct str){ text, fread(text, 1, FILE_MAX, file) };
	fclose(file);
	if (rest.n == FILE_MAX) {
		*ret_why = arena_printf(arena, "The recorded answers %s are longer than 4 MiB", path).p;
		return NULL;
	}
	while (rest.n) {
		number++;
		if (read_line(arena, recording, str_split(&rest, '\n')))
			continue;
		*ret_why = arena_printf(arena, "%s:%d: expected \"> METHOD URL\", \"? TEXT\", \"< STATUS\" or a body",
					path, number)
				   .p;
		return NULL;
	}
	return recording;
}

static bool fits(const struct answer *answer, const struct net_request *request)
{
	struct str url = str_of(request->url), pattern = answer->url;

	if (!str_eq(answer->method, str_of(request->method)))
		return false;
	if (pattern.n && pattern.p[pattern.n - 1] == '*')
		return str_starts(url, (struct str){ pattern.p, pattern.n - 1 });
	return str_eq(url, pattern);
}

static struct answer *choose(struct recording *recording, const struct net_request *request)
{
	struct answer *used = NULL;

	for (size_t i = 0; i < recording->n; i++) {
		if (!fits(recording->answers[i], request))
			continue;
		used = recording->answers[i];
		if (!used->is_used)
			break;
	}
	if (used)
		used->is_used = true;
	return used;
}

int recording_fetch(struct call *call, void *arg, const struct net_request *request, struct net_response *ret)
{
	const struct trial *trial = arg;
	struct answer *answer;
	int64_t seconds = 0;

	for (size_t i = 0; i < trial->n_given; i++)
		for (uint32_t s = 0; s < trial->plugin->about.n_settings; s++)
			if (trial->plugin->settings[s].type == OPSHUB_SETTING_SECRET &&
			    str_eq(trial->given[i].key, str_of(trial->plugin->settings[s].key)) &&
			    trial->given[i].text.n && strstr(request->url, trial->given[i].text.p))
				return call_fail(call, E_INTERNAL,
						 "the secret \"%s\" is part of a URL: send it in a header",
						 trial->plugin->settings[s].key);
	if (!trial->recording)
		return call_fail(call, E_NETWORK, "The network is down in this check");
	answer = choose(trial->recording, request);
	if (!answer)
		return call_fail(call, E_NETWORK, "no recorded answer for %s %s", request->method, request->url);
	for (size_t i = 0; i < answer->n_wanted; i++)
		if (!request->body.p ||
		    !memmem(request->body.p, request->body.n, answer->wanted[i].p, answer->wanted[i].n))
			return call_fail(call, E_INTERNAL, "the body of %s %s does not hold %.*s", request->method,
					 request->url, STR_FMT(answer->wanted[i]));
	for (size_t i = 0; i < answer->n_headers; i++)
		if (str_eq(answer->headers[i].name, STR("retry-after")))
			str_to_int(answer->headers[i].value, 0, 900, &seconds);
	*ret = (struct net_response){ .status = answer->status,
				      .headers = answer->headers,
				      .n_headers = answer->n_headers,
				      .body = answer->body,
				      .retry_after_ms = seconds * 1000 };
	return OK;
}
