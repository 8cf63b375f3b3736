/* From what curl reports to an answer or a failure with one sentence.
 *
 * Owns: nothing; the buffers belong to the transfer until the fiber takes the body.
 * Easy to break: the words for a failure must not hold the url's path or query, which may carry secrets. Only host and
 * port are named, and curl's own text only where it is known to speak of nothing else. */
#include "net/inner.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_AFTER_MAX_MS (15 * 60 * 1000)

/* ---- curl's callbacks ---- */

static size_t refuse(struct transfer *t, const char *why)
{
	t->broken = why;
	return 0;
}

size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct str rest = { line, n }, name, value;

	(void)one;
	while (rest.n > 0 && (rest.p[rest.n - 1] == '\n' || rest.p[rest.n - 1] == '\r'))
		rest.n--;
	/* A new head: after an interim answer (100, 103) the real one follows. */
	if (str_starts(rest, STR("HTTP/"))) {
		buf_clear(&t->head);
		t->n_headers = 0;
		return n;
	}
	/* The empty line at the end, and continuations, which nobody sends any more. */
	if (rest.n == 0 || rest.p[0] == ' ' || rest.p[0] == '\t')
		return n;
	name = str_trim(str_split(&rest, ':'));
	value = str_trim(rest);
	if (++t->n_headers > HEADERS_MAX)
		return refuse(t, "has more than 100 headers");
	for (size_t i = 0; i < name.n; i++)
		buf_add_char(&t->head, (char)tolower((unsigned char)name.p[i]));
	buf_add_char(&t->head, ':');
	buf_add_str(&t->head, value);
	buf_add_char(&t->head, '\n');
	return t->head.overflow ? refuse(t, "has more than 64 KiB of headers") : n;
}

size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	if (t->head_only)
		return 0;
	buf_add(&t->body, bytes, n);
	return t->body.overflow ? refuse(t, "is too long") : n;
}

/* ---- the verdict ---- */

void transfer_fail(struct transfer *t, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->why, sizeof(t->why), format, args);
	va_end(args);
	t->code = code;
}

/* These texts of curl name host, port, address and certificate, nothing of the path. */
static const char *curl_words(const struct transfer *t, CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		if (t->curl_error[0])
			return t->curl_error;
		break;
	default:
		break;
	}
	return curl_easy_strerror(result);
}

static void judge_unsent(struct transfer *t, CURLcode result)
{
	if (t->refused && !t->opened)
		transfer_fail(t, E_INVALID,
			      "the address of %s is not allowed (%s): use a public address, or have the operator allow "
			      "private ones",
			      t->host, t->refused);
	else if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
		transfer_fail(t, E_INVALID, "the url for %s cannot be used: %s", t->host, curl_easy_strerror(result));
	else if (result == CURLE_OPERATION_TIMEDOUT)
		transfer_fail(t, E_NETWORK, "%s could not be reached in time: check the address and the network",
			      t->host);
	else
		transfer_fail(t, E_NETWORK, "%s could not be reached: %s", t->host, curl_words(t, result));
}

static void judge_sent(struct transfer *t, CURLcode result)
{
	if (result == CURLE_OPERATION_TIMEDOUT)
		transfer_fail(t, E_TIMEOUT, "%s did not answer in time: the request may have arrived", t->host);
	else if (t->broken || result == CURLE_FILESIZE_EXCEEDED)
		transfer_fail(t, E_UPSTREAM, "the answer of %s %s", t->host, t->broken ? t->broken : "is too long");
	else if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_WEIRD_SERVER_REPLY)
		transfer_fail(t, E_UPSTREAM, "the answer of %s is not HTTP", t->host);
	else if (result == CURLE_ABORTED_BY_CALLBACK)
		transfer_fail(t, E_UPSTREAM, "%s closed the connection without an answer: the request may have arrived",
			      t->host);
	else
		transfer_fail(t, E_UPSTREAM, "the connection to %s broke: %s", t->host, curl_easy_strerror(result));
}

void transfer_judge(struct transfer *t, CURLcode result)
{
	char *ip = NULL;
	curl_off_t total_us = 0;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	t->status = (int)status;
	t->total_us = total_us;
	snprintf(t->remote_ip, sizeof(t->remote_ip), "%s", ip ? ip : "");
	if (result == CURLE_WRITE_ERROR && t->head_only && !t->broken)
		result = CURLE_OK;
	if (result == CURLE_OK && status >= 100 && status <= 999)
		t->code = OK;
	else if (result == CURLE_OK)
		transfer_fail(t, E_UPSTREAM, "the answer of %s is not HTTP", t->host);
	else if (t->sent && !(t->refused && !t->opened))
		judge_sent(t, result);
	else
		judge_unsent(t, result);
}

/* ---- on the fiber ---- */

/* 0 = that is no date. */
static int64_t date_parse(struct str value)
{
	char text[64];
	time_t when;

	if (value.n == 0 || value.n >= sizeof(text) || !isalpha((unsigned char)value.p[0]))
		return 0;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	when = curl_getdate(text, NULL);
	return when > 0 ? (int64_t)when * 1000 : 0;
}

int64_t retry_after_parse(struct str value, int64_t now_wall_ms)
{
	int64_t seconds, wait_ms, when_ms;

	if (str_to_int(value, 0, INT32_MAX, &seconds)) {
		wait_ms = seconds * 1000;
	} else {
		when_ms = date_parse(value);
		if (when_ms == 0)
			return 0;
		wait_ms = when_ms - now_wall_ms;
	}
	if (wait_ms < 0)
		return 0;
	return wait_ms < RETRY_AFTER_MAX_MS ? wait_ms : RETRY_AFTER_MAX_MS;
}

void transfer_take(struct call *call, struct transfer *t, struct net_response *ret)
{
	struct net_header *headers = arena_alloc(call->arena, (t->n_headers + 1) * sizeof(*headers));
	struct str rest = arena_str(call->arena, buf_str(&t->head));
	struct net_response response = { .status = t->status, .headers = headers };

	while (rest.n > 0 && response.n_headers < t->n_headers) {
		struct str line = str_split(&rest, '\n');
		struct net_header *header = &headers[response.n_headers++];

		header->name = str_split(&line, ':');
		header->value = line;
	}
	response.body = STR("");
	if (t->body.n > 0) {
		/* Moved, not copied: the arena frees it. */
		response.body = buf_str(&t->body);
		arena_defer(call->arena, free, t->body.p);
		t->body = (struct buf){ 0 };
	}
	response.date_ms = date_parse(net_header(&response, "date"));
	response.retry_after_ms = retry_after_parse(net_header(&response, "retry-after"),
						    response.date_ms ? response.date_ms : clock_wall_ms());
	response.remote_ip = arena_str(call->arena, str_of(t->remote_ip));
	response.total_us = t->total_us;
	*ret = response;
}

struct str net_header(const struct net_response *response, const char *name)
{
	for (size_t i = 0; i < response->n_headers; i++)
		if (str_eq_nocase(response->headers[i].name, str_of(name)))
			return response->headers[i].value;
	return (struct str){ 0 };
}
