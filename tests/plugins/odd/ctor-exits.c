/* Ends the process while it is being loaded. */
#include "odd.h"

#include <unistd.h>

static __attribute__((constructor)) void leave(void)
{
	_exit(3);
}

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN()
