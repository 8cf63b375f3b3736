/* The catalog of plugins as workers found it, for the API to show. */
#ifndef STORE_PLUGINS_H
#define STORE_PLUGINS_H

#include "db/db.h"

struct plugin_row {
	struct str file, name, kind, version, abi, summary, license;
	const char *state; /* "loaded", "refused", "disabled" */
	struct str reason;
	struct str settings; /* JSON array */
};

/* Replaces the whole catalog. */
AWAITS int plugins_save(struct call *call, struct db *db, const struct plugin_row *plugins, size_t n);
AWAITS int plugins_of_kind(struct call *call, struct db *db, const char *kind, struct db_rows *ret);

#endif
