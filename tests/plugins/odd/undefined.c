/* Needs a function that nobody has. */
#include "odd.h"

extern int nobody_has_this(void);

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return nobody_has_this() ? NULL : (void *)1;
}
