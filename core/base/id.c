/* Ids: time in front, chance behind. */
#include "base/id.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

#define BODY 26 /* 10 characters of time, 16 of chance */

void random_bytes(void *ret, size_t n)
{
	/* One system call serves some hundred ids: at thousands of webhooks a second it would show otherwise.
	 * Bytes are handed out once and wiped. Per thread, so that two never hand out the same. */
	static _Thread_local unsigned char pool[2048];
	static _Thread_local size_t left;
	unsigned char *out = ret;

	while (n > 0) {
		size_t take;

		if (left == 0) {
			if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool)) {
				fprintf(stderr, "the kernel gives no random bytes\n");
				abort();
			}
			left = sizeof(pool);
		}
		take = n < left ? n : left;
		left -= take;
		memcpy(out, pool + left, take);
		explicit_bzero(pool + left, take);
		out += take;
		n -= take;
	}
}

void id_new(char ret_id[ID_MAX], const char *prefix)
{
	uint64_t time = (uint64_t)clock_wall_ms();
	size_t at = strlen(prefix);
	unsigned char chance[16];

	if (at + BODY >= ID_MAX)
		abort();
	memcpy(ret_id, prefix, at);
	for (int shift = 45; shift >= 0; shift -= 5)
		ret_id[at++] = alphabet[time >> shift & 31];
	random_bytes(chance, sizeof(chance));
	for (size_t i = 0; i < sizeof(chance); i++)
		ret_id[at++] = alphabet[chance[i] & 31];
	ret_id[at] = '\0';
}

struct str id_text(struct arena *arena, const char *prefix)
{
	char id[ID_MAX];

	id_new(id, prefix);
	return arena_str(arena, str_of(id));
}

bool id_valid(struct str id, const char *prefix)
{
	struct str wanted = str_of(prefix);

	if (!str_starts(id, wanted) || id.n != wanted.n + BODY)
		return false;
	for (size_t i = wanted.n; i < id.n; i++)
		if (id.p[i] == '\0' || !strchr(alphabet, id.p[i]))
			return false;
	return true;
}

int64_t id_time_ms(struct str id)
{
	int64_t time = 0;

	if (id.n < BODY)
		return 0;
	for (const char *p = id.p + id.n - BODY; p < id.p + id.n - 16; p++) {
		const char *at = *p ? strchr(alphabet, *p) : NULL;

		if (!at)
			return 0;
		time = time << 5 | (at - alphabet);
	}
	return time;
}
