/* What a look found wrong, in words and in classes. Codes are those of probe/probe.h and model/expectation.h. Pure. */
#ifndef MODEL_HEALTH_ERROR_H
#define MODEL_HEALTH_ERROR_H

#include "base/arena.h"

/* Failures that have one cause look alike: "DNS", "CONNECTION", "TIMEOUT", "TLS", "STATUS", "CONTENT", "LATENCY",
 * "LOGIN", "OTHER". */
const char *health_error_class(struct str code);
/* A sentence. status_code 0 = there was no answer; the text is the arena's. */
struct str health_error_sentence(struct arena *arena, struct str code, int64_t status_code);

#endif
