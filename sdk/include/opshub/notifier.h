/* Notifiers: plugins that tell people what happened, in a chat, by mail or in another system.
 *
 * The host calls send() once for an event, and update() when a later event belongs to the same message. It may crash
 * between the sending and its own record of it, so an event can, rarely, be sent twice. */
#ifndef OPSHUB_NOTIFIER_H
#define OPSHUB_NOTIFIER_H

#include <opshub/plugin.h>

#define OPSHUB_SEVERITY_INFO    0u
#define OPSHUB_SEVERITY_SUCCESS 1u
#define OPSHUB_SEVERITY_WARN    2u
#define OPSHUB_SEVERITY_ERROR   3u

/* One line of a small table under the text: "Branch" / "feature/login". */
struct opshub_event_field {
	const char *label;
	const char *value;
};

/* Filled by the host. All texts are plain: escape them for the target's markup. */
struct opshub_event {
	uint32_t struct_size;
	uint32_t severity; /* OPSHUB_SEVERITY_… */
	const char *id;    /* unique; a target that can drop doubles should be given it */
	const char *kind;  /* "preview.ready", "preview.failed", "health.degraded", ...; later hosts send others too */
	int64_t at_ms;
	const char *title; /* one line */
	const char *text;  /* a paragraph, "" = none */
	const char *url;   /* where people should look, "" = nowhere */
	const char *org;
	const char *project;
	const char *repo; /* "owner/name" */
	const char *sha;
	int64_t pr_number;      /* 0 = none */
	const char *thread_key; /* events with the same key belong together; "" = alone */
	const char *thread;     /* receipt of the first message of that thread; "" = this is the first */
	const struct opshub_event_field *fields;
	uint32_t n_fields;
	uint32_t field_size;
};

/* Zeroed by the host, filled by the plugin. */
struct opshub_receipt {
	uint32_t struct_size;
	uint32_t reserved;
	const char
		*text; /* what update() needs to find the message again, at most 500 bytes; NULL = cannot be edited */
};

/* NULL = not supported. send is required. */
struct opshub_notifier_ops {
	uint32_t struct_size; /* sizeof(struct opshub_notifier_ops) */
	uint32_t reserved;
	/* Token valid, permissions enough, channel found and joined: one line each. Sends nothing. */
	OPSHUB_AWAITS opshub_status (*verify)(opshub_call *call, void *instance, struct opshub_report *ret);
	OPSHUB_AWAITS opshub_status (*send)(opshub_call *call, void *instance, const struct opshub_event *event,
					    struct opshub_receipt *ret);
	/* Edit that message in place. Without it the host sends a new one. */
	OPSHUB_AWAITS opshub_status (*update)(opshub_call *call, void *instance, const char *receipt,
					      const struct opshub_event *event);
};

#endif
