/* Something else that exports our symbol. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.magic = 0x1234)
