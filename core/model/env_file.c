/* Files of variables.
 *
 * Easy to break: a value that is read as less than what was meant is a secret that does not work, or half a secret in a
 * log. Whatever can be meant in two ways is a fault. */
#include "model/env_file.h"

#include "model/names.h"

#include <string.h>

struct reader {
	struct arena *arena;
	const char *p, *end;
	unsigned line;
	size_t longest;
	struct env_fault *fault;
};

static bool fault(struct reader *in, unsigned line, const char *why)
{
	*in->fault = (struct env_fault){ line, why };
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct reader *in)
{
	while (in->p < in->end && is_blank(*in->p))
		in->p++;
}

static bool at_line_end(const struct reader *in)
{
	return in->p == in->end || *in->p == '\n';
}

static void skip_line(struct reader *in)
{
	while (!at_line_end(in))
		in->p++;
}

/* ---- values ---- */

/* Up to the end of the line, or to a # behind a space. */
static bool read_bare(struct reader *in, struct str *ret)
{
	const char *start = in->p;

	while (!at_line_end(in) && *in->p != '#')
		in->p++;
	if (!at_line_end(in) && !is_blank(in->p[-1]))
		return fault(in, in->line,
			     "holds a # that may be a part of the value or begin a comment: put the value into "
			     "quotes, or a space before the #");
	*ret = str_trim((struct str){ start, (size_t)(in->p - start) });
	skip_line(in);
	return true;
}

/* The character that stands behind a backslash between double quotes; 0 when the two are meant as they are. */
static char escaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '"':
	case '\\':
	case '$':
	case '`':
		return c;
	default:
		return '\0';
	}
}

static struct str unescape(struct arena *arena, struct str text)
{
	char *to = arena_raw(arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i] == '\\' && i + 1 < text.n ? escaped(text.p[i + 1]) : '\0';

		to[n++] = c ? c : text.p[i];
		i += c != '\0';
	}
	to[n] = '\0';
	return (struct str){ to, n };
}

static bool read_quoted(struct reader *in, struct str *ret)
{
	char quote = *in->p++;
	const char *start = in->p;
	unsigned line = in->line;

	for (; in->p < in->end && *in->p != quote; in->p++) {
		if (quote == '"' && *in->p == '\\' && in->p + 1 < in->end)
			in->p++;
		in->line += *in->p == '\n';
	}
	if (in->p == in->end)
		return fault(in, line, "begins a quote that does not end");
	*ret = (struct str){ start, (size_t)(in->p - start) };
	if (quote == '"')
		*ret = unescape(in->arena, *ret);
	in->p++;
	skip_blanks(in);
	if (!at_line_end(in) && *in->p != '#')
		return fault(in, in->line, "has text behind the closing quote");
	skip_line(in);
	return true;
}

/* ---- entries ---- */

static bool read_entry(struct reader *in, struct env_entry *ret)
{
	static const struct str export = { "export", 6 };
	const char *start = in->p, *why;

	if (str_starts((struct str){ start, (size_t)(in->end - start) }, export) && in->end - start > 6 &&
	    is_blank(start[6])) {
		in->p += 6;
		skip_blanks(in);
		start = in->p;
	}
	while (!at_line_end(in) && !is_blank(*in->p) && *in->p != '=')
		in->p++;
	*ret = (struct env_entry){ .key = { start, (size_t)(in->p - start) }, .line = in->line };
	skip_blanks(in);
	if (at_line_end(in) || *in->p != '=')
		return fault(in, in->line, "is not KEY=value");
	why = variable_key_why(ret->key);
	if (why)
		return fault(in, in->line, arena_printf(in->arena, "has a key that is none: it %s", why).p);
	in->p++;
	skip_blanks(in);
	if (!(at_line_end(in) || !strchr("'\"`", *in->p) ? read_bare(in, &ret->value) : read_quoted(in, &ret->value)))
		return false;
	if (ret->value.n > in->longest)
		return fault(in, ret->line,
			     arena_printf(in->arena, "has a value of more than %zu bytes", in->longest).p);
	ret->key = arena_str(in->arena, ret->key);
	ret->value = arena_str(in->arena, ret->value);
	return true;
}

static bool is_new(struct reader *in, const struct env_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(entries[i].key, entries[n].key))
			return fault(in, entries[n].line,
				     arena_printf(in->arena, "sets %.*s again, which line %u has set",
						  STR_FMT(entries[n].key), entries[i].line)
					     .p);
	return true;
}

/* ---- the text ---- */

/* Line breaks of every kind become \n, between quotes as well; a byte order mark goes. */
static struct str normalize(struct arena *arena, struct str text)
{
	size_t i = str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0, n = 0;
	char *to = arena_raw(arena, text.n + 1);

	for (; i < text.n; i++) {
		if (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n')
			continue;
		to[n++] = text.p[i] == '\r' ? '\n' : text.p[i];
	}
	to[n] = '\0';
	return (struct str){ to, n };
}

static bool check_text(struct reader *in, struct str text)
{
	unsigned line = 1;

	if (str_is_text(text))
		return true;
	while (text.n && str_is_text(str_split(&text, '\n')))
		line++;
	return fault(in, line, "is no UTF-8 text, or holds a NUL");
}

bool env_file_read(struct arena *arena, struct str text, size_t most, size_t longest, struct env_entry **ret,
		   size_t *ret_n, struct env_fault *ret_fault)
{
	struct str plain = normalize(arena, text);
	struct reader in = { arena, plain.p, plain.p + plain.n, 1, longest, ret_fault };
	struct env_entry *entries = arena_alloc(arena, (most + 1) * sizeof(*entries));
	size_t n = 0;

	if (!check_text(&in, plain))
		return false;
	for (;;) {
		skip_blanks(&in);
		if (in.p < in.end && *in.p == '#')
			skip_line(&in);
		if (in.p == in.end)
			break;
		if (*in.p == '\n') {
			in.p++;
			in.line++;
			continue;
		}
		if (n == most)
			return fault(&in, in.line, arena_printf(arena, "is one more than the %zu that can be", most).p);
		if (!read_entry(&in, &entries[n]) || !is_new(&in, entries, n))
			return false;
		n++;
	}
	*ret = entries;
	*ret_n = n;
	return true;
}

/* ---- writing ---- */

static bool is_plain(struct str value)
{
	static const char marks[] = "_-./:@%+,=";

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(marks, c))))
			return false;
	}
	return true;
}

void env_file_write(struct buf *buf, struct str key, struct str value)
{
	bool is_literal = !memchr(value.p, '\'', value.n) && !memchr(value.p, '\r', value.n);

	buf_add_str(buf, key);
	buf_add_char(buf, '=');
	if (is_plain(value)) {
		buf_add_str(buf, value);
	} else if (is_literal) {
		buf_add_char(buf, '\'');
		buf_add_str(buf, value);
		buf_add_char(buf, '\'');
	} else {
		buf_add_char(buf, '"');
		for (size_t i = 0; i < value.n; i++) {
			if (strchr("\"\\$`", value.p[i]))
				buf_add_char(buf, '\\');
			if (value.p[i] == '\r')
				buf_add_str(buf, STR("\\r"));
			else
				buf_add_char(buf, value.p[i]);
		}
		buf_add_char(buf, '"');
	}
	buf_add_char(buf, '\n');
}
