/* What is looked for: secrets and all their forms.
 *
 * Owns: copies of the forms, in memory for secrets.
 * Easy to break: a text is compared with a whole bucket at each of its places, so what would make one long is not
 * taken. */
#include "base/redact_inner.h"

#include "base/secret_memory.h"

#define FORMS_MAX  32768
#define BUCKET_MAX 512 /* forms that one place of a text is compared with */

struct block {
	struct block *next;
	char bytes[];
};

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
	uint32_t *bucket = bucket_of(r, f->p, f->is_decoded);

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

/* The same form, if it is there. *ret_steps: how many it was compared with. */
static struct form *known(const struct redactor *r, struct str text, bool is_decoded, size_t *ret_steps)
{
	uint32_t at = r->n_buckets ? *bucket_of(r, text.p, is_decoded) : 0;

	*ret_steps = 0;
	for (; at; at = r->forms[at - 1].next, ++*ret_steps) {
		struct form *f = &r->forms[at - 1];

		if (f->is_decoded == is_decoded && str_eq((struct str){ f->p, f->n }, text))
			return f;
	}
	return NULL;
}

static bool add_form(struct redactor *r, struct form form)
{
	struct form *before;
	size_t steps;

	if (form.n < REDACT_SHORTEST)
		return true;
	before = known(r, (struct str){ form.p, form.n }, form.is_decoded, &steps);
	if (before) {
		before->is_whole |= form.is_whole;
		return true;
	}
	if (steps >= BUCKET_MAX || r->n_forms >= FORMS_MAX)
		return false;
	form.hash = hash_of(form.p, form.n);
	form.power = power_of(form.n);
	form.mark = (uint32_t)r->n_marks - 1;
	form.head = short_bit(form.p);
	form.tail = short_bit(form.p + form.n - REDACT_SHORTEST);
	if (r->n_forms == r->room)
		grow(r);
	r->forms[r->n_forms] = form;
	link_form(r, (uint32_t)r->n_forms++);
	set_bit(r->filter, filter_bit(form.p));
	if (form.n > r->longest)
		r->longest = form.n;
	return true;
}

static bool add_plain(struct redactor *r, struct str secret, bool is_whole)
{
	char *plain = take(r, 2 * secret.n), *decoded = plain + secret.n;

	memcpy(plain, secret.p, secret.n);
	for (size_t i = 0; i < secret.n; i++)
		decoded[i] = redact_resolved(secret.p[i]);
	return add_form(r, (struct form){ .p = plain, .n = secret.n, .is_whole = is_whole }) &&
	       add_form(r, (struct form){ .p = decoded, .n = secret.n, .is_decoded = true });
}

/* The characters of base64 that hold nothing but bits of the secret, when `skip` bytes modulo three stand before it. */
static bool add_base64(struct redactor *r, struct str secret, size_t skip, const char *last_two)
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
	return add_form(r, (struct form){ .p = text,
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

static bool add_lines(struct redactor *r, struct str secret)
{
	struct str rest = secret;

	while (rest.n) {
		struct str line = str_split(&rest, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n >= REDACT_LINE && !add_plain(r, line, false))
			return false;
	}
	return true;
}

bool redactor_add(struct redactor *r, struct str mark, struct str secret)
{
	const struct form *before;
	size_t steps;

	if (secret.n < REDACT_SHORTEST)
		return true;
	before = known(r, secret, false, &steps);
	if (before && before->is_whole)
		return true;
	if (secret.n > r->max || 12 * secret.n + 64 + mark.n > r->max - r->used) /* of lines too: at most twice more */
		return false;
	add_mark(r, mark);
	if (!add_plain(r, secret, true))
		return false;
	for (size_t skip = 0; skip < 3; skip++)
		if (!add_base64(r, secret, skip, "+/") || !add_base64(r, secret, skip, "-_"))
			return false;
	return !memchr(secret.p, '\n', secret.n) || add_lines(r, secret);
}
