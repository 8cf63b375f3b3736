/* What people are told about a preview, a variable or a health check: from the facts that the outbox kept to a title, a
 * text and a small table. The one place that has these words; escaping them for a chat or a page is the notifier's.
 * Pure. */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "base/json_read.h"

#define EVENT_FIELDS_MAX 14

/* Bytes; what is longer is cut. Titles and values are one line. */
#define EVENT_TITLE_MAX 300
#define EVENT_VALUE_MAX 500
#define EVENT_TEXT_MAX  3000

/* As OPSHUB_SEVERITY_… */
enum event_severity { EVENT_INFO, EVENT_SUCCESS, EVENT_WARN, EVENT_ERROR };

struct event_line {
	const char *label;
	struct str value; /* never empty */
};

struct event_text {
	enum event_severity severity;
	struct str title, text, url; /* text and url may be empty */
	int64_t pr_number;           /* 0 = none */
	struct str sha;
	struct event_line lines[EVENT_FIELDS_MAX];
	unsigned n_lines;
};

/* kind: "preview.ready" ...; what is unknown is told by its name. facts: see preview_notify() in
 * sql/migrations/0021_alerts.sql, and there rotation_tell(), health_facts() and health_group_facts(); what is missing
 * in them is left out. The texts are the arena's. */
struct event_text event_text(struct arena *arena, struct str kind, const struct json *facts);

#endif
