/* The one error vocabulary: 0, or a negative code that says what the caller should do next.
 *
 * The codes are those of the plugin SDK (sdk/include/opshub/plugin.h), so a status crosses the plugin
 * border without a table. A function that fails has set the call's message with call_fail() (fiber/call.h),
 * and only then: message and failure always come together. docs/errors.md maps code to HTTP status and retry. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

enum status {
	OK = 0,
	E_INVALID = -1,    /* the input is wrong: report it, do not retry */
	E_AUTH = -2,       /* not allowed with these credentials */
	E_NOT_FOUND = -3,  /* does not exist (any more) */
	E_CONFLICT = -4,   /* somebody else changed it: re-read */
	E_LIMITED = -5,    /* too many at once: retry after call->retry_after_ms */
	E_QUOTA = -6,      /* an allowance is used up: wait and tell people */
	E_UPSTREAM = -7,   /* the other side failed: retry with backoff */
	E_NETWORK = -8,    /* the other side was never reached */
	E_TIMEOUT = -9,    /* the deadline passed; the outcome is unknown */
	E_CANCELLED = -10, /* unwind now */
	E_UNSUPPORTED = -11,
	E_INTERNAL = -12, /* a bug or an unknown code */
};

/* "E_TIMEOUT" for E_TIMEOUT; "E_INTERNAL" for what is not in the list. Static text. */
const char *status_name(int status);

#endif
