/* Secrets at rest: what was sealed opens again, what was changed anywhere does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/status.h"
#include "crypto/digest.h"
#include "crypto/envelope.h"

struct fixture {
	struct arena *arena;
	struct key_ring *ring;
	struct str here;
};

/* The key of the two known answers below. */
static void known_key(struct secret_key *ret)
{
	for (size_t i = 0; i < sizeof(ret->bytes); i++)
		ret->bytes[i] = (uint8_t)(i * 7 + 3);
	assert_true(hex_decode(STR("a4cd81d82a1630b4"), ret->id, sizeof(ret->id)));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct secret_key key;
	struct str fields[] = { STR("env_vars"), STR("proj_1"), STR("DATABASE_URL") };

	known_key(&key);
	f->arena = arena_new();
	f->ring = key_ring_new(&key, 1);
	f->here = envelope_context(f->arena, fields, 3);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	key_ring_free(f->ring);
	arena_free(f->arena);
	free(f);
	return 0;
}

static struct str bytes_of_hex(struct arena *arena, const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *p = arena_alloc(arena, n);

	assert_true(hex_decode(str_of(hex), p, n));
	return (struct str){ p, n };
}

/* Sealed with Node's crypto module (hkdfSync, aes-256-gcm) by the layout in envelope.h. */
static void opens_what_another_implementation_sealed(void **state)
{
	struct fixture *f = *state;
	struct str plain;
	char id[KEY_ID_TEXT_SIZE];
	struct str url = bytes_of_hex(
		f->arena,
		"01a4cd81d82a1630b4fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0000102030405060708"
		"090a0b7c5e1c098665ff77234c2067ac97baa390b31b733b8d7e384c9e8b66782137305168d4");
	struct str empty = bytes_of_hex(
		f->arena,
		"01a4cd81d82a1630b4fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0000102030405060708"
		"090a0b9361355c05657815f76bd8732e318ab1");

	assert_int_equal(envelope_open(f->arena, f->ring, f->here, url, &plain), OK);
	assert_true(str_eq(plain, STR("postgres://u:p@h/db")));
	assert_int_equal(envelope_open(f->arena, f->ring, f->here, empty, &plain), OK);
	assert_int_equal(plain.n, 0);
	assert_true(envelope_key_id(url, id));
	assert_string_equal(id, "a4cd81d82a1630b4");
}

static void the_id_of_a_key_is_computed_from_it(void **state)
{
	struct secret_key key;
	char why[SECRET_KEY_WHY_SIZE];
	struct secret_key known;

	(void)state;
	known_key(&known);
	assert_true(secret_key_parse(STR("AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw="), &key, why));
	assert_memory_equal(&key, &known, sizeof(key));
}

static void seals_and_opens_every_size(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, ENVELOPE_MAX };
	char *text = arena_alloc(f->arena, ENVELOPE_MAX + 1);

	memset(text, 'x', ENVELOPE_MAX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct str one = envelope_seal(f->arena, f->ring, f->here, (struct str){ text, sizes[i] });
		struct str two = envelope_seal(f->arena, f->ring, f->here, (struct str){ text, sizes[i] });
		struct str plain;

		assert_int_equal(one.n, sizes[i] + ENVELOPE_OVERHEAD);
		assert_false(str_eq(one, two));
		assert_int_equal(envelope_open(f->arena, f->ring, f->here, one, &plain), OK);
		assert_int_equal(plain.n, sizes[i]);
		assert_memory_equal(plain.p, text, sizes[i]);
		assert_int_equal(plain.p[plain.n], 0);
	}
	assert_null(envelope_seal(f->arena, f->ring, f->here, (struct str){ text, ENVELOPE_MAX + 1 }).p);
}

static void another_place_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct str sealed = envelope_seal(f->arena, f->ring, f->here, STR("secret"));
	struct str fields[] = { STR("env_vars"), STR("proj_1D"), STR("ATABASE_URL") };
	struct str moved = envelope_context(f->arena, fields, 3), plain = STR("untouched");

	assert_int_equal(moved.n, f->here.n);
	assert_int_equal(envelope_open(f->arena, f->ring, moved, sealed, &plain), E_INVALID);
	assert_int_equal(envelope_open(f->arena, f->ring, STR(""), sealed, &plain), E_INVALID);
	assert_int_equal(envelope_open(f->arena, f->ring, (struct str){ f->here.p, f->here.n - 1 }, sealed, &plain),
			 E_INVALID);
	assert_true(str_eq(plain, STR("untouched")));
}

static void parts_of_two_envelopes_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct str a = envelope_seal(f->arena, f->ring, f->here, STR("one secret"));
	struct str b = envelope_seal(f->arena, f->ring, f->here, STR("two secret"));
	static const struct {
		size_t at, n;
	} parts[] = { { 9, 32 }, { 41, 12 }, { 53, 10 }, { 63, 16 } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *mixed = arena_copy(f->arena, a.p, a.n);
		struct str plain;

		memcpy(mixed + parts[i].at, b.p + parts[i].at, parts[i].n);
		assert_int_equal(envelope_open(f->arena, f->ring, f->here, (struct str){ mixed, a.n }, &plain),
				 E_INVALID);
	}
}

static void short_tags_do_not_open(void **state)
{
	struct fixture *f = *state;
	struct str sealed = envelope_seal(f->arena, f->ring, f->here, STR("a secret that is longer than a tag"));
	struct str plain;

	for (size_t cut = 1; cut <= sealed.n; cut++) {
		/* A copy of exactly that size, so that reading past it is an error under the address sanitizer. */
		char *p = malloc(sealed.n - cut + (cut == sealed.n));

		memcpy(p, sealed.p, sealed.n - cut);
		assert_int_not_equal(
			envelope_open(f->arena, f->ring, f->here, (struct str){ p, sealed.n - cut }, &plain), OK);
		free(p);
	}
}

static void flipped_bits_never_open(void **state)
{
	struct fixture *f = *state;
	struct str sealed = envelope_seal(f->arena, f->ring, f->here, STR("postgres://user:password@host/database"));
	char *p = arena_copy(f->arena, sealed.p, sealed.n);

	srand(11);
	for (int round = 0; round < 10000; round++) {
		int flips = 1 + rand() % 3, r;
		struct str plain;
		size_t at[3];
		int bit[3];

		for (int i = 0; i < flips; i++) {
			at[i] = (size_t)rand() % sealed.n;
			bit[i] = rand() % 8;
			p[at[i]] = (char)(p[at[i]] ^ 1 << bit[i]);
		}
		r = envelope_open(f->arena, f->ring, f->here, (struct str){ p, sealed.n }, &plain);
		/* Two flips may undo each other. */
		assert_true(r != OK || memcmp(p, sealed.p, sealed.n) == 0);
		memcpy(p, sealed.p, sealed.n);
	}
}

static void old_keys_open_and_the_first_one_seals(void **state)
{
	struct fixture *f = *state;
	struct secret_key keys[2];
	char text[SECRET_KEY_TEXT_SIZE], why[SECRET_KEY_WHY_SIZE], id[KEY_ID_TEXT_SIZE];
	struct str old = envelope_seal(f->arena, f->ring, f->here, STR("old")), fresh, plain;
	struct key_ring *both;
	char *renamed;

	secret_key_generate(text);
	assert_true(secret_key_parse(str_of(text), &keys[0], why));
	known_key(&keys[1]);
	both = key_ring_new(keys, 2);
	assert_int_equal(envelope_open(f->arena, both, f->here, old, &plain), OK);
	assert_true(str_eq(plain, STR("old")));
	fresh = envelope_seal(f->arena, both, f->here, STR("fresh"));
	assert_true(envelope_key_id(fresh, id));
	assert_string_not_equal(id, "a4cd81d82a1630b4");
	assert_int_equal(envelope_open(f->arena, f->ring, f->here, fresh, &plain), E_NOT_FOUND);
	/* Naming the other key of the ring does not help. */
	renamed = arena_copy(f->arena, fresh.p, fresh.n);
	memcpy(renamed + 1, keys[1].id, KEY_ID_SIZE);
	assert_int_equal(envelope_open(f->arena, both, f->here, (struct str){ renamed, fresh.n }, &plain), E_INVALID);
	key_ring_free(both);
}

static void bench_of_open(void **state)
{
	struct fixture *f = *state;
	struct str sealed = envelope_seal(f->arena, f->ring, f->here, STR("a token of some forty bytes, as they are"));
	int64_t before = clock_mono_us();
	const int rounds = 2000;

	for (int i = 0; i < rounds; i++) {
		struct str plain;

		assert_int_equal(envelope_open(f->arena, f->ring, f->here, sealed, &plain), OK);
	}
	print_message("bench: opening an envelope: %.1f us\n", (double)(clock_mono_us() - before) / rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_what_another_implementation_sealed, setup, teardown),
		cmocka_unit_test(the_id_of_a_key_is_computed_from_it),
		cmocka_unit_test_setup_teardown(seals_and_opens_every_size, setup, teardown),
		cmocka_unit_test_setup_teardown(another_place_does_not_open, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_two_envelopes_do_not_mix, setup, teardown),
		cmocka_unit_test_setup_teardown(short_tags_do_not_open, setup, teardown),
		cmocka_unit_test_setup_teardown(flipped_bits_never_open, setup, teardown),
		cmocka_unit_test_setup_teardown(old_keys_open_and_the_first_one_seals, setup, teardown),
		cmocka_unit_test_setup_teardown(bench_of_open, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
