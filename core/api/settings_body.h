/* Settings of a plugin in a body, as the plugin declares them: provider.c reads them, for notifiers.c as well. */
#ifndef API_SETTINGS_BODY_H
#define API_SETTINGS_BODY_H

#include "api/input.h"
#include "store/provider_settings.h"

struct settings_reading {
	struct input in;
	struct str provider;               /* the plugin's name */
	const struct json *stored, *masks; /* by key */
	const char *moved;                 /* the address that changes, as the body calls it; NULL = none */
	struct provider_change change;
	struct json_out settings;
};

/* Everything that `schema` (settings_schema(), NULL = nothing) declares, and nothing else, from r->in, which is open.
 * rows: one with the columns settings and masks, as stored now. What goes into the clear is written to `settings` as
 * an object, what is secret to r->change. OK, or 422 with all faults. */
int settings_read(struct settings_reading *r, struct str provider, const struct json *schema,
		  const struct db_rows *rows, struct buf *settings);
/* The column schema; NULL when it is null. */
const struct json *settings_schema_of(struct exchange *x, const struct db_rows *rows);

#endif
