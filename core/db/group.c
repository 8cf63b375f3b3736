/* Groups: the records that fibers wait on, and the results that fill them.
 *
 * Easy to break: `call` is the only door to the fiber's memory. It is closed in on_leave, so a result that comes
 * afterwards is drained and copied nowhere. */
#include "db/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void group_free(struct wait *wait)
{
	free((struct group *)(void *)wait);
}

static void on_leave(struct wait *wait)
{
	struct group *group = (struct group *)(void *)wait;

	group->call = NULL;
	group->text = NULL;
	group->left = true;
}

_Static_assert(offsetof(struct group, wait) == 0, "a wait is its group");

struct group *group_new(struct call *call, enum group_kind kind, unsigned n_stmts)
{
	struct group *group = calloc(1, sizeof(*group) + n_stmts * sizeof(group->stmts[0]));

	if (!group) {
		fprintf(stderr, "out of memory: %u statements\n", n_stmts);
		abort();
	}
	wait_init(&group->wait, group_free);
	group->wait.on_leave = on_leave;
	group->call = call;
	group->kind = kind;
	group->n_stmts = n_stmts;
	if (!call) /* nobody waits: the fiber's reference is given back at once */
		wait_unref(&group->wait);
	return group;
}

void group_push(struct group_list *list, struct group *group)
{
	group->next = NULL;
	if (list->last)
		list->last->next = group;
	else
		list->first = group;
	list->last = group;
	list->n++;
}

struct group *group_pop(struct group_list *list)
{
	struct group *group = list->first;

	if (!group)
		return NULL;
	list->first = group->next;
	if (!list->first)
		list->last = NULL;
	list->n--;
	return group;
}

void group_complete(struct group *group, int result)
{
	for (unsigned i = 0; i < group->n_stmts; i++) {
		if (group->stmts[i].result != OK) {
			result = group->stmts[i].result;
			break;
		}
	}
	wait_complete(&group->wait, result);
}

void group_discard(struct group *group)
{
	group_complete(group, E_CANCELLED);
	wait_unref(&group->wait);
}

static void print_rows(struct buf *text, const PGresult *result)
{
	int n_cols = PQnfields(result);

	for (int row = -1; row < PQntuples(result); row++) {
		for (int c = 0; c < n_cols; c++) {
			const char *cell = row < 0 ? PQfname(result, c) : PQgetvalue(result, row, c);

			if (c)
				buf_add_char(text, '\t');
			buf_add(text, cell, strlen(cell));
		}
		buf_add_char(text, '\n');
	}
}

/* The line of the script where the server stopped: its position counts characters, from 1. */
static int failing_line(const char *script, const PGresult *result)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	int line = 1;

	if (!position)
		return 0;
	for (int64_t left = atoll(position) - 1; left > 0 && *script; script++) {
		if (((unsigned char)*script & 0xc0) != 0x80)
			left--;
		line += *script == '\n';
	}
	return line;
}

static void print_failure(struct buf *text, const PGresult *result)
{
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	buf_printf(text, "ERROR %s: %s\n", PQresultErrorField(result, PG_DIAG_SQLSTATE),
		   primary ? primary : "no message");
}

static bool take_failure(struct group *group, struct stmt *stmt, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (!sqlstate) /* libpq's own words: the connection is gone */
		return false;
	snprintf(stmt->sqlstate, sizeof(stmt->sqlstate), "%s", sqlstate);
	stmt->result = sqlstate_status(sqlstate);
	if (group->kind == GROUP_SCRIPT && group->call) {
		group->line = failing_line(stmt->sql, result);
		if (group->text)
			print_failure(group->text, result);
	}
	return true;
}

bool group_take(struct group *group, const PGresult *result)
{
	struct stmt *stmt = &group->stmts[group->at < group->n_stmts ? group->at : group->n_stmts - 1];

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		if (group->call && stmt->wants_rows)
			rows_copy(group->call->arena, result, &stmt->rows);
		if (group->text && PQresultStatus(result) == PGRES_TUPLES_OK)
			print_rows(group->text, result);
		else if (group->text)
			buf_printf(group->text, "%s\n", PQcmdStatus((PGresult *)(uintptr_t)result));
		return true;
	case PGRES_PIPELINE_ABORTED: /* a statement before it failed: the same fate */
		stmt->result = group->at ? group->stmts[group->at - 1].result : E_INTERNAL;
		return true;
	case PGRES_FATAL_ERROR:
		return take_failure(group, stmt, result);
	default: /* COPY, which a script may ask for, would wait for data that never comes */
		stmt->result = E_UNSUPPORTED;
		return false;
	}
}
