/* opshubd audit: checking the chains, and taking them out for an investigation. A page at a time, each on a fiber of
 * its own, so that a record of years needs the memory of one page. */
#include "daemon/admin.h"

#include "base/clock.h"
#include "store/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE_ROWS     1000
#define HEADS_AT_ONCE 500

static struct str org_word(struct str org)
{
	return org.n ? org : STR(AUDIT_INSTALLATION);
}

/* One chain on its way; for verify and export. */
struct walk {
	struct db *db;
	const struct audit_head *head;
	int64_t from_ms, to_ms;
	int (*page)(struct call *call, struct walk *walk, const struct db_rows *rows);
	struct expect *expects;
	unsigned n_expects;
	int64_t after; /* the last row that was read */
	struct audit_link link;
	char broken[1024]; /* what is wrong; empty = nothing yet */
	bool end;
	int code;
	char why[512];
};

/* ---- pages ---- */

static void walk_page(struct call *call, void *arg)
{
	struct walk *walk = arg;
	struct db_rows rows;

	walk->code = audit_walk(call, walk->db, walk->head->org, walk->after, walk->head->seq, walk->from_ms,
				walk->to_ms, PAGE_ROWS, &rows);
	if (walk->code == OK) {
		if (rows.n_rows)
			walk->after = db_int(&rows, rows.n_rows - 1, "seq");
		walk->end = rows.n_rows < PAGE_ROWS;
		walk->code = walk->page(call, walk, &rows);
	}
	if (walk->code != OK)
		snprintf(walk->why, sizeof(walk->why), "%s", call->why);
}

static int walk_all(struct call *call, struct walk *walk)
{
	struct fiber_options options = { .name = "audit-page" };
	int r = OK;

	while (r == OK && !walk->end && !walk->broken[0]) {
		r = fiber_run(call, &options, walk_page, walk);
		if (r == OK && walk->code != OK)
			r = call_fail(call, walk->code, "%s", walk->why);
	}
	return r;
}

/* ---- verify ---- */

/* "ORG:SEQ:HASH", as it was printed once: that row must still be what it was. */
struct expect {
	struct str org;
	int64_t seq;
	uint8_t hash[SHA256_SIZE];
	bool found;
};

static bool read_expect(struct str text, struct expect *ret)
{
	struct str rest = text, org = str_split(&rest, ':'), seq = str_split(&rest, ':');

	*ret = (struct expect){ .org = str_eq(org, STR(AUDIT_INSTALLATION)) ? STR("") : org };
	return org.n && str_to_int(seq, 1, INT64_MAX, &ret->seq) && hex_decode(rest, ret->hash, SHA256_SIZE);
}

static void broken(struct walk *walk, const char *why)
{
	snprintf(walk->broken, sizeof(walk->broken), "%s", why);
}

static void check_expects(struct call *call, struct walk *walk)
{
	for (unsigned i = 0; i < walk->n_expects; i++) {
		struct expect *e = &walk->expects[i];

		if (e->seq != walk->link.seq || !str_eq(e->org, walk->head->org))
			continue;
		e->found = true;
		if (memcmp(e->hash, walk->link.hash, SHA256_SIZE) != 0)
			broken(walk, arena_printf(call->arena,
						  "row %" PRId64 " is not the one that was expected: the chain was "
						  "written anew before it",
						  e->seq)
					     .p);
	}
}

static int verify_page(struct call *call, struct walk *walk, const struct db_rows *rows)
{
	struct audit_row row;
	const char *why;

	for (int i = 0; i < rows->n_rows && !walk->broken[0]; i++) {
		audit_row_read(rows, i, &row);
		why = audit_follow(call, &walk->link, &row);
		if (why)
			broken(walk, why);
		else
			check_expects(call, walk);
	}
	return OK;
}

/* The head is of one moment; what is added meanwhile stands behind it and is not looked at. */
static int verify_chain(struct call *call, struct db *db, const struct audit_head *head, struct expect *expects,
			unsigned n_expects, unsigned *n_broken)
{
	struct walk walk = { .db = db, .head = head, .page = verify_page, .expects = expects, .n_expects = n_expects };
	struct str org = org_word(head->org);
	char hash[SHA256_HEX_SIZE] = "";
	const char *why = NULL;
	int r = walk_all(call, &walk);

	if (r != OK)
		return r;
	if (!walk.broken[0])
		why = audit_end(call, &walk.link, head);
	if (why)
		broken(&walk, why);
	for (unsigned i = 0; i < n_expects && !walk.broken[0]; i++)
		if (str_eq(expects[i].org, head->org) && !expects[i].found)
			broken(&walk, arena_printf(call->arena, "row %" PRId64 " was expected and is not there",
						   expects[i].seq)
					      .p);
	if (walk.broken[0]) {
		printf("%.*s: BROKEN: %s\n", STR_FMT(org), walk.broken);
		++*n_broken;
	} else {
		hex_encode(walk.link.hash, SHA256_SIZE, hash);
		printf("%.*s: %" PRId64 " rows, head %.*s:%" PRId64 ":%s\n", STR_FMT(org), walk.link.seq, STR_FMT(org),
		       walk.link.seq, hash);
	}
	return OK;
}

static int verify_all(struct call *call, struct db *db, const struct str *org, struct expect *expects,
		      unsigned n_expects, unsigned *n_broken)
{
	const struct audit_head *heads;
	const struct str *after = NULL;
	size_t n = 0, seen = 0;
	int r;

	do {
		r = audit_heads(call, db, org, after, HEADS_AT_ONCE, &heads, &n);
		for (size_t i = 0; r == OK && i < n; i++) {
			r = verify_chain(call, db, &heads[i], expects, n_expects, n_broken);
			after = &heads[i].org;
		}
		seen += n;
	} while (r == OK && n == HEADS_AT_ONCE);
	if (r == OK && org && seen == 0)
		r = call_fail(call, E_NOT_FOUND, "there is no audit of an organization %.*s", STR_FMT(*org));
	return r;
}

/* Those of chains that were not looked at, or that are not there any more. */
static void miss_expects(const struct expect *expects, unsigned n, unsigned *n_broken)
{
	for (unsigned i = 0; i < n; i++) {
		struct str org = org_word(expects[i].org);

		if (expects[i].found)
			continue;
		printf("%.*s: BROKEN: row %" PRId64 " was expected and is not there\n", STR_FMT(org), expects[i].seq);
		++*n_broken;
	}
}

int audit_verify(struct call *call, const char *database_url, const struct admin_words *words)
{
	struct str org = str_of(words->org);
	struct expect *expects = arena_alloc(call->arena, EXPECTS_MAX * sizeof(*expects));
	unsigned n_broken = 0;
	struct db *db = NULL;
	int r = OK;

	if (str_eq(org, STR(AUDIT_INSTALLATION)))
		org = STR("");
	for (unsigned i = 0; r == OK && i < words->n_expects; i++)
		if (!read_expect(str_of(words->expects[i]), &expects[i]))
			r = call_fail(call, E_INVALID, "\"%s\" is not ORG:SEQ:HASH, as this command prints it",
				      words->expects[i]);
	if (r == OK)
		r = admin_db(call, database_url, &db);
	if (r == OK)
		r = verify_all(call, db, words->org ? &org : NULL, expects, words->n_expects, &n_broken);
	if (r == OK && n_broken == 0)
		miss_expects(expects, words->n_expects, &n_broken);
	if (r == OK && n_broken)
		r = call_fail(call, E_CONFLICT, "the audit was tampered with: see above, and docs/security.md");
	db_close(db);
	return r;
}

/* ---- export ---- */

static int export_page(struct call *call, struct walk *walk, const struct db_rows *rows)
{
	struct audit_row row;
	struct buf line;

	(void)walk;
	buf_init(&line, SIZE_MAX / 2);
	for (int i = 0; i < rows->n_rows; i++) {
		struct json_out out = JSON_OUT(&line);
		char hash[SHA256_HEX_SIZE] = "";

		audit_row_read(rows, i, &row);
		buf_clear(&line);
		json_open(&out, '{');
		json_put_text(&out, "organization", org_word(row.org));
		json_put_int(&out, "seq", row.seq);
		audit_row_json(call, &row, &out);
		if (row.hash.n == SHA256_SIZE)
			hex_encode(row.hash.p, SHA256_SIZE, hash);
		json_put_text(&out, "hash", str_of(hash));
		json_close(&out, '}');
		buf_add_char(&line, '\n');
		fwrite(line.p, 1, line.n, stdout);
	}
	buf_done(&line);
	return ferror(stdout) ? call_fail(call, E_INTERNAL, "standard output cannot be written") : OK;
}

static int read_time(struct call *call, const char *text, int64_t *ret_ms)
{
	struct str time = str_of(text);

	*ret_ms = 0;
	if (!text)
		return OK;
	if (time.n == 10)
		time = arena_printf(call->arena, "%sT00:00:00Z", text);
	if (time_parse(time, ret_ms))
		return OK;
	return call_fail(call, E_INVALID, "\"%s\" is no date (2026-11-23) and no time (2026-11-23T10:00:00Z)", text);
}

int audit_export(struct call *call, const char *database_url, const struct admin_words *words)
{
	struct str org = str_of(words->org);
	struct walk walk = { .page = export_page };
	size_t n = 0;
	int r = read_time(call, words->from, &walk.from_ms);

	if (r == OK)
		r = read_time(call, words->to, &walk.to_ms);
	if (r == OK)
		r = admin_db(call, database_url, &walk.db);
	if (r == OK)
		r = audit_heads(call, walk.db, &org, NULL, 1, &walk.head, &n);
	if (r == OK && n == 0 && !words->installation)
		r = call_fail(call, E_NOT_FOUND, "there is no audit of an organization %.*s", STR_FMT(org));
	if (r == OK && n)
		r = walk_all(call, &walk);
	db_close(walk.db);
	return r;
}
