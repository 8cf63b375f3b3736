/* Never comes back from being loaded. */
#include "odd.h"

static __attribute__((constructor)) void spin(void)
{
	for (volatile int on = 1; on;)
		;
}

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN()
