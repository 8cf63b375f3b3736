/* Patterns of keys: whatever is accepted is matched in so many steps at most. The text before the first NUL is the
 * pattern. */
#include "fuzz.h"

#include "model/key_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str key = { (const char *)data, size }, text = str_split(&key, '\0');
	const char *why = NULL;
	struct key_pattern *p = key_pattern_new(arena, text, &why);

	MUST(p || why);
	if (p) {
		key_pattern_matches(p, key);
		MUST(key_pattern_steps(p) <= 2 * (key.n + 1) * key_pattern_size(p));
	}
	arena_free(arena);
	return 0;
}
