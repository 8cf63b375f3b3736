/* .env files: whatever is read can be written and read again to the same. */
#include "fuzz.h"

#include "base/buf.h"
#include "model/env_file.h"

#define MOST    64
#define LONGEST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct env_entry *first, *second;
	struct env_fault fault = { 0 };
	size_t n, n_again;
	struct buf buf;

	buf_init(&buf, 4 * MOST * LONGEST);
	if (env_file_read(arena, (struct str){ (const char *)data, size }, MOST, LONGEST, &first, &n, &fault)) {
		for (size_t i = 0; i < n; i++)
			env_file_write(&buf, first[i].key, first[i].value);
		MUST(env_file_read(arena, buf_str(&buf), MOST, LONGEST, &second, &n_again, &fault));
		MUST(n == n_again);
		for (size_t i = 0; i < n; i++)
			MUST(str_eq(first[i].key, second[i].key) && str_eq(first[i].value, second[i].value));
	} else {
		MUST(fault.line >= 1 && fault.why && fault.why[0]);
	}
	buf_done(&buf);
	arena_free(arena);
	return 0;
}
