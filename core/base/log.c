/* The one log sink: level check, one JSON line, redaction, one write. */
#include "base/log.h"

#include "base/clock.h"
#include "base/json_write.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES  (64 * 1024)
#define PROCESS_SECRETS (4 * 1024 * 1024) /* bytes, of all their forms */

static enum log_level least = LOG_INFO;
static int sink = STDOUT_FILENO;
static struct redactor *process_secrets;
static bool process_hides_all;
static _Thread_local struct log_scope *current;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_open(int fd, enum log_level level)
{
	sink = fd;
	least = level;
}

void log_set_level(enum log_level level)
{
	least = level;
}

bool log_enabled(enum log_level level)
{
	return level >= least;
}

bool log_level_parse(struct str text, enum log_level *ret)
{
	for (unsigned i = 0; i < 4; i++) {
		if (str_eq_nocase(text, str_of(level_names[i]))) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

struct log_scope *log_scope_swap(struct log_scope *scope)
{
	struct log_scope *before = current;

	current = scope;
	return before;
}

void log_scope_set(struct log_scope *scope, struct log_field field)
{
	for (unsigned i = 0; i < scope->n_fields; i++) {
		if (strcmp(scope->fields[i].key, field.key) == 0) {
			scope->fields[i] = field;
			return;
		}
	}
	if (scope->n_fields < LOG_SCOPE_FIELDS)
		scope->fields[scope->n_fields++] = field;
}

void log_secret(struct str value)
{
	if (!process_secrets)
		process_secrets = redactor_new(PROCESS_SECRETS);
	process_hides_all |= !redactor_add(process_secrets, STR("[redacted]"), value);
}

static void redact_with_scope(struct str text, bool cut, struct buf *ret)
{
	const struct redactor *const both[] = { process_secrets, current ? current->secrets : NULL };

	if (process_hides_all || (current && current->hides_all))
		buf_add_str(ret, STR("[redacted]"));
	else
		redact(both, 2, text, cut, ret);
}

void log_redact(struct str text, struct buf *ret)
{
	redact_with_scope(text, false, ret);
}

void log_redact_part(struct str text, struct buf *ret)
{
	redact_with_scope(text, true, ret);
}

static void put_redacted(struct json_out *out, const char *key, struct str text)
{
	struct buf clean;

	buf_init(&clean, LINE_MAX_BYTES);
	log_redact(text, &clean);
	json_put_text(out, key, buf_str(&clean));
	out->buf->overflow |= clean.overflow;
	buf_done(&clean);
}

static void put_field(struct json_out *out, const struct log_field *field)
{
	if (field->kind == 'i')
		json_put_int(out, field->key, field->number);
	else
		put_redacted(out, field->key, field->text);
}

static bool has_key(const struct log_field *fields, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].key, key) == 0)
			return true;
	return false;
}

/* A full pipe delays the line, it does not lose or cut it; after a second of that the line is dropped, because a reader
 * that has stopped must not stop us. */
static void write_line(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(sink, p, n);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = sink, .events = POLLOUT };

			if (poll(&ready, 1, 1000) <= 0)
				return;
		} else if (!(done < 0 && errno == EINTR)) {
			return;
		}
	}
}

void log_write(enum log_level level, const char *context, const char *message, const struct log_field *fields,
	       size_t n_fields)
{
	struct buf line;
	struct json_out out;
	char time[TIME_TEXT_MAX];

	buf_init(&line, LINE_MAX_BYTES);
	out = JSON_OUT(&line);
	json_open(&out, '{');
	json_put_text(&out, "timestamp", (struct str){ time, time_format(clock_wall_ms(), time) });
	json_put_text(&out, "level", str_of(level_names[level]));
	put_redacted(&out, "message", str_of(message));
	json_put_text(&out, "context", str_of(context));
	json_key(&out, "metadata");
	json_open(&out, '{');
	for (unsigned i = 0; current && i < current->n_fields; i++)
		if (!has_key(fields, n_fields, current->fields[i].key))
			put_field(&out, &current->fields[i]);
	for (size_t i = 0; i < n_fields; i++)
		put_field(&out, &fields[i]);
	json_close(&out, '}');
	json_close(&out, '}');
	buf_add_char(&line, '\n');
	if (!line.overflow) {
		write_line(line.p, line.n);
	} else { /* without the scope, whose fields may be what was too long */
		struct log_scope *scope = log_scope_swap(NULL);

		log_write(level, context, "A log line was too long and is left out", NULL, 0);
		log_scope_swap(scope);
	}
	buf_done(&line);
}
