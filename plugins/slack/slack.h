/* slack.so: one message for each preview and each incident, edited in place, with a reply in its thread for every
 * change.
 *
 *   slack.c     settings, the operations send and update
 *   account.c   the operation verify
 *   talk.c      one request and its answer
 *   refusal.c   Slack's error codes: what each means and what to do
 *   message.c   an event as blocks; escaping and lengths */
#ifndef SLACK_H
#define SLACK_H

#include <opshub/notifier.h>

struct slack {
	const struct opshub_host *host;
	const char *token, *channel, *base;
};

/* ---- talk.c ---- */

struct slack_request {
	const char *method;  /* "chat.update" */
	const char *channel; /* for the sentence when it is refused; NULL = none */
	const char *query;   /* NULL = a POST; else a GET with this query, "channel=C1" */
	const char *body;    /* JSON; NULL = none */
	uint64_t size;
	uint32_t flags; /* OPSHUB_HTTP_… */
};

struct slack_answer {
	const opshub_json *json;
	const char *error;  /* Slack's code, "" = it was done */
	const char *scopes; /* what the token may do, "chat:write,channels:read"; "" = not said */
};

/* OK when Slack has answered, also when it refused: look at ret->error. Otherwise host->fail() has been called. */
OPSHUB_AWAITS opshub_status slack_ask(opshub_call *call, const struct slack *slack, const struct slack_request *request,
				      struct slack_answer *ret);

/* ---- refusal.c ---- */

/* What the host should do after that code of Slack's. */
opshub_status slack_refusal_code(const char *error);
/* The refusal as one sentence: what was refused, why, what to do. */
const char *slack_refusal_text(opshub_call *call, const struct slack *slack, const struct slack_request *request,
			       const struct slack_answer *answer);
/* host->fail() with both. */
opshub_status slack_refused(opshub_call *call, const struct slack *slack, const struct slack_request *request,
			    const struct slack_answer *answer);

/* ---- message.c ---- */

/* At most that many characters (as UTF-16 counts them, which is how Slack does), "…" at the end when it was cut; & < >
 * as entities, control characters other than line feeds as spaces. */
const char *slack_escape(opshub_call *call, const struct opshub_host *host, const char *text, uint32_t max);
/* The fields "text" and "blocks" of a message. A reply is shorter: no table, no footer. */
void slack_put_event(opshub_call *call, const struct opshub_host *host, opshub_json_out *out,
		     const struct opshub_event *event, int is_reply);

/* ---- account.c ---- */

OPSHUB_AWAITS opshub_status slack_verify(opshub_call *call, void *instance, struct opshub_report *ret);

#endif
