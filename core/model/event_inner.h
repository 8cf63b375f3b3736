/* What event.c and event_health.c share. */
#ifndef MODEL_EVENT_INNER_H
#define MODEL_EVENT_INNER_H

#include "model/event.h"

struct str event_fact(const struct json *facts, const char *key); /* empty when it is no text */
/* At most max bytes, cut between characters. */
struct str event_cut(struct str s, size_t max);
/* Titles and branches are anybody's: a line break in one must not make a line of its own. */
struct str event_one_line(struct arena *arena, struct str s, size_t max);
/* Not when the value is empty. */
void event_add_line(struct arena *arena, struct event_text *e, const char *label, struct str value);

/* Kinds that begin with "health.". */
struct event_text event_health_text(struct arena *arena, struct str kind, const struct json *facts);

#endif
