/* Failures of notifiers. */
#include "model/notice.h"

#include "model/preview.h"

#define THREAD_BASE_MS  2000
#define THREAD_CAP_MS   (5 * 60 * 1000)
#define PAUSE_BASE_MS   15000
#define PAUSE_CAP_MS    (15 * 60 * 1000)
#define BREATHER_MS     500 /* between two threads while nothing succeeds, doubling */
#define BREATHER_CAP_MS 60000

static const struct {
	int status;
	const char *code;
	enum notice_fate fate;
} known[] = {
	{ E_INVALID, "REFUSED", NOTICE_DEAD },         { E_UNSUPPORTED, "UNSUPPORTED", NOTICE_DEAD },
	{ E_AUTH, "TOKEN_REFUSED", NOTICE_PAUSE },     { E_QUOTA, "QUOTA", NOTICE_PAUSE },
	{ E_LIMITED, "LIMITED", NOTICE_PAUSE },        { E_NOT_FOUND, "TARGET_NOT_FOUND", NOTICE_PAUSE },
	{ E_CONFLICT, "CONFLICT", NOTICE_THREAD },     { E_UPSTREAM, "TARGET_FAILED", NOTICE_THREAD },
	{ E_NETWORK, "UNREACHABLE", NOTICE_THREAD },   { E_TIMEOUT, "TIMEOUT", NOTICE_THREAD },
	{ E_INTERNAL, "PLUGIN_ERROR", NOTICE_THREAD },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static size_t index_of(int status)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].status == status)
			return i;
	return KNOWN - 1;
}

const char *notice_code(int status)
{
	return known[index_of(status)].code;
}

struct notice_failure notice_not_open(const char *code, int64_t failures, uint32_t random)
{
	int64_t pause = backoff_ms(failures - 1, PAUSE_BASE_MS, PAUSE_CAP_MS, random);

	return (struct notice_failure){ code, NOTICE_PAUSE, pause, pause };
}

struct notice_failure notice_failure(int status, int64_t tries, int64_t failures, int64_t retry_after_ms,
				     uint32_t random)
{
	size_t i = index_of(status);
	struct notice_failure f = { .code = known[i].code, .fate = known[i].fate };

	if (status == E_INTERNAL && tries >= NOTICE_BUG_TRIES)
		f.fate = NOTICE_DEAD;
	switch (f.fate) {
	case NOTICE_DEAD:
		break;
	case NOTICE_THREAD:
		f.delay_ms = backoff_ms(tries - 1, THREAD_BASE_MS, THREAD_CAP_MS, random);
		/* several in a row: it is the target, not this message */
		if (failures > 1)
			f.pause_ms = backoff_ms(failures - 2, BREATHER_MS, BREATHER_CAP_MS, random);
		break;
	case NOTICE_PAUSE:
		f.pause_ms = backoff_ms(failures - 1, PAUSE_BASE_MS, PAUSE_CAP_MS, random);
		if (retry_after_ms > 0 && status != E_AUTH)
			f.pause_ms = retry_after_ms < PAUSE_CAP_MS ? retry_after_ms : PAUSE_CAP_MS;
		f.delay_ms = f.pause_ms;
		break;
	}
	return f;
}
