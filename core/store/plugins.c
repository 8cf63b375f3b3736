/* The catalog of plugins. */
#include "store/plugins.h"

#define SAVE_ARGS 10

int plugins_save(struct call *call, struct db *db, const struct plugin_row *plugins, size_t n)
{
	struct db_stmt *stmts = arena_alloc(call->arena, (n + 1) * sizeof(*stmts));
	struct str *files = arena_alloc(call->arena, (n + 1) * sizeof(*files));
	struct db_arg all = A_TEXTS(files, n);

	for (size_t i = 0; i < n; i++) {
		const struct plugin_row *p = &plugins[i];
		struct db_arg *args = arena_alloc(call->arena, SAVE_ARGS * sizeof(*args));
		const struct db_arg list[SAVE_ARGS] = {
			A_STR(p->file),    A_STR(p->name),    A_STR(p->kind),   A_STR(p->version), A_STR(p->abi),
			A_STR(p->summary), A_STR(p->license), A_TEXT(p->state), A_STR(p->reason),  A_STR(p->settings),
		};

		for (int k = 0; k < SAVE_ARGS; k++)
			args[k] = list[k];
		files[i] = p->file;
		stmts[i] = (struct db_stmt){ .query = Q_PLUGINS_SAVE, .args = args, .n_args = SAVE_ARGS };
	}
	stmts[n] = (struct db_stmt){ .query = Q_PLUGINS_PRUNE, .args = &all, .n_args = 1 };
	return db_batch(call, db, stmts, n + 1, true);
}

int plugins_of_kind(struct call *call, struct db *db, const char *kind, struct db_rows *ret)
{
	return db_query(call, db, Q_PLUGINS_LIST, ret, A_TEXT(kind));
}
