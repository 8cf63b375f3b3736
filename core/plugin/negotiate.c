/* From the description a plugin gives to one we can rely on, or to the sentence that says why not.
 *
 * Owns nothing. Easy to break: the order. A field is read only after the size that says it exists has been checked:
 *
 *   magic -> struct_size >= 1.0's -> abi_major equal -> needs_minor <= ours      who are you
 *   -> texts -> kind -> table of operations, required ones present               what can you do
 *   -> stride of the settings -> each inside the instance                        what do you need
 *   -> only now copy min(theirs, ours) into zeroed memory */
#include "plugin/load.h"

#include <string.h>

/* Sizes of the structs in version 1.0. They never change; sizeof does when a minor version appends a field. */
#define PLUGIN_SIZE_1_0   (offsetof(struct opshub_plugin, ops) + sizeof(void *))
#define SETTING_SIZE_1_0  (offsetof(struct opshub_setting, max) + sizeof(int64_t))
#define PROVIDER_SIZE_1_0 (offsetof(struct opshub_provider_ops, list) + sizeof(void *))
#define NOTIFIER_SIZE_1_0 (offsetof(struct opshub_notifier_ops, update) + sizeof(void *))

#define TEXT_MAX 4096

#define refuse(...) (*ret_why = arena_printf(arena, __VA_ARGS__).p, E_INVALID)

static bool text_valid(const char *text, size_t max)
{
	size_t n = text ? strnlen(text, max + 1) : 0;

	return n <= max && str_is_text((struct str){ text ? text : "", n });
}

bool plugin_name_valid(struct str name)
{
	if (name.n < 1 || name.n > PLUGIN_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

static int check_versions(struct arena *arena, const char *file, const struct opshub_plugin *p, const char **ret_why)
{
	if (p->magic != OPSHUB_MAGIC)
		return refuse("%s is not an OpsHub plugin: its description does not start with OPSHUB_MAGIC", file);
	if (p->struct_size < PLUGIN_SIZE_1_0)
		return refuse("%s describes itself in %u bytes, the least is %zu: set struct_size to "
			      "sizeof(struct opshub_plugin)",
			      file, p->struct_size, PLUGIN_SIZE_1_0);
	if (p->abi_major != OPSHUB_ABI_MAJOR)
		return refuse("%s was built for plugin ABI %u, this OpsHub speaks ABI %u: rebuild it with this "
			      "OpsHub's SDK",
			      file, p->abi_major, OPSHUB_ABI_MAJOR);
	if (p->needs_minor > OPSHUB_ABI_MINOR)
		return refuse("%s needs plugin ABI %u.%u, this OpsHub has %u.%u: upgrade OpsHub or use an older build "
			      "of the plugin",
			      file, p->abi_major, p->needs_minor, OPSHUB_ABI_MAJOR, OPSHUB_ABI_MINOR);
	return OK;
}

static int check_texts(struct arena *arena, const char *file, struct str name, const struct opshub_plugin *p,
		       const char **ret_why)
{
	if (!text_valid(p->name, PLUGIN_NAME_MAX) || !plugin_name_valid(str_of(p->name)))
		return refuse("%s has no valid name: it must be 1 to 32 of a-z, 0-9, '_' and '-'", file);
	if (name.n && !str_eq(name, str_of(p->name)))
		return refuse("%s calls itself \"%s\": the file must be named %s.so", file, p->name, p->name);
	if (!text_valid(p->version, 64) || str_of(p->version).n == 0)
		return refuse("%s does not say its version: set .version", file);
	if (!text_valid(p->license, 64) || !text_valid(p->summary, 200))
		return refuse("%s has a license or summary that is too long or not UTF-8", file);
	if (!p->open)
		return refuse("%s has no open(): an instance cannot be made without it", file);
	if (p->instance_size > PLUGIN_INSTANCE_MAX)
		return refuse("%s wants instances of %llu bytes, at most %d are allowed", file,
			      (unsigned long long)p->instance_size, PLUGIN_INSTANCE_MAX);
	return OK;
}

static int copy_provider(struct arena *arena, const char *file, const struct opshub_provider_ops *ops,
			 struct opshub_provider_ops *ret, const char **ret_why)
{
	if (ops->struct_size < PROVIDER_SIZE_1_0)
		return refuse(
			"%s has a table of operations of %u bytes, the least is %zu: set its struct_size to sizeof",
			file, ops->struct_size, PROVIDER_SIZE_1_0);
	if (!ops->create || !ops->status || !ops->destroy)
		return refuse("%s lacks the operation %s: a provider must have create, status and destroy", file,
			      !ops->create   ? "create"
			      : !ops->status ? "status"
					     : "destroy");
	memcpy(ret, ops, ops->struct_size < sizeof(*ret) ? ops->struct_size : sizeof(*ret));
	return OK;
}

static int copy_notifier(struct arena *arena, const char *file, const struct opshub_notifier_ops *ops,
			 struct opshub_notifier_ops *ret, const char **ret_why)
{
	if (ops->struct_size < NOTIFIER_SIZE_1_0)
		return refuse(
			"%s has a table of operations of %u bytes, the least is %zu: set its struct_size to sizeof",
			file, ops->struct_size, NOTIFIER_SIZE_1_0);
	if (!ops->send)
		return refuse("%s lacks the operation send: a notifier must have it", file);
	memcpy(ret, ops, ops->struct_size < sizeof(*ret) ? ops->struct_size : sizeof(*ret));
	return OK;
}

static int copy_ops(struct arena *arena, const char *file, const struct opshub_plugin *p, struct plugin *ret,
		    const char **ret_why)
{
	if (p->kind != OPSHUB_KIND_PROVIDER && p->kind != OPSHUB_KIND_NOTIFIER)
		return refuse(
			"%s is of kind %u, which this OpsHub does not know: it knows providers (1) and notifiers (2)",
			file, p->kind);
	if (!p->ops)
		return refuse("%s has no table of operations: set .ops", file);
	if (p->kind == OPSHUB_KIND_PROVIDER)
		return copy_provider(arena, file, p->ops, &ret->provider, ret_why);
	return copy_notifier(arena, file, p->ops, &ret->notifier, ret_why);
}

static bool key_valid(const char *key)
{
	size_t n;

	if (!text_valid(key, 64))
		return false;
	n = str_of(key).n;
	if (n < 1 || !((key[0] >= 'a' && key[0] <= 'z') || (key[0] >= 'A' && key[0] <= 'Z')))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= 'A' && key[i] <= 'Z') ||
		      (key[i] >= '0' && key[i] <= '9')))
			return false;
	return true;
}

static int check_setting(struct arena *arena, const char *file, const struct plugin *p, uint32_t at,
			 const char **ret_why)
{
	const struct opshub_setting *s = &p->settings[at];

	if (!key_valid(s->key))
		return refuse("%s: setting number %u has no valid key: letters and digits, a letter first", file,
			      at + 1);
	if (!text_valid(s->label, 200) || !text_valid(s->help, TEXT_MAX) || !text_valid(s->initial, TEXT_MAX) ||
	    !text_valid(s->choices, TEXT_MAX) || !text_valid(s->env, 64))
		return refuse("%s: setting \"%s\" has a text that is too long or not UTF-8", file, s->key);
	if (s->type < OPSHUB_SETTING_STRING || s->type > OPSHUB_SETTING_CHOICE)
		return refuse("%s: setting \"%s\" is of type %u, which this OpsHub does not know", file, s->key,
			      s->type);
	if (s->type == OPSHUB_SETTING_CHOICE && str_of(s->choices).n == 0)
		return refuse("%s: setting \"%s\" is a choice without choices", file, s->key);
	/* Every type is written as eight bytes: a pointer or a 64-bit number. */
	if ((uint64_t)s->offset + 8 > p->about.instance_size || s->offset % 8 != 0)
		return refuse(
			"%s: setting \"%s\" lies outside the instance (offset %u of %llu bytes): use offsetof() of "
			"an 8-byte field",
			file, s->key, s->offset, (unsigned long long)p->about.instance_size);
	for (uint32_t i = 0; i < at; i++) {
		if (strcmp(p->settings[i].key, s->key) == 0)
			return refuse("%s declares the setting \"%s\" twice", file, s->key);
		if (p->settings[i].offset == s->offset)
			return refuse("%s: settings \"%s\" and \"%s\" are written to the same place", file,
				      p->settings[i].key, s->key);
	}
	return OK;
}

static int copy_settings(struct arena *arena, const char *file, const struct opshub_plugin *p, struct plugin *ret,
			 const char **ret_why)
{
	size_t size = p->setting_size < sizeof(struct opshub_setting) ? p->setting_size : sizeof(struct opshub_setting);
	int r;

	if (p->n_settings == 0)
		return OK;
	if (p->n_settings > PLUGIN_SETTINGS_MAX || !p->settings)
		return refuse("%s declares %u settings%s, at most %d are allowed", file, p->n_settings,
			      p->settings ? "" : " without a list of them", PLUGIN_SETTINGS_MAX);
	if (p->setting_size < SETTING_SIZE_1_0 || p->setting_size % 8 != 0)
		return refuse("%s has settings of %u bytes each, the least is %zu: set setting_size to "
			      "sizeof(struct opshub_setting)",
			      file, p->setting_size, SETTING_SIZE_1_0);
	for (uint32_t i = 0; i < p->n_settings; i++) {
		memcpy(&ret->settings[i], (const char *)p->settings + (size_t)i * p->setting_size, size);
		r = check_setting(arena, file, ret, i, ret_why);
		if (r < 0)
			return r;
	}
	return OK;
}

int plugin_negotiate(struct arena *arena, struct str name, const struct opshub_plugin *theirs, struct plugin *ret,
		     const char **ret_why)
{
	const char *file = arena_printf(arena, "%.*s.so", STR_FMT(name)).p;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!theirs)
		return refuse("%s gives no description: opshub_plugin_entry() returned NULL", file);
	r = check_versions(arena, file, theirs, ret_why);
	if (r == OK)
		r = check_texts(arena, file, name, theirs, ret_why);
	if (r < 0)
		return r;
	memcpy(&ret->about, theirs,
	       theirs->struct_size < sizeof(ret->about) ? theirs->struct_size : sizeof(ret->about));
	r = copy_ops(arena, file, theirs, ret, ret_why);
	if (r == OK)
		r = copy_settings(arena, file, theirs, ret, ret_why);
	return r;
}
