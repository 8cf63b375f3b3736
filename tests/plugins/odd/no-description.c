/* Its entry function gives nothing. */
#include "odd.h"

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return NULL;
}
