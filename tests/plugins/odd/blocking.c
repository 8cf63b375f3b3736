/* Blocks, says so, and uses the host's services from its thread. */
#include "odd.h"

#include <unistd.h>

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	struct odd *odd = instance;

	usleep(50000);
	odd->host->log(call, OPSHUB_LOG_INFO, "from a thread");
	odd->host->count(call, "blocked", 1);
	if (odd->host->sleep(call, 1) < 0)
		return OPSHUB_E_CANCELLED;
	return odd_create(call, instance, request, ret);
}

ODD_OPS(.create = create)
ODD_SETTING()
ODD_PLUGIN(.flags = OPSHUB_BLOCKING)
