/* Results: copied out of libpq into the call's arena in one piece, and read by column name. */
#include "base/clock.h"
#include "db/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cells and their text are two allocations however many rows there are. */
void rows_copy(struct arena *arena, const PGresult *result, struct db_rows *ret)
{
	int n_rows = PQntuples(result), n_cols = PQnfields(result);
	size_t n_cells = (size_t)n_rows * (size_t)n_cols, size = 0;
	struct db_col *cols = arena_alloc(arena, (size_t)n_cols * sizeof(*cols));
	struct str *cells = arena_alloc(arena, n_cells * sizeof(*cells));
	char *text;

	for (int c = 0; c < n_cols; c++) {
		cols[c] = (struct db_col){ str_of(PQfname(result, c)), (uint32_t)PQftype(result, c) };
		size += cols[c].name.n + 1;
	}
	for (int row = 0, i = 0; row < n_rows; row++) {
		for (int c = 0; c < n_cols; c++, i++) {
			cells[i].n = (size_t)PQgetlength(result, row, c);
			cells[i].p = cells[i].n == 0 && PQgetisnull(result, row, c) ? NULL : PQgetvalue(result, row, c);
			size += cells[i].n + 1;
		}
	}
	text = arena_raw(arena, size);
	for (int c = 0; c < n_cols; c++) {
		memcpy(text, cols[c].name.p, cols[c].name.n + 1);
		cols[c].name.p = text;
		text += cols[c].name.n + 1;
	}
	for (size_t i = 0; i < n_cells; i++) {
		if (!cells[i].p)
			continue;
		memcpy(text, cells[i].p, cells[i].n + 1); /* libpq ends each value with a NUL */
		cells[i].p = text;
		text += cells[i].n + 1;
	}
	*ret = (struct db_rows){ n_rows, n_cols, atoi(PQcmdTuples((PGresult *)(uintptr_t)result)), cols, cells };
}

size_t rows_column(const struct db_rows *rows, const char *col)
{
	struct str name = str_of(col);

	for (int c = 0; c < rows->n_cols; c++)
		if (str_eq(rows->cols[c].name, name))
			return (size_t)c;
	fprintf(stderr, "a result has no column \"%s\": its query and the code that reads it disagree\n", col);
	abort();
}

static struct str cell(const struct db_rows *rows, int row, const char *col)
{
	size_t c = rows_column(rows, col);

	if (row < 0 || row >= rows->n_rows) {
		fprintf(stderr, "row %d of column \"%s\" is read, but there are %d\n", row, col, rows->n_rows);
		abort();
	}
	return rows->cells[(size_t)row * (size_t)rows->n_cols + c];
}

struct str db_text(const struct db_rows *rows, int row, const char *col)
{
	struct str text = cell(rows, row, col);

	return text.p ? text : STR("");
}

bool db_is_null(const struct db_rows *rows, int row, const char *col) { return !cell(rows, row, col).p; }

int64_t db_int(const struct db_rows *rows, int row, const char *col)
{
	int64_t value;

	return str_to_int(db_text(rows, row, col), INT64_MIN, INT64_MAX, &value) ? value : 0;
}

bool db_bool(const struct db_rows *rows, int row, const char *col)
{
	return str_eq(db_text(rows, row, col), STR("t"));
}

/* "2023-12-01 10:00:00.123456+00": RFC 3339 but for the minutes of the offset; the session's time zone is UTC. */
int64_t db_time(const struct db_rows *rows, int row, const char *col)
{
	struct str text = db_text(rows, row, col);
	char copy[TIME_TEXT_MAX + 8];
	int64_t ms;

	if (text.n < 22 || text.n > TIME_TEXT_MAX || !str_ends(text, STR("+00")))
		return 0;
	memcpy(copy, text.p, text.n - 3);
	copy[10] = 'T';
	copy[text.n - 3] = 'Z';
	return time_parse((struct str){ copy, text.n - 2 }, &ms) ? ms : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* bytea_output = hex: "\x" and two digits a byte. */
struct str db_bytes(struct call *call, const struct db_rows *rows, int row, const char *col)
{
	struct str text = db_text(rows, row, col);
	size_t n = text.n >= 2 ? (text.n - 2) / 2 : 0;
	char *bytes = arena_raw(call->arena, n + 1);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(hex_digit(text.p[2 + 2 * i]) << 4 | hex_digit(text.p[3 + 2 * i]));
	bytes[n] = '\0';
	return (struct str){ bytes, n };
}
