/* Cannot work with a host as old as this one. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.abi_minor = OPSHUB_ABI_MINOR + 1, .needs_minor = OPSHUB_ABI_MINOR + 1)
