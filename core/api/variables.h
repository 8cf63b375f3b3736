/* What the handlers of variables share. */
#ifndef API_VARIABLES_H
#define API_VARIABLES_H

#include "api/input.h"
#include "store/variables.h"

struct variable_owner variable_owner_of(const struct exchange *x);
struct variable_change variable_change_of(struct exchange *x, const char *source, struct variable_wish *wishes,
					  size_t n);
/* NULL, or what is wrong with a value beside its length. */
const char *variable_value_why(struct exchange *x, struct str value);
const char *variable_outcome_word(enum variable_outcome outcome);
/* The field `reason`: why somebody wants to see values in clear. */
void variable_input_reason(struct input *in, struct str *ret);
/* May he see one more? Also says that nobody may keep the answer. */
AWAITS int variable_reveal_begin(struct exchange *x);

#endif
