/* CSV. */
#include "base/csv.h"

/* Spreadsheets run what begins with one of these; a line break or tab in front of it is skipped by some. */
static bool is_formula(struct str text)
{
	switch (text.n ? text.p[0] : ' ') {
	case '=':
	case '+':
	case '-':
	case '@':
	case '\t':
	case '\r':
	case '\n':
		return true;
	default:
		return false;
	}
}

static bool needs_quotes(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\r' || text.p[i] == '\n')
			return true;
	return false;
}

void csv_cell(struct csv_out *out, struct str text)
{
	bool quoted = needs_quotes(text);

	if (out->comma)
		buf_add_char(out->buf, ',');
	out->comma = true;
	if (quoted)
		buf_add_char(out->buf, '"');
	if (is_formula(text))
		buf_add_char(out->buf, '\'');
	for (size_t i = 0; quoted && i < text.n; i++) {
		if (text.p[i] == '"')
			buf_add_char(out->buf, '"');
		buf_add_char(out->buf, text.p[i]);
	}
	if (quoted)
		buf_add_char(out->buf, '"');
	else
		buf_add_str(out->buf, text);
}

void csv_end(struct csv_out *out)
{
	buf_add_str(out->buf, STR("\r\n"));
	out->comma = false;
}
