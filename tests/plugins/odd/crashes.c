/* Crashes in status(). */
#include "odd.h"

static opshub_status crash(opshub_call *call, void *instance, const char *id, struct opshub_deployment *ret)
{
	volatile int *volatile nowhere = NULL;

	(void)call;
	(void)instance;
	(void)id;
	(void)ret;
	*nowhere = 1;
	return OPSHUB_OK;
}

ODD_OPS(.status = crash)
ODD_SETTING()
ODD_PLUGIN()
