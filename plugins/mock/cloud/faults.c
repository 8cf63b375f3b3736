/* The ways to misbehave, by name. docs/plugins.md lists what each does. */
#include "cloud.h"

/* The longest names first: a branch called mock-create-500-once is not a mock-create-500. */
static const struct str words[] = {
	STR("destroy-fails-twice"),
	STR("crash-after-create"),
	STR("create-500-once"),
	STR("never-returns"),
	STR("crash-create"),
	STR("crash-status"),
	STR("late-accept"),
	STR("lost-answer"),
	STR("create-429"),
	STR("create-500"),
	STR("fail-build"),
	STR("overflow"),
	STR("garbage"),
	STR("quota"),
	STR("auth"),
	STR("hang"),
	STR("slow"),
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

bool fault_is_known(struct str word)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (str_eq(words[i], word))
			return true;
	return word.n == 0 || str_eq(word, STR("none"));
}

static struct str fault_in_branch(struct str branch)
{
	for (size_t at = 0; at + 5 <= branch.n; at++) {
		struct str rest = { branch.p + at, branch.n - at };
		if (!str_starts(rest, STR("mock-")))
			continue;
		rest = (struct str){ rest.p + 5, rest.n - 5 };
		for (size_t i = 0; i < N_WORDS; i++)
			if (str_starts(rest, words[i]))
				return words[i];
	}
	return STR("");
}

struct str fault_of(const struct faults *faults, struct str given, struct str branch)
{
	if (given.n && !str_eq(given, STR("none")))
		return given;
	if (faults->mode[0])
		return str_of(faults->mode);
	return fault_in_branch(branch);
}
