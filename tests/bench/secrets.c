/* bench_secrets: what a deployment pays for its variables, and a rotation for a key. Prints two lines of JSON:
 *   {"what":"open","us":N}   one key of a project and 100 variables of 40 bytes, opened as a deployment does, median
 *   {"what":"wrap","us":N}   one key of a project, opened and wrapped anew, median */
#include "base/clock.h"
#include "base/id.h"
#include "crypto/digest.h"
#include "store/project_keys.h"
#include "store/variable_secrets.h"

#include <stdio.h>
#include <stdlib.h>

#define VARIABLES 100
#define ROUNDS    501
#define KEYS      100 /* wrapped in one round */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t times[ROUNDS])
{
	qsort(times, ROUNDS, sizeof(times[0]), by_value);
	return times[ROUNDS / 2];
}

static void must(int r)
{
	if (r == OK)
		return;
	fprintf(stderr, "bench_secrets: a secret did not open (%s)\n", status_name(r));
	exit(1);
}

static struct str hex_of(struct call *call, struct str bytes)
{
	char *text = arena_raw(call->arena, 2 * bytes.n + 1);

	hex_encode(bytes.p, bytes.n, text);
	return (struct str){ text, 2 * bytes.n };
}

static struct variable_place place_of(struct call *call, int i)
{
	return (struct variable_place){ STR("org_1"), STR("proj_1"), STR("env_1"),
					arena_printf(call->arena, "VARIABLE_%d", i), 1 };
}

static int64_t time_opening(const struct key_ring *master, struct str wrapped, const struct sealed_variable *sealed)
{
	int64_t before = clock_mono_us();
	struct call call = { .arena = arena_new(), .why = "" };
	const struct key_ring *ring;
	struct str plain;

	must(project_ring_open(&call, master, STR("proj_1"), wrapped, &ring));
	for (int i = 0; i < VARIABLES; i++) {
		struct variable_place place = place_of(&call, i);

		must(variable_open(&call, ring, &place, sealed[i].sealed, &plain));
	}
	arena_free(call.arena);
	return clock_mono_us() - before;
}

static int64_t time_wrapping(const struct key_ring *master, struct str wrapped)
{
	int64_t before = clock_mono_us();
	struct call call = { .arena = arena_new(), .why = "" };
	struct wrapped_key fresh;
	struct str key;

	for (int i = 0; i < KEYS; i++) {
		must(project_key_open(&call, master, STR("proj_1"), wrapped, &key));
		project_key_wrap(&call, master, STR("proj_1"), key, &fresh);
	}
	arena_free(call.arena);
	return clock_mono_us() - before;
}

int main(void)
{
	static struct sealed_variable sealed[VARIABLES];
	static int64_t opening[ROUNDS], wrapping[ROUNDS];
	struct call call = { .arena = arena_new(), .why = "" };
	char text[SECRET_KEY_TEXT_SIZE], why[SECRET_KEY_WHY_SIZE], bytes[SECRET_KEY_SIZE];
	const struct key_ring *ring;
	struct wrapped_key wrapped;
	struct secret_key key;
	struct key_ring *master;
	struct str hex;

	secret_key_generate(text);
	if (!secret_key_parse(str_of(text), &key, why))
		return 1;
	master = key_ring_new(&key, 1);
	random_bytes(bytes, sizeof(bytes));
	project_key_wrap(&call, master, STR("proj_1"), (struct str){ bytes, sizeof(bytes) }, &wrapped);
	hex = hex_of(&call, wrapped.wrapped);
	must(project_ring_open(&call, master, STR("proj_1"), hex, &ring));
	for (int i = 0; i < VARIABLES; i++) {
		struct variable_place place = place_of(&call, i);

		must(variable_seal(&call, ring, &place, STR("postgres://user:password@host/database_1"), &sealed[i]));
	}
	for (int i = 0; i < ROUNDS; i++) {
		opening[i] = time_opening(master, hex, sealed);
		wrapping[i] = time_wrapping(master, hex);
	}
	printf("{\"what\":\"open\",\"us\":%lld}\n", (long long)median(opening));
	printf("{\"what\":\"wrap\",\"us\":%.2f}\n", (double)median(wrapping) / KEYS);
	arena_free(call.arena);
	key_ring_free(master);
	return 0;
}
