/* A chain without a database: what a hash covers, byte for byte, and what each wrong link is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/audit.h"

static struct arena *arena;
static struct call call;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	call = (struct call){ .arena = arena, .why = "" };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct audit_row row_of(int64_t seq)
{
	return (struct audit_row){
		.org = STR("org_a"),
		.id = STR("audit_1"),
		.at = STR("2026-11-23T10:00:00.000Z"),
		.seq = seq,
		.at_us = 1795428000000001,
		.kind = STR("user"),
		.actor_id = STR("user_1"),
		.actor = STR("a@b.example"),
		.ip = STR("192.0.2.1"),
		.user_agent = STR("quote \" back \\ \x01\b\t\n\x0b\f\r\x1f\x7f \xc3\xbc"),
		.request_id = STR("req-1"),
		.action = STR("member.add"),
		.target_kind = STR("member"),
		.target_id = STR("user_2"),
		.project_id = STR(""),
		.before = STR(""),
		.after = STR("{\"role\": \"VIEWER\"}"),
	};
}

static void a_hash_covers_this_text(void **state)
{
	static const struct str text = STR(
		"before"
		"[\"org_a\", 7, \"audit_1\", 1795428000000001, \"user\", \"user_1\", \"a@b.example\", \"192.0.2.1\", "
		"\"quote \\\" back \\\\ \\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f \xc3\xbc\", \"req-1\", "
		"\"member.add\", "
		"\"member\", \"user_2\", \"\", \"\", \"{\\\"role\\\": \\\"VIEWER\\\"}\"]");
	struct audit_row row = row_of(7);
	uint8_t hash[SHA256_SIZE], expected[SHA256_SIZE];

	(void)state;
	audit_row_hash(&row, STR("before"), hash);
	sha256(&text, 1, expected);
	assert_memory_equal(hash, expected, sizeof(hash));
}

/* The chain that the others spoil: the texts of a row point into `links`. */
#define ROWS 4
static struct audit_row rows[ROWS];
static uint8_t links[ROWS][SHA256_SIZE];

static struct str bytes(const uint8_t *hash)
{
	return (struct str){ (const char *)hash, SHA256_SIZE };
}

static struct audit_head build(void)
{
	for (int i = 0; i < ROWS; i++) {
		rows[i] = row_of(i + 1);
		rows[i].prev_hash = i ? bytes(links[i - 1]) : STR("");
		audit_row_hash(&rows[i], rows[i].prev_hash, links[i]);
		rows[i].hash = bytes(links[i]);
	}
	return (struct audit_head){ STR("org_a"), ROWS, bytes(links[ROWS - 1]), ROWS };
}

static const char *check(const struct audit_row *list, int n, const struct audit_head *head)
{
	struct audit_link link = { 0 };

	for (int i = 0; i < n; i++) {
		const char *why = audit_follow(&call, &link, &list[i]);

		if (why)
			return why;
	}
	return audit_end(&call, &link, head);
}

static void says(const char *why, const char *part)
{
	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("\"%s\" says nothing of \"%s\"", why, part);
}

static void a_whole_chain_is_fine(void **state)
{
	struct audit_head head = build();

	(void)state;
	assert_null(check(rows, ROWS, &head));
}

static void every_text_counts(void **state)
{
	struct str *texts[] = { &rows[1].org,    &rows[1].id,          &rows[1].kind,       &rows[1].actor_id,
				&rows[1].actor,  &rows[1].ip,          &rows[1].user_agent, &rows[1].request_id,
				&rows[1].action, &rows[1].target_kind, &rows[1].target_id,  &rows[1].project_id,
				&rows[1].before, &rows[1].after };
	struct audit_head head;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		head = build();
		*texts[i] = STR("x");
		says(check(rows, ROWS, &head), "row 2 ");
		says(check(rows, ROWS, &head), "was changed");
	}
	head = build();
	rows[1].at_us++;
	says(check(rows, ROWS, &head), "was changed");
	head = build();
	rows[1].hash = STR("");
	says(check(rows, ROWS, &head), "was changed");
}

static void a_text_cannot_move_into_its_neighbour(void **state)
{
	struct audit_row a = row_of(1), b = row_of(1);
	uint8_t one[SHA256_SIZE], two[SHA256_SIZE];

	(void)state;
	a.ip = STR("1\", \"2");
	a.actor = STR("");
	b.ip = STR("2");
	b.actor = STR("1");
	audit_row_hash(&a, STR(""), one);
	audit_row_hash(&b, STR(""), two);
	assert_memory_not_equal(one, two, sizeof(one));
}

static void links_that_do_not_fit(void **state)
{
	struct audit_head head = build();

	(void)state;
	says(check(rows + 1, ROWS - 1, &head), "row 1 is missing");
	says(check(rows, ROWS - 1, &head), "row 4 is missing");
	says(check(rows, 1, &head), "rows 2 to 4 are missing");
	says(check(rows, 0, &head), "rows 1 to 4 are missing");
	rows[2].after = STR("{}");
	audit_row_hash(&rows[2], rows[2].prev_hash, links[2]);
	says(check(rows, ROWS, &head), "row 4 ");
	head = build();
	rows[1].prev_hash = STR("");
	audit_row_hash(&rows[1], STR(""), links[1]);
	says(check(rows, ROWS, &head), "does not follow row 1");
}

static void heads_that_do_not_fit(void **state)
{
	struct audit_head head = build();

	(void)state;
	head.hash = STR("");
	says(check(rows, ROWS, &head), "the head does not fit row 4");
	head = build();
	head.seq = 0;
	says(check(rows, 0, &head), "no head");
	head = build();
	head.last = 6;
	says(check(rows, ROWS, &head), "there are rows up to 6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_covers_this_text), cmocka_unit_test(a_whole_chain_is_fine),
		cmocka_unit_test(every_text_counts),       cmocka_unit_test(a_text_cannot_move_into_its_neighbour),
		cmocka_unit_test(links_that_do_not_fit),   cmocka_unit_test(heads_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
