/* The services a plugin is given, as one constant table.
 *
 * Owns nothing: everything a service makes lies in the arena of the call.
 * Easy to break: a service must hold for arguments that are NULL, absurdly long or not UTF-8, and for a plugin that
 * runs on a thread (BLOCKING): what touches the loop, the log or the counters goes through host_run(). */
#include "plugin/host.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOC_MAX  (64ull * 1024 * 1024)
#define FORMAT_MAX (64 * 1024)
#define WHY_MAX    900
#define LOG_LINES  100
#define LOG_MAX    4096
#define SECRET_MAX (64 * 1024) /* of one that a plugin made; with a longer one no text of the call is shown */
#define URL_MAX    8192
#define METRIC_MAX 40
#define RETRY_MAX  (24 * 60 * 60 * 1000)
#define CONTEXT    "Plugin"

int host_run(struct opshub_call *c, host_fn *fn, void *arg)
{
	int r;

	if (c->thread)
		return thread_hand_over(c, fn, arg);
	crash_leave();
	r = fn(c, arg);
	crash_enter(c->plugin->about.name, c->operation, c->job_id);
	return r;
}

/* Where a valid text of at most max bytes ends. */
static size_t text_end(const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);

	if (n <= max)
		return n;
	n = max;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

struct str foreign_text(struct arena *arena, const char *text, size_t max)
{
	struct str s;
	char *copy;

	if (!text)
		return STR("");
	s = (struct str){ text, text_end(text, max) };
	copy = arena_text(arena, s);
	if (!str_is_text((struct str){ copy, s.n }))
		for (size_t i = 0; i < s.n; i++)
			if ((unsigned char)copy[i] >= 0x80)
				copy[i] = '?';
	return (struct str){ copy, s.n };
}

struct str foreign_redacted(struct call *call, const char *text, size_t max)
{
	struct str plain = { text, text ? text_end(text, max) : 0 }, clean;
	struct buf buf;

	buf_init(&buf, 4 * plain.n + 16 * 1024);
	if (text && text[plain.n]) /* cut off, perhaps inside a secret */
		log_redact_part(plain, &buf);
	else
		log_redact(plain, &buf);
	clean = foreign_text(call->arena, arena_text(call->arena, buf_str(&buf)), max);
	buf_done(&buf);
	return clean;
}

static void *host_alloc(opshub_call *c, uint64_t size)
{
	/* Checked before the sum, which could wrap. */
	if (size > ALLOC_MAX || (c->allocated += size) > ALLOC_MAX) {
		fprintf(stderr, "plugin %s: %s asked for more than 64 MiB of memory\n", c->plugin->about.name,
			c->operation);
		abort();
	}
	return arena_alloc(c->call->arena, size);
}

static const char *host_format(opshub_call *c, const char *format, ...)
{
	va_list args, again;
	char *text;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	n = n < 0 ? 0 : n > FORMAT_MAX ? FORMAT_MAX : n;
	text = host_alloc(c, (uint64_t)n + 1);
	vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

static const char *host_escape_url(opshub_call *c, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = text ? strnlen(text, URL_MAX) : 0, at = 0;
	char *out = host_alloc(c, 3 * n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned char b = (unsigned char)text[i];
		if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || strchr("-._~", b)) {
			out[at++] = (char)b;
			continue;
		}
		out[at++] = '%';
		out[at++] = hex[b >> 4];
		out[at++] = hex[b & 15];
	}
	out[at] = 0;
	return out;
}

struct say {
	const char *text;
	int64_t number;
};

static int fail_here(struct opshub_call *c, void *arg)
{
	const struct say *say = arg;
	int code = (int)say->number;

	if (code >= 0 || code < E_INTERNAL)
		code = E_INTERNAL;
	c->has_failed = true;
	return call_fail(c->call, code, "%s", foreign_redacted(c->call, say->text, WHY_MAX).p);
}

static opshub_status host_fail(opshub_call *c, opshub_status code, const char *why)
{
	return host_run(c, fail_here, &(struct say){ why, code });
}

static void host_retry_after(opshub_call *c, int64_t ms)
{
	c->retry_after_ms = ms < 0 ? 0 : ms > RETRY_MAX ? RETRY_MAX : ms;
}

static int log_here(struct opshub_call *c, void *arg)
{
	const struct say *say = arg;
	struct str text = foreign_redacted(c->call, say->text, LOG_MAX);
	enum log_level level = say->number < LOG_DEBUG || say->number > LOG_ERROR ? LOG_INFO
										  : (enum log_level)say->number;
	struct log_field plugin = F_TEXT("plugin", c->plugin->about.name);

	if (log_enabled(level))
		log_write(level, c->plugin->about.kind == OPSHUB_KIND_PROVIDER ? "Provider" : CONTEXT, text.p, &plugin,
			  1);
	return OK;
}

static void host_log(opshub_call *c, uint32_t level, const char *text)
{
	if (c->n_logs++ < LOG_LINES)
		host_run(c, log_here, &(struct say){ text, level });
}

static int64_t host_now_ms(opshub_call *c)
{
	(void)c;
	return clock_wall_ms();
}

static int64_t host_parse_time(opshub_call *c, const char *text)
{
	int64_t ms;

	(void)c;
	return text && time_parse((struct str){ text, strnlen(text, 64) }, &ms) ? ms : 0;
}

static int left_here(struct opshub_call *c, void *arg)
{
	*(int64_t *)arg = call_left_ms(c->call);
	return OK;
}

/* Handed over too: while a thread runs, its fiber waits with another deadline. */
static int64_t host_left_ms(opshub_call *c)
{
	int64_t ms = 0;

	host_run(c, left_here, &ms);
	return ms;
}

static int sleep_here(struct opshub_call *c, void *arg)
{
	int r = fiber_sleep(c->call, *(int64_t *)arg);

	c->has_failed |= r < 0;
	return r;
}

static opshub_status host_sleep(opshub_call *c, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return host_run(c, sleep_here, &ms);
}

static int redact_here(struct opshub_call *c, void *arg)
{
	const char *secret = arg;
	size_t n = strnlen(secret, SECRET_MAX + 1);

	call_secret(c->call, (struct str){ secret, n });
	c->call->log.hides_all |= n > SECRET_MAX;
	return OK;
}

static void host_redact(opshub_call *c, const char *secret)
{
	if (secret && *secret)
		host_run(c, redact_here, (void *)(uintptr_t)secret);
}

static int count_here(struct opshub_call *c, void *arg)
{
	const struct say *say = arg;

	plugins_count(c->plugins, c->plugin, say->text, say->number);
	return OK;
}

static void host_count(opshub_call *c, const char *metric, int64_t delta)
{
	size_t n = metric ? strnlen(metric, METRIC_MAX + 1) : 0;

	if (n == 0 || n > METRIC_MAX || metric[strspn(metric, "abcdefghijklmnopqrstuvwxyz_")])
		return;
	host_run(c, count_here, &(struct say){ metric, delta });
}

const struct opshub_host host_table = {
	.struct_size = sizeof(struct opshub_host),
	.abi_major = OPSHUB_ABI_MAJOR,
	.abi_minor = OPSHUB_ABI_MINOR,
	.version = OPSHUB_VERSION,
	.alloc = host_alloc,
	.format = host_format,
	.escape_url = host_escape_url,
	.fail = host_fail,
	.retry_after = host_retry_after,
	.log = host_log,
	.now_ms = host_now_ms,
	.parse_time = host_parse_time,
	.left_ms = host_left_ms,
	.sleep = host_sleep,
	.http = host_http,
	.http_header = host_http_header,
	.json_parse = host_json_parse,
	.json_type = host_json_type,
	.json_get = host_json_get,
	.json_at = host_json_at,
	.json_len = host_json_len,
	.json_str = host_json_str,
	.json_int = host_json_int,
	.json_bool = host_json_bool,
	.json_begin = host_json_begin,
	.json_open = host_json_open,
	.json_close = host_json_close,
	.json_put_str = host_json_put_str,
	.json_put_int = host_json_put_int,
	.json_put_bool = host_json_put_bool,
	.json_end = host_json_end,
	.redact = host_redact,
	.count = host_count,
	.hmac_sha256 = host_hmac_sha256,
	.base64_decode = host_base64_decode,
	.sign_jwt_rs256 = host_sign_jwt_rs256,
};
