/* The text of one setting and what it may be. Plugins declare their settings (sdk/include/opshub/plugin.h); the worker
 * turns texts into a plugin's instance by these rules, and the API refuses by the same ones what could not be opened
 * later. Pure. A message quotes the rule, never the value: it may be a secret. */
#ifndef BASE_SETTING_H
#define BASE_SETTING_H

#include "base/arena.h"

#define SETTING_TEXT_MAX 4096

enum setting_kind { /* the numbers are the SDK's */
		    SETTING_STRING = 1,
		    SETTING_SECRET,
		    SETTING_URL,
		    SETTING_INT,
		    SETTING_BOOL,
		    SETTING_DURATION,
		    SETTING_CHOICE,
};

struct setting_rule {
	enum setting_kind kind;
	int64_t min, max;   /* both 0 = no limits; of a text max is its bytes; of a duration they are ms */
	struct str choices; /* "a|b|c" */
};

/* Which of the two is set depends on the type. */
struct setting_parsed {
	const char *text;
	int64_t number; /* bool: 0 or 1; duration: ms */
};

const char *setting_kind_word(enum setting_kind kind); /* "duration" */
bool setting_kind_read(struct str word, enum setting_kind *ret);
/* NULL, or what is wrong with the text: "must be a whole number". */
const char *setting_parse(struct arena *arena, const struct setting_rule *rule, struct str text,
			  struct setting_parsed *ret);

#endif
