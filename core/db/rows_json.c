/* Rows to JSON. A list of 50 deployments is rendered on every look at the dashboard, so what can be decided for a
 * column is decided once; bytes are gathered in a chunk on the stack, because a call of buf_add for each of the
 * thousands of pieces costs more than the pieces; and a text is searched for what must be escaped eight bytes a time.
 * Easy to break: json_escape writes to the buffer itself, so the chunk is flushed before it. */
#include "base/json_write.h"
#include "db/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out {
	struct buf *buf;
	size_t n;
	char chunk[2048];
};

static void flush(struct out *out)
{
	buf_add(out->buf, out->chunk, out->n);
	out->n = 0;
}

static inline void put(struct out *out, const char *bytes, size_t n)
{
	if (n > sizeof(out->chunk) - out->n) {
		flush(out);
		if (n > sizeof(out->chunk)) {
			buf_add(out->buf, bytes, n);
			return;
		}
	}
	memcpy(out->chunk + out->n, bytes, n);
	out->n += n;
}

static inline void put_str(struct out *out, struct str s)
{
	put(out, s.p, s.n);
}

#define EACH(byte) (0x0101010101010101ULL * (byte))

/* The high bit of a byte of the answer is set when the byte of the word is zero. A byte behind a zero one may be marked
 * by mistake, which costs time, not correctness. */
static inline uint64_t zero_bytes(uint64_t word)
{
	return (word - EACH(1)) & ~word & EACH(0x80);
}

/* Printable ASCII without '"', '\\', '<'. */
static bool is_plain(struct str text)
{
	uint64_t word, bad = 0;

	for (size_t i = 0; i < text.n; i += 8) {
		if (text.n - i >= 8) {
			memcpy(&word, text.p + i, 8);
		} else {
			word = EACH(' ');
			for (size_t k = 0; k < text.n - i; k++)
				((char *)&word)[k] = text.p[i + k];
		}
		bad |= word | ((word - EACH(0x20)) & ~word) | zero_bytes(word ^ EACH('"')) |
		       zero_bytes(word ^ EACH('\\')) | zero_bytes(word ^ EACH('<')) | zero_bytes(word ^ EACH(0x7f));
	}
	return !(bad & EACH(0x80));
}

static void add_text(struct out *out, struct str text)
{
	put(out, "\"", 1);
	if (is_plain(text)) {
		put_str(out, text);
	} else {
		flush(out);
		json_escape(out->buf, text);
	}
	put(out, "\"", 1);
}

/* NaN and the infinities are no JSON numbers. */
static void add_number(struct out *out, struct str text)
{
	char last = text.n ? text.p[text.n - 1] : 'N';

	put_str(out, last >= '0' && last <= '9' ? text : STR("null"));
}

static void add_cell(struct out *out, uint32_t type, struct str cell)
{
	if (!cell.p) {
		put_str(out, STR("null"));
		return;
	}
	switch (type) {
	case OID_BOOL:
		put_str(out, cell.p[0] == 't' ? STR("true") : STR("false"));
		break;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_JSON:
	case OID_JSONB:
		put_str(out, cell);
		break;
	case OID_FLOAT4:
	case OID_FLOAT8:
		add_number(out, cell);
		break;
	default:
		add_text(out, cell);
	}
}

#define COLUMNS_MAX 64

/* `,"key":` of each column that is shown, written once. */
struct keys {
	struct buf text;
	struct {
		uint32_t at, n;
	} part[COLUMNS_MAX];
};

static void keys_init(struct keys *keys, const struct db_rows *rows)
{
	struct json_out out = JSON_OUT(&keys->text);

	if (rows->n_cols > COLUMNS_MAX) {
		fprintf(stderr, "a result of %d columns cannot become JSON: %d is the most\n", rows->n_cols,
			COLUMNS_MAX);
		abort();
	}
	buf_init(&keys->text, 64 * 1024);
	for (int c = 0; c < rows->n_cols; c++) {
		size_t start = keys->text.n;

		out.comma = true;
		if (!str_starts(rows->cols[c].name, STR("_"))) {
			json_add_text(&out, rows->cols[c].name);
			buf_add_char(&keys->text, ':');
		}
		keys->part[c].at = (uint32_t)start;
		keys->part[c].n = (uint32_t)(keys->text.n - start);
	}
}

/* Returns whether the next key of the object needs a comma. */
static bool add_members(struct out *out, const struct keys *keys, const struct db_rows *rows, int row, bool comma)
{
	const struct str *cells = rows->cells + (size_t)row * (size_t)rows->n_cols;
	size_t skip = comma ? 0 : 1; /* the first key of an object goes without its comma */

	for (int c = 0; c < rows->n_cols; c++) {
		if (!keys->part[c].n)
			continue;
		put(out, keys->text.p + keys->part[c].at + skip, keys->part[c].n - skip);
		add_cell(out, rows->cols[c].type, cells[c]);
		skip = 0;
	}
	return skip == 0;
}

/* Rows from `first` up to `end`, separated by commas. */
static void add_rows(struct json_out *json, const struct db_rows *rows, int first, int end)
{
	struct out out;
	struct keys keys;

	out.buf = json->buf;
	out.n = 0;
	keys_init(&keys, rows);
	for (int row = first; row < end; row++) {
		if (json->comma)
			put(&out, ",", 1);
		put(&out, "{", 1);
		add_members(&out, &keys, rows, row, false);
		put(&out, "}", 1);
		json->comma = true;
	}
	flush(&out);
	buf_done(&keys.text);
}

void db_row_json(const struct db_rows *rows, int row, struct json_out *out)
{
	add_rows(out, rows, row, row + 1);
}

void db_row_members(const struct db_rows *rows, int row, struct json_out *json)
{
	struct out out;
	struct keys keys;

	out.buf = json->buf;
	out.n = 0;
	keys_init(&keys, rows);
	json->comma = add_members(&out, &keys, rows, row, json->comma);
	flush(&out);
	buf_done(&keys.text);
}

void db_rows_json(const struct db_rows *rows, struct json_out *out)
{
	json_open(out, '[');
	add_rows(out, rows, 0, rows->n_rows);
	json_close(out, ']');
}
