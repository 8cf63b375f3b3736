/* Built with a header older than 1.0, or with the size forgotten. */
#include "odd.h"

ODD_OPS()
ODD_SETTING()
ODD_PLUGIN(.struct_size = offsetof(struct opshub_plugin, summary))
