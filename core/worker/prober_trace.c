/* The answer for somebody who waits for a probe: what was seen, and how long each part of the way took. */
#include "worker/prober_inner.h"

#include "base/clock.h"
#include "base/json_write.h"

#include <stdio.h>
#include <string.h>

#define TRACE_MAX (16 * 1024)
#define DAY_MS    (24 * 3600 * 1000ll)
#define SHOWN_MAX 200 /* bytes of a text that was looked for */

static void put_text_or_null(struct json_out *out, const char *key, struct str text)
{
	json_key(out, key);
	if (text.n)
		json_add_text(out, text);
	else
		json_add_null(out);
}

static void put_int_or_null(struct json_out *out, const char *key, int64_t value, bool is_there)
{
	json_key(out, key);
	if (is_there)
		json_add_int(out, value);
	else
		json_add_null(out);
}

/* Milliseconds with three digits behind the point. */
static void put_ms(struct json_out *out, const char *key, int64_t us)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));

	json_key(out, key);
	if (us < 0)
		json_add_null(out);
	else
		json_add_raw(out, (struct str){ text, (size_t)n });
}

static void put_time(struct json_out *out, const char *key, int64_t ms)
{
	char text[TIME_TEXT_MAX];

	json_put_text(out, key, (struct str){ text, time_format(ms, text) });
}

static struct str shown(struct str text)
{
	return (struct str){ text.p, text.n < SHOWN_MAX ? text.n : SHOWN_MAX };
}

/* What was expected and is not so, for people. */
static struct str expected(struct arena *arena, const struct claim *claim)
{
	const struct expectation *e = &claim->due.expect;
	const char *error = claim->trace && claim->trace->end == PROBE_ANSWERED && claim->error ? claim->error : "";

	if (strcmp(error, "STATUS") == 0 || strcmp(error, "LOGIN_REQUIRED") == 0)
		return arena_printf(arena, "a status from %d to %d", e->status_min, e->status_max);
	if (strcmp(error, "BODY") == 0)
		return arena_printf(arena, "a body with the text %.*s", STR_FMT(shown(e->contains)));
	if (strcmp(error, "PATTERN") == 0)
		return arena_printf(arena, "a body that the pattern %.*s fits", STR_FMT(shown(e->matches)));
	if (strcmp(error, "JSON") == 0)
		return arena_printf(arena, "JSON with %.*s at %.*s", STR_FMT(shown(e->json_equals)),
				    STR_FMT(shown(e->json_path)));
	if (strcmp(error, "LATENCY") == 0)
		return arena_printf(arena, "an answer within %lld ms", (long long)e->latency_max_ms);
	return STR("");
}

static const char *http_word(int version)
{
	return version == 20 ? "2" : version == 11 ? "1.1" : version == 10 ? "1.0" : "";
}

static void put_certificate(struct json_out *out, const struct claim *claim, const struct probe_certificate *seen)
{
	int64_t left = seen->expires_ms - claim->at_ms;

	json_key(out, "certificate");
	if (!seen->seen) {
		json_add_null(out);
		return;
	}
	json_open(out, '{');
	json_put_text(out, "fingerprint", str_of(seen->sha256));
	json_put_text(out, "subject", str_of(seen->subject));
	json_put_text(out, "issuer", str_of(seen->issuer));
	put_time(out, "expiresAt", seen->expires_ms);
	json_put_int(out, "daysLeft", left >= 0 ? left / DAY_MS : (left + 1) / DAY_MS - 1);
	json_close(out, '}');
}

static void put_trace(struct arena *arena, struct json_out *out, const struct claim *claim,
		      const struct probe_result *t)
{
	bool is_v6 = strchr(t->remote_ip, ':') != NULL;
	struct str address = STR("");

	if (t->remote_ip[0])
		address = arena_printf(arena, "%s%s%s:%d", is_v6 ? "[" : "", t->remote_ip, is_v6 ? "]" : "",
				       t->remote_port);
	put_text_or_null(out, "httpVersion", str_of(http_word(t->http_version)));
	put_text_or_null(out, "remoteAddress", address);
	json_put_int(out, "redirects", t->redirects);
	json_key(out, "phases");
	json_open(out, '{');
	put_ms(out, "dnsMs", t->dns_us);
	put_ms(out, "connectMs", t->connect_us);
	put_ms(out, "tlsMs", t->tls_us);
	put_ms(out, "firstByteMs", t->first_byte_us);
	put_ms(out, "totalMs", t->total_us);
	json_close(out, '}');
	put_certificate(out, claim, &t->certificate);
}

struct str trace_json(struct arena *arena, const struct claim *claim, const struct probe_look *look)
{
	static const struct probe_result nothing = {
		.dns_us = -1, .connect_us = -1, .tls_us = -1, .first_byte_us = -1, .total_us = -1
	};
	struct json_out out;
	struct str text;
	struct buf buf;

	buf_init(&buf, TRACE_MAX);
	out = JSON_OUT(&buf);
	json_open(&out, '{');
	json_put_bool(&out, "ok", look->ok);
	json_put_text(&out, "verdict", str_of(verdict_word(look->verdict)));
	put_text_or_null(&out, "error", str_of(look->error));
	put_text_or_null(&out, "expected", expected(arena, claim));
	put_int_or_null(&out, "statusCode", look->status_code, look->status_code > 0);
	put_int_or_null(&out, "latencyMs", look->latency_ms, look->latency_ms >= 0);
	put_time(&out, "checkedAt", look->at_ms);
	put_trace(arena, &out, claim, claim->trace ? claim->trace : &nothing);
	json_close(&out, '}');
	text = arena_str(arena, buf_str(&buf));
	buf_done(&buf);
	return text;
}
