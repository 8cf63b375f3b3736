/* Time. Wall clock for what people and other systems see, monotonic for durations and deadlines. Milliseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

#define TIME_TEXT_MAX 32

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* "2023-12-01T10:00:00.000Z"; returns the length (24). */
size_t time_format(int64_t wall_ms, char ret[TIME_TEXT_MAX]);
/* RFC 3339 with 'Z' or an offset, as GitHub and the providers send it ("2019-05-15T15:20:33Z"). */
bool time_parse(struct str text, int64_t *ret_wall_ms);

#endif
