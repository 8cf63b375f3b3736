/* Of a later, incompatible interface. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.abi_major = OPSHUB_ABI_MAJOR + 1)
