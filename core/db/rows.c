/* Results: copied out of libpq into the call's arena in one piece, and read by column name. */
#include "base/clock.h"
#include "db/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Results come in PostgreSQL's binary form: the server writes a timestamptz as text in about 0.3 us, 100 of them in a
 * list of 50 rows, and a number only for us to read it again. Here each becomes the text that the API shows. */

#define CELL_TEXT_MAX TIME_TEXT_MAX /* longest text of a number or a time, with its NUL */

static int64_t read_int(const char *p, size_t n)
{
	uint64_t value = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | (unsigned char)p[i];
	return (int64_t)value;
}

#define EPOCH_2000_MS 946684800000

static size_t time_text(const char *p, char *to)
{
	int64_t us = read_int(p, 8), ms = us / 1000 - (us % 1000 < 0);

	if (us == INT64_MAX || us == INT64_MIN)
		return (size_t)snprintf(to, CELL_TEXT_MAX, "%sinfinity", us > 0 ? "" : "-");
	return time_format(ms + EPOCH_2000_MS, to);
}

/* The shortest text that reads back as the same number. */
static size_t double_text(const char *p, size_t n, char *to)
{
	union {
		uint64_t bits;
		double value;
	} eight = { .bits = (uint64_t)read_int(p, n) };
	union {
		uint32_t bits;
		float value;
	} four = { .bits = (uint32_t)read_int(p, n) };
	int length = 0;

	for (int digits = n == 8 ? 15 : 6; digits <= (n == 8 ? 17 : 9); digits++) {
		length = snprintf(to, CELL_TEXT_MAX, "%.*g", digits, n == 8 ? eight.value : (double)four.value);
		if (n == 8 ? strtod(to, NULL) == eight.value : strtof(to, NULL) == four.value)
			break;
	}
	return (size_t)length;
}

/* The text of a cell that is not one already; its length. */
static size_t cell_text(uint32_t type, struct str cell, char to[CELL_TEXT_MAX])
{
	switch (type) {
	case OID_BOOL:
		to[0] = cell.p[0] ? 't' : 'f';
		return 1;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		return str_from_int(read_int(cell.p, cell.n), to);
	case OID_TIMESTAMPTZ:
		return time_text(cell.p, to);
	default:
		return double_text(cell.p, cell.n, to);
	}
}

enum form { FORM_TEXT, FORM_JSONB, FORM_VALUE };

static enum form form_of(const struct db_col *col)
{
	switch (col->type) {
	case OID_BYTEA:
	case OID_NAME:
	case OID_TEXT:
	case OID_JSON:
	case OID_UNKNOWN:
	case OID_VARCHAR:
	case OID_VOID:
		return FORM_TEXT;
	case OID_JSONB:
		return FORM_JSONB; /* a version byte, then text */
	case OID_BOOL:
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_FLOAT4:
	case OID_FLOAT8:
	case OID_TIMESTAMPTZ:
		return FORM_VALUE;
	default:
		fprintf(stderr,
			"the column \"%s\" has a type (oid %u) that is not read here: cast it to text in its query\n",
			col->name.p, col->type);
		abort();
	}
}

static size_t copy_cell(const struct db_col *col, enum form form, struct str cell, char *to)
{
	size_t n;

	if (form == FORM_VALUE) {
		n = cell_text(col->type, cell, to);
	} else {
		size_t skip = form == FORM_JSONB ? 1 : 0;

		n = cell.n - skip;
		memcpy(to, cell.p + skip, n);
	}
	to[n] = '\0';
	return n;
}

static void copy_cols(struct arena *arena, const PGresult *result, int n_cols, struct db_col *cols, enum form *forms)
{
	for (int c = 0; c < n_cols; c++) {
		cols[c] = (struct db_col){ arena_str(arena, str_of(PQfname(result, c))), (uint32_t)PQftype(result, c) };
		forms[c] = form_of(&cols[c]);
	}
}

/* Cells and their text are two allocations however many rows there are. */
void rows_copy(struct arena *arena, const PGresult *result, struct db_rows *ret)
{
	int n_rows = PQntuples(result), n_cols = PQnfields(result);
	size_t n_cells = (size_t)n_rows * (size_t)n_cols, size = 0;
	struct db_col *cols = arena_alloc(arena, ((size_t)n_cols + 1) * sizeof(*cols));
	enum form *forms = arena_alloc(arena, ((size_t)n_cols + 1) * sizeof(*forms));
	struct str *cells = arena_alloc(arena, n_cells * sizeof(*cells));
	char *text;

	copy_cols(arena, result, n_cols, cols, forms);
	for (int row = 0, i = 0; row < n_rows; row++) {
		for (int c = 0; c < n_cols; c++, i++) {
			cells[i].n = (size_t)PQgetlength(result, row, c);
			cells[i].p = cells[i].n == 0 && PQgetisnull(result, row, c) ? NULL : PQgetvalue(result, row, c);
			size += forms[c] == FORM_VALUE ? CELL_TEXT_MAX : cells[i].n + 1;
		}
	}
	text = arena_raw(arena, size);
	for (int row = 0, i = 0; row < n_rows; row++) {
		for (int c = 0; c < n_cols; c++, i++) {
			if (!cells[i].p)
				continue;
			cells[i] = (struct str){ text, copy_cell(&cols[c], forms[c], cells[i], text) };
			text += cells[i].n + 1;
		}
	}
	*ret = (struct db_rows){ n_rows, n_cols, atoi(PQcmdTuples((PGresult *)(uintptr_t)result)), cols, cells };
}

/* Rows are mostly read in the order of their columns: the one read last, or the one behind it, is tried first. */
size_t rows_column(const struct db_rows *rows, const char *col)
{
	static _Thread_local int last;
	struct str name = str_of(col);

	for (int c = last; c < last + 2 && c < rows->n_cols; c++)
		if (str_eq(rows->cols[c].name, name))
			return (size_t)(last = c);
	for (int c = 0; c < rows->n_cols; c++)
		if (str_eq(rows->cols[c].name, name))
			return (size_t)(last = c);
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

bool db_is_null(const struct db_rows *rows, int row, const char *col)
{
	return !cell(rows, row, col).p;
}

int64_t db_int(const struct db_rows *rows, int row, const char *col)
{
	int64_t value;

	return str_to_int(db_text(rows, row, col), INT64_MIN, INT64_MAX, &value) ? value : 0;
}

bool db_bool(const struct db_rows *rows, int row, const char *col)
{
	return str_eq(db_text(rows, row, col), STR("t"));
}

int64_t db_time(const struct db_rows *rows, int row, const char *col)
{
	int64_t ms;

	return time_parse(db_text(rows, row, col), &ms) ? ms : 0;
}

struct str db_bytes(struct call *call, const struct db_rows *rows, int row, const char *col)
{
	return arena_str(call->arena, db_text(rows, row, col));
}
