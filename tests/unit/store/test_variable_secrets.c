/* Values of variables and keys of projects: each opens where it belongs, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"
#include "crypto/digest.h"
#include "store/project_keys.h"
#include "store/variable_secrets.h"

#define SWAPS 10000

static struct call call;
static struct key_ring *old_master, *both_masters, *new_master;

static int set_up(void **state)
{
	struct secret_key keys[2];
	char text[SECRET_KEY_TEXT_SIZE], why[SECRET_KEY_WHY_SIZE];

	(void)state;
	call = (struct call){ .arena = arena_new(), .why = "" };
	for (int i = 0; i < 2; i++) {
		secret_key_generate(text);
		assert_true(secret_key_parse(str_of(text), &keys[1 - i], why));
	}
	old_master = key_ring_new(&keys[1], 1);
	new_master = key_ring_new(&keys[0], 1);
	both_masters = key_ring_new(keys, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	call.arena = arena_free(call.arena);
	key_ring_free(old_master);
	key_ring_free(new_master);
	key_ring_free(both_masters);
	return 0;
}

static struct str hex_of(struct str bytes)
{
	char *text = arena_raw(call.arena, 2 * bytes.n + 1);

	hex_encode(bytes.p, bytes.n, text);
	return (struct str){ text, 2 * bytes.n };
}

static struct wrapped_key wrap_new(const struct key_ring *master, const char *project, char bytes[SECRET_KEY_SIZE])
{
	struct wrapped_key key;

	random_bytes(bytes, SECRET_KEY_SIZE);
	project_key_wrap(&call, master, str_of(project), (struct str){ bytes, SECRET_KEY_SIZE }, &key);
	return key;
}

static unsigned below(unsigned n)
{
	uint32_t number;

	random_bytes(&number, sizeof(number));
	return number % n;
}

/* ---- keys of projects ---- */

static void a_key_opens_with_both_masters_and_seals_with_the_new_one(void **state)
{
	char bytes[SECRET_KEY_SIZE];
	struct wrapped_key old = wrap_new(old_master, "proj_a", bytes), fresh;
	struct str opened, project = STR("proj_a");

	(void)state;
	assert_int_equal(project_key_open(&call, both_masters, project, hex_of(old.wrapped), &opened), OK);
	assert_true(str_eq(opened, (struct str){ bytes, sizeof(bytes) }));
	project_key_wrap(&call, both_masters, project, opened, &fresh);
	assert_true(str_eq(fresh.key_id, old.key_id));
	assert_false(str_eq(fresh.master_id, old.master_id));
	assert_true(str_eq(fresh.master_id, key_ring_ids(&call, both_masters)[0]));
	assert_true(str_eq(old.master_id, key_ring_ids(&call, both_masters)[1]));
	assert_int_equal(project_key_open(&call, new_master, project, hex_of(fresh.wrapped), &opened), OK);
	assert_true(str_eq(opened, (struct str){ bytes, sizeof(bytes) }));
}

static void without_its_master_the_sentence_names_key_and_variables(void **state)
{
	char bytes[SECRET_KEY_SIZE];
	struct wrapped_key old = wrap_new(old_master, "proj_a", bytes);
	const struct key_ring *ring = NULL;

	(void)state;
	assert_int_equal(project_ring_open(&call, new_master, STR("proj_a"), hex_of(old.wrapped), &ring), E_UPSTREAM);
	assert_non_null(strstr(call.why, "proj_a"));
	assert_non_null(strstr(call.why, old.master_id.p));
	assert_non_null(strstr(call.why, "ENCRYPTION_KEY_PREVIOUS_BASE64"));
	assert_null(ring);
}

static void a_key_of_another_project_or_damaged_does_not_open(void **state)
{
	char bytes[SECRET_KEY_SIZE];
	struct wrapped_key key = wrap_new(old_master, "proj_a", bytes);
	struct str hex = hex_of(key.wrapped), twice;
	const struct key_ring *ring = NULL;

	(void)state;
	assert_int_equal(project_ring_open(&call, old_master, STR("proj_b"), hex, &ring), E_INVALID);
	assert_non_null(strstr(call.why, "proj_b"));
	((char *)(uintptr_t)hex.p)[hex.n - 1] ^= 1;
	assert_int_equal(project_ring_open(&call, old_master, STR("proj_a"), hex, &ring), E_INVALID);
	assert_int_equal(project_ring_open(&call, old_master, STR("proj_a"), STR("no hex"), &ring), E_INVALID);
	/* one that was wrapped twice is no key, whatever it opens to */
	twice = envelope_seal(
		call.arena, old_master,
		envelope_context(call.arena, (const struct str[]){ STR("project_keys"), STR("proj_a") }, 2),
		key.wrapped);
	assert_int_equal(project_ring_open(&call, old_master, STR("proj_a"), hex_of(twice), &ring), E_INVALID);
	assert_null(ring);
}

static void a_project_without_a_key_opens_what_a_master_sealed(void **state)
{
	const struct key_ring *ring = NULL;

	(void)state;
	assert_int_equal(project_ring_open(&call, both_masters, STR("proj_a"), STR(""), &ring), OK);
	assert_ptr_equal(ring, both_masters);
}

/* ---- values ---- */

struct row {
	struct variable_place place;
	const struct key_ring *ring;
	struct str sealed, plain;
};

#define PROJECTS 3
#define ROWS     (PROJECTS * 2 * 4 * 3)

/* Three projects of two organizations, two environments each, four keys, three versions. */
static void make_rows(struct row *rows, const struct key_ring **rings)
{
	static const char *const projects[] = { "proj_a", "proj_b", "proj_c" };
	static const char *const orgs[] = { "org_1", "org_1", "org_2" };
	static const char *const keys[] = { "A", "AB", "TOKEN", "DATABASE_URL" };
	struct sealed_variable s;
	struct row *row = rows;

	for (int p = 0; p < PROJECTS; p++) {
		char bytes[SECRET_KEY_SIZE];

		assert_int_equal(project_ring_open(&call, both_masters, str_of(projects[p]),
						   hex_of(wrap_new(old_master, projects[p], bytes).wrapped), &rings[p]),
				 OK);
		for (int i = 0; i < 24; i++, row++) {
			row->ring = rings[p];
			row->place = (struct variable_place){ str_of(orgs[p]), str_of(projects[p]),
							      arena_printf(call.arena, "env_%s_%d", projects[p],
									   i / 12),
							      str_of(keys[i / 3 % 4]), i % 3 + 1 };
			row->plain = i % 5 ? arena_printf(call.arena, "value %d of %s", i, projects[p]) : STR("");
			assert_int_equal(variable_seal(&call, row->ring, &row->place, row->plain, &s), OK);
			row->sealed = s.sealed;
		}
	}
}

static bool same_place(const struct variable_place *a, const struct variable_place *b)
{
	return str_eq(a->org_id, b->org_id) && str_eq(a->project_id, b->project_id) &&
	       str_eq(a->environment_id, b->environment_id) && str_eq(a->key, b->key) && a->version == b->version;
}

static void ten_thousand_swaps_open_nothing(void **state)
{
	struct row *rows = arena_alloc(call.arena, ROWS * sizeof(*rows));
	const struct key_ring *rings[PROJECTS];
	struct arena *outer = call.arena;
	struct str plain;

	(void)state;
	make_rows(rows, rings);
	for (int i = 0; i < SWAPS; i++) {
		const struct row *from = &rows[below(ROWS)], *to = &rows[below(ROWS)];
		struct variable_place place = from->place;
		const struct key_ring *ring = rings[below(PROJECTS)];
		struct str sealed;
		bool as_it_was;

		call = (struct call){ .arena = arena_new(), .why = "" };
		sealed = arena_str(call.arena, from->sealed);
		switch (below(6)) { /* a part of another row's place; the whole row; or the id of another key */
		case 0:
			place.org_id = to->place.org_id;
			break;
		case 1:
			place.project_id = to->place.project_id;
			break;
		case 2:
			place.environment_id = to->place.environment_id;
			break;
		case 3:
			place.key = to->place.key;
			break;
		case 4:
			place = to->place;
			break;
		default:
			memcpy((char *)(uintptr_t)sealed.p + 1, to->sealed.p + 1, KEY_ID_SIZE);
			break;
		}
		if (below(4) == 0)
			place.version = to->place.version;
		as_it_was = ring == from->ring && same_place(&place, &from->place) && str_eq(sealed, from->sealed);
		if (as_it_was) {
			assert_int_equal(variable_open(&call, ring, &place, sealed, &plain), OK);
			assert_true(str_eq(plain, from->plain));
		} else {
			assert_int_equal(variable_open(&call, ring, &place, sealed, &plain), E_INVALID);
			assert_non_null(strstr(call.why, arena_text(call.arena, place.key)));
		}
		arena_free(call.arena);
	}
	call = (struct call){ .arena = outer, .why = "" };
}

static void short_tags_open_nothing(void **state)
{
	struct row *rows = arena_alloc(call.arena, ROWS * sizeof(*rows));
	const struct key_ring *rings[PROJECTS];
	struct str plain;

	(void)state;
	make_rows(rows, rings);
	for (int i = 0; i < ROWS; i++)
		for (size_t missing = 1; missing <= 16; missing++)
			assert_int_equal(variable_open(&call, rows[i].ring, &rows[i].place,
						       (struct str){ rows[i].sealed.p, rows[i].sealed.n - missing },
						       &plain),
					 E_INVALID);
}

static void fingerprints_tell_equal_values_of_one_project_alone(void **state)
{
	char bytes[SECRET_KEY_SIZE];
	const struct key_ring *a = NULL, *b = NULL;
	struct str one, same, other, elsewhere;

	(void)state;
	assert_int_equal(project_ring_open(&call, old_master, STR("proj_a"),
					   hex_of(wrap_new(old_master, "proj_a", bytes).wrapped), &a),
			 OK);
	assert_int_equal(project_ring_open(&call, old_master, STR("proj_b"),
					   hex_of(wrap_new(old_master, "proj_b", bytes).wrapped), &b),
			 OK);
	one = variable_fingerprint(call.arena, a, STR("value"));
	same = variable_fingerprint(call.arena, a, STR("value"));
	other = variable_fingerprint(call.arena, a, STR("value2"));
	elsewhere = variable_fingerprint(call.arena, b, STR("value"));
	assert_int_equal(one.n, FINGERPRINT_SIZE - 1);
	assert_true(str_eq(one, same));
	assert_false(str_eq(one, other));
	assert_false(str_eq(one, elsewhere));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_opens_with_both_masters_and_seals_with_the_new_one),
		cmocka_unit_test(without_its_master_the_sentence_names_key_and_variables),
		cmocka_unit_test(a_key_of_another_project_or_damaged_does_not_open),
		cmocka_unit_test(a_project_without_a_key_opens_what_a_master_sealed),
		cmocka_unit_test(ten_thousand_swaps_open_nothing),
		cmocka_unit_test(short_tags_open_nothing),
		cmocka_unit_test(fingerprints_tell_equal_values_of_one_project_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
