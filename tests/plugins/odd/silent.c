/* Fails without saying why. */
#include "odd.h"

static opshub_status create(opshub_call *call, void *instance, const struct opshub_deploy_request *request,
			    struct opshub_deployment *ret)
{
	(void)call;
	(void)instance;
	(void)request;
	(void)ret;
	return OPSHUB_E_UPSTREAM;
}

ODD_OPS(.create = create)
ODD_SETTING()
ODD_PLUGIN()
