/* Names of the error vocabulary. */
#include "base/status.h"

const char *status_name(int status)
{
	static const char *const names[] = {
		"OK",         "E_INVALID", "E_AUTH",    "E_NOT_FOUND", "E_CONFLICT",    "E_LIMITED",  "E_QUOTA",
		"E_UPSTREAM", "E_NETWORK", "E_TIMEOUT", "E_CANCELLED", "E_UNSUPPORTED", "E_INTERNAL",
	};
	if (status > 0 || status < E_INTERNAL)
		return "E_INTERNAL";
	return names[-status];
}
