/* Many secrets in one pass over a text.
 *
 * Owns nothing.
 * Easy to break: no work may depend on how often or how nearly a text repeats a secret. A candidate is judged by hashes
 * of ranges, which cost the same for every length, and no byte is covered twice. */
#include "base/redact_inner.h"

#define STARTS 0x80000000u /* of a cover: a mark is written here */
/* Letters of forms that the borders of a text are compared with; and 16 a byte of it. */
#define CUT_WORK (1024 * 1024)

/* A text to look through: as it came, or with its percent signs resolved; each of them whole, or without the line
 * breaks of the text. */
struct view {
	const char *p;
	size_t n;
	const uint32_t *origin; /* of each byte and of the end, where it stood in the text; NULL = there */
	bool is_decoded, is_joined;
};

/* What one call of redact() knows of its text. */
struct work {
	struct str text;
	uint32_t *cover;         /* of each byte: its mark + 1, NULL until something is found */
	uint64_t *hashes;        /* of a view: of all before this byte; NULL until something may be found */
	const struct str *marks; /* of the redactor that is at work */
	uint32_t first_mark;
};

/* ---- looking ---- */

static size_t origin(const struct view *v, size_t i)
{
	return v->origin ? v->origin[i] : i;
}

/* Where the byte before this one ends in the text: the line breaks behind it are not its own. */
static size_t origin_of_end(const struct work *w, const struct view *v, size_t i)
{
	size_t at = origin(v, i);

	while (v->is_joined && i > 0 && at > origin(v, i - 1) + 1 && w->text.p[at - 1] == '\n')
		at--;
	return at;
}

/* No line ends before this byte. */
static bool is_beside(const struct work *w, const struct view *v, size_t i)
{
	return origin_of_end(w, v, i) == origin(v, i);
}

/* From and to are places of the text. What is covered already keeps its mark. */
static void cover(struct work *w, size_t from, size_t to, uint32_t mark)
{
	if (!w->cover)
		w->cover = need(calloc(w->text.n, sizeof(*w->cover)));
	for (size_t i = from; i < to; i++)
		if (!w->cover[i])
			w->cover[i] = (w->first_mark + mark + 1) | (i == from ? STARTS : 0);
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
	       c == '-' || c == '_';
}

static void hash_view(struct work *w, const struct view *v)
{
	uint64_t *hashes = need(malloc((v->n + 1) * sizeof(*hashes)));

	hashes[0] = 0;
	for (size_t i = 0; i < v->n; i++)
		hashes[i + 1] = hashes[i] * HASH_BASE + (unsigned char)v->p[i] + 1;
	w->hashes = hashes;
}

/* The longest form that stands at this place, or NULL. */
static const struct form *form_at(const struct redactor *r, struct work *w, const struct view *v, size_t at)
{
	const struct form *best = NULL;
	uint32_t i = *bucket_of(r, v->p + at, v->is_decoded);

	if (i && !w->hashes)
		hash_view(w, v);
	for (; i; i = r->forms[i - 1].next) {
		const struct form *f = &r->forms[i - 1];

		if (f->is_decoded == v->is_decoded && f->n <= v->n - at && (!best || f->n > best->n) &&
		    w->hashes[at + f->n] - w->hashes[at] * f->power == f->hash)
			best = f;
	}
	return best;
}

static void find_all(const struct redactor *r, struct work *w, const struct view *v)
{
	size_t covered = 0; /* up to here, by this pass */

	for (size_t i = 0; i + REDACT_SHORTEST <= v->n; i++) {
		const struct form *f;
		size_t from = i, to;

		if (!has_bit(r->filter, filter_bit(v->p + i)))
			continue;
		f = form_at(r, w, v, i);
		if (!f || i + f->n <= covered)
			continue;
		to = i + f->n;
		if (f->before && from > 0 && is_base64(v->p[from - 1]) && is_beside(w, v, from))
			from--;
		if (f->after && to < v->n && is_base64(v->p[to]) && is_beside(w, v, to))
			to++;
		if (from < covered) /* it begins inside another: that one's mark stands for both */
			from = covered;
		cover(w, origin(v, from), origin_of_end(w, v, to), f->mark);
		if (i < covered && w->cover[origin(v, from)] & STARTS)
			w->cover[origin(v, from)] &= ~STARTS;
		covered = to;
	}
}

/* ---- borders ---- */

/* A text read forwards, or backwards from its end. */
static char letter(struct str s, size_t i, bool backwards)
{
	return s.p[backwards ? s.n - 1 - i : i];
}

/* How much of the form's beginning the text ends with, but not all of it; backwards: how much of its end the text
 * begins with. By Knuth, Morris and Pratt, in the time of the shorter of both. */
static size_t overlap(struct str form, struct str text, bool backwards, uint32_t *borders)
{
	size_t n = text.n < form.n - 1 ? text.n : form.n - 1, k = 0;

	borders[0] = 0;
	for (size_t i = 1; i < n; i++) {
		while (k && letter(form, i, backwards) != letter(form, k, backwards))
			k = borders[k - 1];
		if (letter(form, i, backwards) == letter(form, k, backwards))
			k++;
		borders[i] = (uint32_t)k;
	}
	k = 0;
	for (size_t i = text.n - n; i < text.n; i++) {
		while (k && letter(text, i, backwards) != letter(form, k, backwards))
			k = borders[k - 1];
		if (letter(text, i, backwards) == letter(form, k, backwards))
			k++;
	}
	return k;
}

/* Bytes at the end that are the beginning of a percent sign's code, and those at the start that may be its rest. */
static size_t half_code_at_end(const struct view *v)
{
	for (size_t n = 1; v->is_decoded && n <= 2 && n <= v->n; n++)
		if (v->p[v->n - n] == '%')
			return n;
	return 0;
}

static size_t half_code_at_start(const struct view *v)
{
	size_t n = 0;

	while (n < 2 && n < v->n && hex_digit(v->p[n]) >= 0)
		n++;
	return n;
}

/* What find_cut() knows of a view: which heads of forms begin near its end, and which of their tails end near its
 * start. */
struct borders {
	uint64_t heads[FILTER_WORDS], tails[FILTER_WORDS];
	size_t work;      /* letters that may still be compared */
	uint32_t table[]; /* for overlap() */
};

static struct borders *look_at_borders(const struct redactor *r, const struct view *v)
{
	size_t near = r->longest + 2 < v->n ? r->longest + 2 : v->n; /* and two bytes of half a code */
	struct borders *b = need(calloc(1, sizeof(*b) + (near + 1) * sizeof(b->table[0])));

	b->work = CUT_WORK + 16 * v->n;
	for (size_t i = 0; i + REDACT_SHORTEST <= near; i++) {
		set_bit(b->heads, short_bit(v->p + v->n - near + i));
		set_bit(b->tails, short_bit(v->p + i));
	}
	return b;
}

/* overlap(), or all of the text that a form may cover when the work is used up: too much rather than too little. */
static size_t overlap_within(struct borders *b, struct str form, struct str text, bool backwards)
{
	size_t most = text.n < form.n - 1 ? text.n : form.n - 1;

	if (most > b->work)
		return most;
	b->work -= most;
	return overlap(form, text, backwards, b->table);
}

static void find_cut(const struct redactor *r, struct work *w, const struct view *v)
{
	const size_t end = v->n - half_code_at_end(v), most_skipped = half_code_at_start(v);
	struct borders *b = look_at_borders(r, v);
	size_t most_at_end = 0, most_at_start = 0;
	uint32_t mark_at_end = 0, mark_at_start = 0;

	for (size_t i = 0; i < r->n_forms && v->n >= REDACT_SHORTEST; i++) {
		const struct form *f = &r->forms[i];
		const struct str form = { f->p, f->n };
		size_t n;

		if (f->is_decoded != v->is_decoded)
			continue;
		n = has_bit(b->heads, f->head) ? overlap_within(b, form, (struct str){ v->p, end }, false) : 0;
		if (n >= REDACT_SHORTEST && n > most_at_end) {
			most_at_end = n;
			mark_at_end = f->mark;
		}
		for (size_t skip = 0; skip <= most_skipped && has_bit(b->tails, f->tail); skip++) {
			n = overlap_within(b, form, (struct str){ v->p + skip, v->n - skip }, true);
			if (n >= REDACT_SHORTEST && skip + n > most_at_start) {
				most_at_start = skip + n;
				mark_at_start = f->mark;
			}
		}
	}
	free(b);
	if (most_at_end)
		cover(w, origin(v, end - most_at_end), origin_of_end(w, v, v->n), mark_at_end);
	if (most_at_start)
		cover(w, 0, origin_of_end(w, v, most_at_start), mark_at_start);
}

/* ---- percent signs ---- */

/* The view with its percent signs resolved; false when it has none. Frees with free(). */
static bool resolve(const struct view *v, struct view *ret, char **ret_bytes, uint32_t **ret_origin)
{
	uint32_t *from;
	char *bytes;
	size_t n = 0;

	if (v->n == 0 || (!memchr(v->p, '%', v->n) && !memchr(v->p, '+', v->n)))
		return false;
	bytes = need(malloc(v->n));
	from = need(malloc((v->n + 1) * sizeof(*from)));
	for (size_t i = 0; i < v->n; i++, n++) {
		from[n] = (uint32_t)origin(v, i);
		if (v->p[i] == '%' && i + 2 < v->n && hex_digit(v->p[i + 1]) >= 0 && hex_digit(v->p[i + 2]) >= 0) {
			bytes[n] = redact_resolved((char)(hex_digit(v->p[i + 1]) << 4 | hex_digit(v->p[i + 2])));
			i += 2;
		} else {
			bytes[n] = redact_resolved(v->p[i]);
		}
	}
	from[n] = (uint32_t)origin(v, v->n);
	*ret = (struct view){ bytes, n, from, true, v->is_joined };
	*ret_bytes = bytes;
	*ret_origin = from;
	return true;
}

/* ---- line breaks ---- */

/* Whoever hands over what a program writes while it writes ends lines in the middle of what it writes: so all lines are
 * one text, too. False when there is nothing to join. Frees with free(). */
static bool join(struct str text, struct view *ret, char **ret_bytes, uint32_t **ret_origin)
{
	uint32_t *from;
	char *bytes;
	size_t n = 0;

	if (text.n == 0 || !memchr(text.p, '\n', text.n))
		return false;
	bytes = need(malloc(text.n));
	from = need(malloc((text.n + 1) * sizeof(*from)));
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			continue;
		from[n] = (uint32_t)i;
		bytes[n++] = text.p[i];
	}
	from[n] = (uint32_t)text.n;
	*ret = (struct view){ bytes, n, from, false, true };
	*ret_bytes = bytes;
	*ret_origin = from;
	return true;
}

/* ---- the whole ---- */

static void look_through(const struct redactor *r, struct work *w, const struct view *v, bool cut)
{
	find_all(r, w, v);
	if (cut)
		find_cut(r, w, v);
	free(w->hashes);
	w->hashes = NULL;
}

static void write_rest(const struct redactor *const *redactors, size_t n, const struct work *w, struct buf *ret)
{
	size_t from = 0, i = 0;

	while (i < w->text.n) {
		uint32_t mark = w->cover[i], first = 0;

		if (!mark) {
			i++;
			continue;
		}
		buf_add(ret, w->text.p + from, i - from);
		mark = (mark & ~STARTS) - 1;
		for (size_t k = 0; k < n; k++) {
			if (!redactors[k])
				continue;
			if (mark - first < redactors[k]->n_marks) {
				buf_add_str(ret, redactors[k]->marks[mark - first]);
				break;
			}
			first += (uint32_t)redactors[k]->n_marks;
		}
		do
			i++;
		while (i < w->text.n && w->cover[i] && !(w->cover[i] & STARTS));
		from = i;
	}
	buf_add(ret, w->text.p + from, w->text.n - from);
}

void redact(const struct redactor *const *redactors, size_t n, struct str text, bool cut, struct buf *ret)
{
	struct view views[4] = { { .p = text.p, .n = text.n } };
	char *bytes[4] = { NULL };
	uint32_t *origins[4] = { NULL };
	struct work w = { .text = text };
	size_t n_views = 1;

	if (cut && text.n < UINT32_MAX)
		n_views += join(text, &views[1], &bytes[1], &origins[1]);
	for (size_t i = 0, n_plain = n_views; text.n < UINT32_MAX && i < n_plain; i++)
		n_views += resolve(&views[i], &views[n_views], &bytes[n_views], &origins[n_views]);
	for (size_t i = 0; i < n; i++) {
		if (!redactors[i] || redactors[i]->n_forms == 0)
			continue;
		for (size_t k = 0; k < n_views; k++)
			look_through(redactors[i], &w, &views[k], cut);
		w.first_mark += (uint32_t)redactors[i]->n_marks;
	}
	if (w.cover)
		write_rest(redactors, n, &w, ret);
	else
		buf_add_str(ret, text);
	for (size_t k = 1; k < n_views; k++) {
		explicit_bzero(bytes[k], views[k].n);
		free(bytes[k]);
		free(origins[k]);
	}
	free(w.cover);
}
