/* Opens sockets of its own, past the host. */
#include "odd.h"

#include <sys/socket.h>

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	const opshub_json *answer;

	(void)id;
	if (socket(AF_INET, SOCK_STREAM, 0) < -1)
		return OPSHUB_OK;
	return odd_get(call, instance, "/v1/account", &answer);
}

ODD_OPS(.destroy = destroy)
ODD_SETTING()
ODD_PLUGIN()
