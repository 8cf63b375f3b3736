/* Returns a code that is in no list. */
#include "odd.h"

static opshub_status destroy(opshub_call *call, void *instance, const char *id)
{
	(void)call;
	(void)instance;
	(void)id;
	return -4711;
}

ODD_OPS(.destroy = destroy)
ODD_SETTING()
ODD_PLUGIN()
