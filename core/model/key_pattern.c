/* Patterns of keys: Thompson's construction, and his way of matching.
 *
 *   a      start -a-> end              a|b    start -> a -> end        a*   start <-> a, start -> end
 *                                             start -> b -> end
 *
 * Each part has one start and one end; an end's exits are set by what comes after it. */
#include "model/key_pattern.h"

#include <string.h>

/* Of one byte of a pattern at most: two states of an atom and two of a repetition or an alternative. */
#define STATES_MAX (4 * KEY_PATTERN_MAX + 8)
#define SET_WORDS  8 /* of 32 bits: a byte */

enum state_kind { STATE_PASS, STATE_BYTE, STATE_BEGIN, STATE_END, STATE_MATCH };

struct state {
	enum state_kind kind;
	int out, other; /* -1 = none */
	uint32_t set[SET_WORDS];
};

struct key_pattern {
	struct state *states;
	int n, start;
	/* of a match */
	int *now, *next, *stack;
	size_t *seen; /* in which round a state was entered last */
	size_t round, steps;
};

struct part {
	int start, end;
};

struct reader {
	struct key_pattern *p;
	struct str text;
	size_t at;
	int depth;
	struct arena *arena;
	const char *why; /* set once: the first fault */
};

/* ---- reading ---- */

static void refuse(struct reader *r, size_t at, const char *why)
{
	if (!r->why)
		r->why = arena_printf(r->arena, "%s (at character %zu)", why, at + 1).p;
}

static int add_state(struct reader *r, enum state_kind kind)
{
	struct state *s = &r->p->states[r->p->n];

	*s = (struct state){ .kind = kind, .out = -1, .other = -1 };
	return r->p->n++;
}

static struct part single(struct reader *r, enum state_kind kind)
{
	struct part part = { .start = add_state(r, kind) };

	part.end = add_state(r, STATE_PASS);
	r->p->states[part.start].out = part.end;
	return part;
}

static bool more(const struct reader *r)
{
	return !r->why && r->at < r->text.n;
}

static char peek(const struct reader *r)
{
	return r->text.p[r->at];
}

static void set_add(uint32_t *set, unsigned char c)
{
	set[c / 32] |= 1u << (c % 32);
}

static bool set_has(const uint32_t *set, unsigned char c)
{
	return set[c / 32] & 1u << (c % 32);
}

static void set_flip(uint32_t *set)
{
	for (int i = 0; i < SET_WORDS; i++)
		set[i] = ~set[i];
}

static bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* \d \w and their opposites. False when it is none of them. */
static bool set_of_escape(char letter, uint32_t *set)
{
	uint32_t own[SET_WORDS] = { 0 };

	if (!strchr("dDwW", letter))
		return false;
	for (unsigned char c = 0; c < 128; c++)
		if (letter == 'd' || letter == 'D' ? c >= '0' && c <= '9' : is_word(c))
			set_add(own, c);
	if (letter == 'D' || letter == 'W')
		set_flip(own);
	for (int i = 0; i < SET_WORDS; i++)
		set[i] |= own[i];
	return true;
}

/* Behind a backslash. True: a single byte, in *ret; false: a set of them was added, or it is refused. */
static bool read_escape(struct reader *r, uint32_t *set, unsigned char *ret)
{
	if (!more(r)) {
		refuse(r, r->at - 1, "must not end with a backslash");
		return false;
	}
	if (set_of_escape(peek(r), set)) {
		r->at++;
		return false;
	}
	if (is_word((unsigned char)peek(r))) {
		refuse(r, r->at - 1, "must have no other escapes than \\d, \\w, \\D, \\W and those of signs");
		return false;
	}
	*ret = (unsigned char)r->text.p[r->at++];
	return true;
}

/* One end of a range, or a single character of a class. True as read_escape. */
static bool read_member(struct reader *r, uint32_t *set, unsigned char *ret)
{
	*ret = (unsigned char)r->text.p[r->at++];
	return *ret == '\\' ? read_escape(r, set, ret) : true;
}

static bool at_range(const struct reader *r)
{
	return r->at + 1 < r->text.n && r->text.p[r->at] == '-' && r->text.p[r->at + 1] != ']';
}

static void read_members(struct reader *r, uint32_t *set)
{
	unsigned char from, to;
	size_t began;

	while (more(r) && peek(r) != ']') {
		bool one = read_member(r, set, &from);

		if (!more(r) || !at_range(r)) {
			if (one)
				set_add(set, from);
			continue;
		}
		began = r->at++;
		if (!one || !read_member(r, set, &to) || to < from) {
			refuse(r, began, "must have ranges from a lower to a higher character only");
			return;
		}
		for (unsigned c = from; c <= to; c++)
			set_add(set, (unsigned char)c);
	}
}

static struct part read_class(struct reader *r)
{
	struct part part = single(r, STATE_BYTE);
	uint32_t *set = r->p->states[part.start].set;
	size_t began = r->at++;
	bool flipped = more(r) && peek(r) == '^';

	r->at += flipped;
	if (more(r) && peek(r) == ']')
		refuse(r, began, "must have no empty class");
	read_members(r, set);
	if (!more(r))
		refuse(r, began, "has a \"[\" without its \"]\"");
	r->at++;
	if (flipped)
		set_flip(set);
	return part;
}

static struct part read_alternatives(struct reader *r);

static struct part read_group(struct reader *r)
{
	struct part part = { -1, -1 };
	size_t began = r->at++;

	if (++r->depth > KEY_PATTERN_DEPTH)
		refuse(r, began, "must not have more than 32 groups in one another");
	if (more(r) && peek(r) == '?') {
		if (r->text.n - r->at < 2 || r->text.p[r->at + 1] != ':')
			refuse(r, r->at, "must have no groups but (...) and (?:...)");
		r->at += 2;
	}
	if (!r->why)
		part = read_alternatives(r);
	if (!more(r) || peek(r) != ')')
		refuse(r, began, "has a \"(\" without its \")\"");
	r->at++;
	r->depth--;
	return part;
}

static struct part read_byte(struct reader *r)
{
	struct part part = single(r, STATE_BYTE);
	struct state *s = &r->p->states[part.start];
	unsigned char c = (unsigned char)r->text.p[r->at++];

	switch (c) {
	case '.':
		set_add(s->set, '\n');
		set_add(s->set, '\r');
		set_flip(s->set);
		return part;
	case '\\':
		if (read_escape(r, s->set, &c))
			set_add(s->set, c);
		return part;
	case '*':
	case '+':
	case '?':
		refuse(r, r->at - 1, "has nothing before a repetition; any characters are .*");
		break;
	case '{':
	case '}':
	case ']':
		refuse(r, r->at - 1, "must have no counted repetition; a backslash before { } or ] means the sign");
		break;
	default:
		break;
	}
	set_add(s->set, c);
	return part;
}

static struct part read_atom(struct reader *r)
{
	switch (peek(r)) {
	case '(':
		return read_group(r);
	case '[':
		return read_class(r);
	case '^':
		r->at++;
		return single(r, STATE_BEGIN);
	case '$':
		r->at++;
		return single(r, STATE_END);
	default:
		return read_byte(r);
	}
}

static struct part repeat(struct reader *r, struct part inner, char how)
{
	struct part part = { .start = add_state(r, STATE_PASS) };
	struct state *s = r->p->states;

	part.end = add_state(r, STATE_PASS);
	s[part.start].out = inner.start;
	if (how != '+')
		s[part.start].other = part.end;
	s[inner.end].out = part.end;
	if (how != '?')
		s[inner.end].other = inner.start;
	return part;
}

static bool at_repetition(const struct reader *r)
{
	return more(r) && strchr("*+?", peek(r)) != NULL;
}

static struct part read_piece(struct reader *r)
{
	bool is_place = peek(r) == '^' || peek(r) == '$';
	struct part part = read_atom(r);

	if (r->why || !at_repetition(r))
		return part;
	if (is_place)
		refuse(r, r->at, "must not repeat ^ or $");
	else
		part = repeat(r, part, r->text.p[r->at++]);
	if (at_repetition(r))
		refuse(r, r->at, "must not repeat a repetition");
	return part;
}

static struct part read_sequence(struct reader *r)
{
	struct part all = { .start = add_state(r, STATE_PASS) };

	all.end = all.start;
	while (more(r) && peek(r) != '|' && peek(r) != ')') {
		struct part next = read_piece(r);

		if (r->why)
			break;
		r->p->states[all.end].out = next.start;
		all.end = next.end;
	}
	return all;
}

static struct part read_alternatives(struct reader *r)
{
	struct part all = read_sequence(r);

	while (more(r) && peek(r) == '|') {
		struct part next, both;

		r->at++;
		next = read_sequence(r);
		both.start = add_state(r, STATE_PASS);
		both.end = add_state(r, STATE_PASS);
		r->p->states[both.start].out = all.start;
		r->p->states[both.start].other = next.start;
		r->p->states[all.end].out = both.end;
		r->p->states[next.end].out = both.end;
		all = both;
	}
	return all;
}

/* Before anything is read: a character beyond ASCII would be several, and a range of them mean something else. */
static void check_bytes(struct reader *r)
{
	for (size_t i = 0; i < r->text.n; i++)
		if (r->text.p[i] < ' ' || r->text.p[i] >= 127)
			refuse(r, i, "must have printable ASCII characters only");
}

struct key_pattern *key_pattern_new(struct arena *arena, struct str text, const char **ret_why)
{
	struct key_pattern *p = arena_alloc(arena, sizeof(*p));
	struct reader r = { .p = p, .text = text, .arena = arena };
	struct part all;
	int match;

	if (text.n == 0 || text.n > KEY_PATTERN_MAX) {
		*ret_why = "must have 1 to 256 characters";
		return NULL;
	}
	check_bytes(&r);
	if (r.why) {
		*ret_why = r.why;
		return NULL;
	}
	p->states = arena_alloc(arena, STATES_MAX * sizeof(*p->states));
	all = read_alternatives(&r);
	if (more(&r))
		refuse(&r, r.at, "has a \")\" without its \"(\"");
	if (r.why) {
		*ret_why = r.why;
		return NULL;
	}
	match = add_state(&r, STATE_MATCH);
	p->states[all.end].out = match;
	p->start = all.start;
	p->now = arena_alloc(arena, (size_t)p->n * sizeof(*p->now));
	p->next = arena_alloc(arena, (size_t)p->n * sizeof(*p->next));
	p->stack = arena_alloc(arena, (2 * (size_t)p->n + 1) * sizeof(*p->stack));
	p->seen = arena_alloc(arena, (size_t)p->n * sizeof(*p->seen));
	return p;
}

/* ---- matching ---- */

/* Every state that is reached from this one without a byte joins `list`, once a round. True when it is a match. */
static bool enter(struct key_pattern *p, int from, size_t at, size_t length, int *list, int *n)
{
	int depth = 0;

	p->stack[depth++] = from;
	while (depth > 0) {
		int i = p->stack[--depth];
		const struct state *s;

		if (i < 0 || p->seen[i] == p->round)
			continue;
		p->seen[i] = p->round;
		p->steps++;
		s = &p->states[i];
		if (s->kind == STATE_MATCH)
			return true;
		if (s->kind == STATE_BYTE) {
			list[(*n)++] = i;
			continue;
		}
		if ((s->kind == STATE_BEGIN && at != 0) || (s->kind == STATE_END && at != length))
			continue;
		p->stack[depth++] = s->other;
		p->stack[depth++] = s->out;
	}
	return false;
}

bool key_pattern_matches_within(struct key_pattern *p, struct str key, size_t most_steps, bool *ret_gave_up)
{
	int n = 0;

	p->steps = 0;
	p->round++;
	for (size_t at = 0;; at++) {
		int n_next = 0, *swap;

		if (enter(p, p->start, at, key.n, p->now, &n))
			return true;
		if (at == key.n)
			return false;
		if (p->steps > most_steps) {
			*ret_gave_up = true;
			return false;
		}
		p->round++;
		for (int i = 0; i < n; i++) {
			const struct state *s = &p->states[p->now[i]];

			p->steps++;
			if (set_has(s->set, (unsigned char)key.p[at]) &&
			    enter(p, s->out, at + 1, key.n, p->next, &n_next))
				return true;
		}
		swap = p->now;
		p->now = p->next;
		p->next = swap;
		n = n_next;
	}
}

bool key_pattern_matches(struct key_pattern *p, struct str key)
{
	bool gave_up;

	return key_pattern_matches_within(p, key, SIZE_MAX, &gave_up);
}

size_t key_pattern_steps(const struct key_pattern *p)
{
	return p->steps;
}

size_t key_pattern_size(const struct key_pattern *p)
{
	return (size_t)p->n;
}
