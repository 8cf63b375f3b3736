/* Many secrets in one pass over a text.
 *
 * Owns: copies of the forms, in memory for secrets.
 * Easy to break: no work may depend on how often or how nearly a text repeats a secret. A candidate is judged by hashes
 * of ranges, which cost the same for every length, and no byte is covered twice. */
#include "base/redact.h"

#include "base/secret_memory.h"

#include <stdlib.h>
#include <string.h>

#define FILTER_BITS 15
#define STARTS      0x80000000u /* of a cover: a mark is written here */
#define HASH_BASE   UINT64_C(0x9E3779B97F4A7C15)

/* One way to write one secret. */
struct form {
	const char *p; /* in a block */
	size_t n;
	uint64_t hash, power; /* of all its bytes; HASH_BASE to the n */
	uint32_t mark;        /* index into marks */
	uint32_t next;        /* of the same bucket, index + 1 */
	bool is_decoded;      /* looked for in texts whose percent signs are resolved */
	bool is_whole;        /* a secret, not only a line or a code of one */
	bool before, after;   /* base64: the character there holds a few bits of the secret too */
};

struct block {
	struct block *next;
	char bytes[];
};

struct redactor {
	struct block *blocks;
	struct form *forms;
	uint32_t *buckets; /* index + 1 */
	struct str *marks; /* in blocks */
	size_t n_forms, room, n_buckets, n_marks, used, max, longest;
	uint64_t filter[(1 << FILTER_BITS) / 64];
};

/* A text to look through: as it came, or with its percent signs resolved. */
struct view {
	const char *p;
	size_t n;
	const uint32_t *origin; /* of each byte and of the end, where it stood in the text; NULL = there */
	bool is_decoded;
};

/* What one call of redact() knows of its text. */
struct work {
	struct str text;
	uint32_t *cover;         /* of each byte: its mark + 1, NULL until something is found */
	uint64_t *hashes;        /* of a view: of all before this byte; NULL until something may be found */
	const struct str *marks; /* of the redactor that is at work */
	uint32_t first_mark;
};

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* ---- hashes ---- */

static uint64_t hash_of(const char *p, size_t n)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < n; i++)
		hash = hash * HASH_BASE + (unsigned char)p[i] + 1;
	return hash;
}

static uint64_t power_of(size_t n)
{
	uint64_t power = 1, base = HASH_BASE;

	for (; n; n >>= 1, base *= base)
		if (n & 1)
			power *= base;
	return power;
}

static uint32_t filter_bit(const char *p)
{
	uint32_t four;

	memcpy(&four, p, sizeof(four));
	return four * 0x9E3779B1u >> (32 - FILTER_BITS);
}

static uint64_t head_hash(const char *p)
{
	uint64_t head = 0;

	memcpy(&head, p, REDACT_SHORTEST);
	head *= HASH_BASE;
	return head ^ head >> 29;
}

/* ---- forms ---- */

struct redactor *redactor_new(size_t max)
{
	struct redactor *r = need(calloc(1, sizeof(*r)));

	r->max = max;
	return r;
}

struct redactor *redactor_free(struct redactor *r)
{
	if (!r)
		return NULL;
	while (r->blocks) {
		struct block *block = r->blocks;

		r->blocks = block->next;
		secret_free(block);
	}
	if (r->forms)
		explicit_bzero(r->forms, r->n_forms * sizeof(*r->forms));
	free(r->forms);
	free(r->buckets);
	free(r->marks);
	free(r);
	return NULL;
}

static char *take(struct redactor *r, size_t n)
{
	struct block *block = secret_alloc(sizeof(*block) + n);

	block->next = r->blocks;
	r->blocks = block;
	r->used += n;
	return block->bytes;
}

static void link_form(struct redactor *r, uint32_t index)
{
	struct form *f = &r->forms[index];
	uint32_t *bucket = &r->buckets[head_hash(f->p) & (r->n_buckets - 1)];

	f->next = *bucket;
	*bucket = index + 1;
}

static void grow(struct redactor *r)
{
	struct form *before = r->forms;

	r->room = r->room ? 2 * r->room : 16;
	r->forms = need(malloc(r->room * sizeof(*r->forms)));
	if (r->n_forms)
		memcpy(r->forms, before, r->n_forms * sizeof(*before));
	if (before)
		explicit_bzero(before, r->n_forms * sizeof(*before));
	free(before);
	free(r->buckets);
	r->n_buckets = 2 * r->room;
	r->buckets = need(calloc(r->n_buckets, sizeof(*r->buckets)));
	for (size_t i = 0; i < r->n_forms; i++)
		link_form(r, (uint32_t)i);
}

static struct form *known(const struct redactor *r, struct str text, bool is_decoded)
{
	uint32_t at = r->n_buckets ? r->buckets[head_hash(text.p) & (r->n_buckets - 1)] : 0;

	for (; at; at = r->forms[at - 1].next) {
		struct form *f = &r->forms[at - 1];

		if (f->is_decoded == is_decoded && str_eq((struct str){ f->p, f->n }, text))
			return f;
	}
	return NULL;
}

static void add_form(struct redactor *r, struct form form)
{
	struct form *before;
	uint32_t bit;

	if (form.n < REDACT_SHORTEST)
		return;
	before = known(r, (struct str){ form.p, form.n }, form.is_decoded);
	if (before) {
		before->is_whole |= form.is_whole;
		return;
	}
	form.hash = hash_of(form.p, form.n);
	form.power = power_of(form.n);
	form.mark = (uint32_t)r->n_marks - 1;
	if (r->n_forms == r->room)
		grow(r);
	r->forms[r->n_forms] = form;
	link_form(r, (uint32_t)r->n_forms++);
	bit = filter_bit(form.p);
	r->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
	if (form.n > r->longest)
		r->longest = form.n;
}

/* A plus is a space in forms of web pages, and a plus elsewhere: for both sides it is a space. */
static char resolved(char c)
{
	return c == '+' ? ' ' : c;
}

static void add_plain(struct redactor *r, struct str secret, bool is_whole)
{
	char *plain = take(r, 2 * secret.n), *decoded = plain + secret.n;

	memcpy(plain, secret.p, secret.n);
	for (size_t i = 0; i < secret.n; i++)
		decoded[i] = resolved(secret.p[i]);
	add_form(r, (struct form){ .p = plain, .n = secret.n, .is_whole = is_whole });
	add_form(r, (struct form){ .p = decoded, .n = secret.n, .is_decoded = true });
}

/* The characters of base64 that hold nothing but bits of the secret, when `skip` bytes modulo three stand before it. */
static void add_base64(struct redactor *r, struct str secret, size_t skip, const char *last_two)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t from = (8 * skip + 5) / 6, to = 8 * (skip + secret.n) / 6;
	char *text = take(r, to - from);

	for (size_t i = from; i < to; i++) {
		size_t bit = 6 * i - 8 * skip, at = bit / 8;
		unsigned two = (unsigned)(unsigned char)secret.p[at] << 8 |
			       (at + 1 < secret.n ? (unsigned char)secret.p[at + 1] : 0);
		unsigned six = two >> (10 - bit % 8) & 63;

		text[i - from] = six < 62 ? letters[six] : last_two[six - 62];
	}
	add_form(r, (struct form){ .p = text,
				   .n = to - from,
				   .before = 8 * skip % 6 != 0,
				   .after = 8 * (skip + secret.n) % 6 != 0 });
}

static void add_mark(struct redactor *r, struct str mark)
{
	char *copy = take(r, mark.n);

	memcpy(copy, mark.p, mark.n);
	r->marks = need(realloc(r->marks, (r->n_marks + 1) * sizeof(*r->marks)));
	r->marks[r->n_marks++] = (struct str){ copy, mark.n };
}

bool redactor_add(struct redactor *r, struct str mark, struct str secret)
{
	const struct form *before;
	struct str rest = secret;

	if (secret.n < REDACT_SHORTEST)
		return true;
	before = known(r, secret, false);
	if (before && before->is_whole)
		return true;
	if (secret.n > r->max || 12 * secret.n + 64 + mark.n > r->max - r->used) /* of lines too: at most twice more */
		return false;
	add_mark(r, mark);
	add_plain(r, secret, true);
	for (size_t skip = 0; skip < 3; skip++) {
		add_base64(r, secret, skip, "+/");
		add_base64(r, secret, skip, "-_");
	}
	if (!memchr(secret.p, '\n', secret.n))
		return true;
	while (rest.n) {
		struct str line = str_split(&rest, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n >= REDACT_LINE)
			add_plain(r, line, false);
	}
	return true;
}

/* ---- looking ---- */

static size_t origin(const struct view *v, size_t i)
{
	return v->origin ? v->origin[i] : i;
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
	uint32_t i = r->buckets[head_hash(v->p + at) & (r->n_buckets - 1)];

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
		uint32_t bit = filter_bit(v->p + i);
		const struct form *f;
		size_t from = i, to;

		if (!(r->filter[bit / 64] >> (bit % 64) & 1))
			continue;
		f = form_at(r, w, v, i);
		if (!f || i + f->n <= covered)
			continue;
		to = i + f->n;
		if (f->before && from > 0 && is_base64(v->p[from - 1]))
			from--;
		if (f->after && to < v->n && is_base64(v->p[to]))
			to++;
		if (from < covered) /* it begins inside another: that one's mark stands for both */
			from = covered;
		cover(w, origin(v, from), origin(v, to), f->mark);
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
 * begins with. By Knuth, Morris and Pratt, in the time of the form's length. */
static size_t overlap(struct str form, struct str text, bool backwards, uint32_t *borders)
{
	size_t n = text.n < form.n - 1 ? text.n : form.n - 1, k = 0;

	borders[0] = 0;
	for (size_t i = 1; i < form.n; i++) {
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

static void find_cut(const struct redactor *r, struct work *w, const struct view *v)
{
	uint32_t *borders = need(malloc((r->longest + 1) * sizeof(*borders)));
	const size_t end = v->n - half_code_at_end(v), most_skipped = half_code_at_start(v);

	for (size_t i = 0; i < r->n_forms && v->n; i++) {
		const struct form *f = &r->forms[i];
		const struct str form = { f->p, f->n };
		size_t n;

		if (f->is_decoded != v->is_decoded)
			continue;
		n = overlap(form, (struct str){ v->p, end }, false, borders);
		if (n >= REDACT_SHORTEST)
			cover(w, origin(v, end - n), w->text.n, f->mark);
		for (size_t skip = 0; skip <= most_skipped; skip++) {
			n = overlap(form, (struct str){ v->p + skip, v->n - skip }, true, borders);
			if (n >= REDACT_SHORTEST)
				cover(w, 0, origin(v, skip + n), f->mark);
		}
	}
	free(borders);
}

/* ---- percent signs ---- */

/* The text with its percent signs resolved; false when it has none. Frees with free(). */
static bool resolve(struct str text, struct view *ret, char **ret_bytes, uint32_t **ret_origin)
{
	uint32_t *from;
	char *bytes;
	size_t n = 0;

	if (text.n == 0 || (!memchr(text.p, '%', text.n) && !memchr(text.p, '+', text.n)))
		return false;
	bytes = need(malloc(text.n));
	from = need(malloc((text.n + 1) * sizeof(*from)));
	for (size_t i = 0; i < text.n; i++, n++) {
		from[n] = (uint32_t)i;
		if (text.p[i] == '%' && i + 2 < text.n && hex_digit(text.p[i + 1]) >= 0 &&
		    hex_digit(text.p[i + 2]) >= 0) {
			bytes[n] = resolved((char)(hex_digit(text.p[i + 1]) << 4 | hex_digit(text.p[i + 2])));
			i += 2;
		} else {
			bytes[n] = resolved(text.p[i]);
		}
	}
	from[n] = (uint32_t)text.n;
	*ret = (struct view){ bytes, n, from, true };
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
	const struct view plain = { .p = text.p, .n = text.n };
	struct work w = { .text = text };
	struct view decoded = { 0 };
	uint32_t *origins = NULL;
	char *bytes = NULL;
	bool has_decoded = text.n < UINT32_MAX && resolve(text, &decoded, &bytes, &origins);

	for (size_t i = 0; i < n; i++) {
		if (!redactors[i] || redactors[i]->n_forms == 0)
			continue;
		look_through(redactors[i], &w, &plain, cut);
		if (has_decoded)
			look_through(redactors[i], &w, &decoded, cut);
		w.first_mark += (uint32_t)redactors[i]->n_marks;
	}
	if (w.cover)
		write_rest(redactors, n, &w, ret);
	else
		buf_add_str(ret, text);
	if (bytes)
		explicit_bzero(bytes, text.n);
	free(bytes);
	free(origins);
	free(w.cover);
}
