/* What the files of policies and rotations share. */
#ifndef API_ROTATIONS_H
#define API_ROTATIONS_H

#include "api/input.h"
#include "store/rotations.h"

/* An array: what became of each key. */
void put_outcomes(const struct rotation_outcome *outcomes, size_t n, struct json_out *out);
void put_time_or_null(struct json_out *out, const char *key, int64_t ms); /* 0 = null */
void push_rotations(struct exchange *x, const struct push_list *push);
/* A generator as it is stored; empty when it is absent or faulty. ret may be NULL. */
struct str input_generator(struct input *in, const char *field, unsigned flags, struct generator *ret);

#endif
