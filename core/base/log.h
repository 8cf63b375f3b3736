/* The one log sink. A line is one JSON object:
 *   {"timestamp":"2023-12-01T10:00:00.000Z","level":"info","message":"Preview deployment created",
 *    "context":"DeploymentProcessor","metadata":{"projectId":"proj_123","prNumber":42,"duration":5000}}
 *
 * Owns: the level, the file descriptor (stdout unless told otherwise). A line is one write(2), so lines of several
 * processes on one pipe do not mix.
 * Easy to break: every text passes log_redact() here and only here. A secret is registered in the scope of the call
 * that decrypted it (call_secret) or for the whole process (log_secret); both never reach the line. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/redact.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* What belongs to each line of one call: fields that go into metadata, and secrets that must not appear. */
struct log_field {
	const char *key; /* static text */
	char kind;       /* 's' text, 'i' integer */
	struct str text;
	int64_t number;
};

#define LOG_SCOPE_FIELDS 8
struct log_scope {
	struct log_field fields[LOG_SCOPE_FIELDS];
	unsigned n_fields;
	struct redactor *secrets; /* of the call; NULL = none */
	bool hides_all;           /* there are more than it holds: no text is shown */
};

#define F_STR(k, v)  ((struct log_field){ .key = (k), .kind = 's', .text = (v) })
#define F_TEXT(k, v) ((struct log_field){ .key = (k), .kind = 's', .text = str_of(v) })
#define F_INT(k, v)  ((struct log_field){ .key = (k), .kind = 'i', .number = (v) })

void log_open(int fd, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
bool log_level_parse(struct str text, enum log_level *ret);

/* The scope of the code that runs now; the fiber scheduler swaps it. NULL = none. Returns the previous one. */
struct log_scope *log_scope_swap(struct log_scope *scope);
/* The key replaces an earlier field of the same name; fields past LOG_SCOPE_FIELDS are ignored. The text must
 * outlive the scope. */
void log_scope_set(struct log_scope *scope, struct log_field field);
/* A secret for the whole process (configuration). Copied. */
void log_secret(struct str value);
/* `text` without the secrets of the current scope and the process, in all forms that base/redact.h knows, into ret. */
void log_redact(struct str text, struct buf *ret);
void log_redact_part(struct str text, struct buf *ret); /* of a longer text: see redact() */

/* log_info("DeploymentProcessor", "Preview deployment created", F_STR("projectId", id), F_INT("prNumber", 42)); */
#define log_debug(context, message, ...) LOG_LINE(LOG_DEBUG, context, message, ##__VA_ARGS__)
#define log_info(context, message, ...)  LOG_LINE(LOG_INFO, context, message, ##__VA_ARGS__)
#define log_warn(context, message, ...)  LOG_LINE(LOG_WARN, context, message, ##__VA_ARGS__)
#define log_error(context, message, ...) LOG_LINE(LOG_ERROR, context, message, ##__VA_ARGS__)

#define LOG_LINE(level, context, message, ...)                                                                         \
	do {                                                                                                           \
		const struct log_field log_fields_[] = { { 0 }, ##__VA_ARGS__ };                                       \
		if (log_enabled(level))                                                                                \
			log_write(level, context, message, log_fields_ + 1,                                            \
				  sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);                                   \
	} while (0)

void log_write(enum log_level level, const char *context, const char *message, const struct log_field *fields,
	       size_t n_fields);

#endif
