/* Built with a later header whose structs are longer, but content with this host: must load. */
#include "odd.h"

struct later_ops {
	struct opshub_provider_ops now;
	void *operation_of_tomorrow;
};

struct later_setting {
	struct opshub_setting now;
	const char *field_of_tomorrow;
};

struct later_plugin {
	struct opshub_plugin now;
	const char *field_of_tomorrow;
};

static const struct later_ops ops = { { SANE_OPS, .struct_size = sizeof(struct later_ops) }, (void *)1 };
static const struct later_setting settings[] = {
	{ { SANE_SETTING }, "x" },
	{ { SANE_SETTING, .key = "number", .type = OPSHUB_SETTING_INT, .initial = "7",
	    .offset = offsetof(struct odd, number) },
	  "y" },
};
static const struct opshub_setting odd_settings[1];
static const struct opshub_provider_ops odd_ops;
static const struct later_plugin plugin = {
	{ SANE, .struct_size = sizeof(struct later_plugin), .abi_minor = OPSHUB_ABI_MINOR + 1,
	  .settings = &settings[0].now, .n_settings = 2, .setting_size = sizeof(struct later_setting), .ops = &ops },
	"z",
};

const struct opshub_plugin *opshub_plugin_entry(void)
{
	return &plugin.now;
}
