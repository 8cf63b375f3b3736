/* Never returns from create(). */
#include "odd.h"

static opshub_status hang(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			  struct opshub_deployment *ret)
{
	(void)call;
	(void)instance;
	(void)request;
	(void)ret;
	for (volatile int on = 1; on;)
		;
	return OPSHUB_OK;
}

ODD_OPS(.create = hang)
ODD_SETTING()
ODD_PLUGIN()
