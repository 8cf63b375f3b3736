/* Refuses to open whatever its settings are. */
#include "odd.h"

static opshub_status open_fails(opshub_call *call, const struct opshub_host *host, void *instance)
{
	(void)instance;
	return host->fail(call, OPSHUB_E_INVALID, "The moon is in the wrong phase");
}

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.open = open_fails)
