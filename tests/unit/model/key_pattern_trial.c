/* Answers for tests/api/key-pattern.test.mjs: lines "pattern TAB key" in; "1", "0" or "refused: why" out. */
#include "model/key_pattern.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		struct arena *arena = arena_new();
		struct str key = { line, strcspn(line, "\n") }, pattern = str_split(&key, '\t');
		const char *why = "";
		struct key_pattern *p = key_pattern_new(arena, pattern, &why);

		if (p)
			puts(key_pattern_matches(p, key) ? "1" : "0");
		else
			printf("refused: %s\n", why);
		arena_free(arena);
	}
	return 0;
}
