/* What a project deploys with. Which settings there are says the plugin, by the catalog that a worker has stored: a new
 * provider needs no line here.
 *
 * Easy to break: a secret that is not sent, or comes back as the mask we showed, keeps what is stored; null deletes it.
 * All else is replaced as a whole. But who changes an address must send the secrets again: else he could have them sent
 * to a server of his own, without ever having known them. */
#include "base/setting.h"

#include "api/settings_body.h"
#include "store/plugins.h"

#include <string.h>

#define SETTINGS_MAX (256 * 1024)

static int answer(struct exchange *x)
{
	struct json_out out;
	struct str config;
	int r = provider_config(x->call, api_of(x)->db, x->params[0], &config);

	if (r != OK)
		return r;
	out = http_answer_json(x, 200);
	json_add_raw(&out, config);
	return OK;
}

int provider_show(struct exchange *x)
{
	return answer(x);
}

/* ---- one setting of the body ---- */

/* Clients know the settings of vercel, netlify and slack as "vercelToken" and so on. NULL for the others. */
static const char *reference_name(struct arena *arena, struct str provider, struct str key)
{
	if (!str_eq(provider, STR("vercel")) && !str_eq(provider, STR("netlify")) && !str_eq(provider, STR("slack")))
		return NULL;
	return arena_printf(arena, "%.*s%c%.*s", STR_FMT(provider),
			    key.p[0] >= 'a' && key.p[0] <= 'z' ? key.p[0] ^ 0x20 : key.p[0], (int)key.n - 1, key.p + 1)
		.p;
}

/* The setting's value in the body under either name, and the name it has there. */
static const struct json *find_value(struct settings_reading *r, struct str key, const char **ret_field)
{
	struct arena *arena = r->in.x->call->arena;
	const char *own = arena_text(arena, key), *other = reference_name(arena, r->provider, key);
	const struct json *value = json_get(r->in.body, own);

	input_value(&r->in, own, 0);
	*ret_field = own;
	if (!other)
		return value;
	input_value(&r->in, other, 0);
	if (value && json_get(r->in.body, other))
		input_fault(&r->in, other, "is the same setting under another name: send one of them");
	if (value)
		return value;
	*ret_field = other;
	return json_get(r->in.body, other);
}

static bool value_text(struct arena *arena, const struct json *value, struct str *ret)
{
	switch (value->kind) {
	case JSON_TEXT:
		*ret = value->text;
		return true;
	case JSON_INT:
		*ret = arena_printf(arena, "%lld", (long long)value->integer);
		return true;
	case JSON_BOOL:
		*ret = value->truth ? STR("true") : STR("false");
		return true;
	default:
		return false;
	}
}

static void keep(struct settings_reading *r, const char *key, const struct json *value)
{
	json_key(&r->settings, key);
	if (value->kind == JSON_INT)
		json_add_int(&r->settings, value->integer);
	else if (value->kind == JSON_BOOL)
		json_add_bool(&r->settings, value->truth);
	else
		json_add_text(&r->settings, value->text);
}

/* Has a value that nobody has to send: the plugin's own, or the installation's environment. */
static bool has_default(const struct json *declared)
{
	return json_text(json_get(declared, "initial"), STR("")).n > 0 ||
	       json_bool(json_get(declared, "envIsSet"), false);
}

static void read_secret(struct settings_reading *r, struct str key, const struct json *value, struct str text)
{
	const struct json *mask = json_get(r->masks, arena_text(r->in.x->call->arena, key));

	if (value && mask && str_eq(text, mask->text))
		return; /* what we showed comes back: nothing new */
	if (value) {
		r->change.keys[r->change.n_secrets] = key;
		r->change.plains[r->change.n_secrets++] = text;
	}
}

static struct setting_rule rule_of(struct arena *arena, const struct json *declared, enum setting_kind kind)
{
	struct setting_rule rule = { .kind = kind,
				     .min = json_int(json_get(declared, "min"), 0),
				     .max = json_int(json_get(declared, "max"), 0),
				     .choices = STR("") };
	const struct json *choices = json_get(declared, "choices");

	for (const struct json *c = choices ? choices->child : NULL; c; c = c->next)
		rule.choices = arena_printf(arena, "%.*s%s%.*s", STR_FMT(rule.choices), rule.choices.n ? "|" : "",
					    STR_FMT(c->text));
	return rule;
}

/* What the operator alone sets, in the server's environment: sent by a client it is a fault, and so is its absence. */
static void check_operators(struct settings_reading *r, struct str key, const struct json *declared)
{
	struct arena *arena = r->in.x->call->arena;
	struct str env = json_text(json_get(declared, "env"), STR(""));
	const char *field;

	if (find_value(r, key, &field))
		input_fault(&r->in, field,
			    arena_printf(arena,
					 "is set by this server's operator alone, by the environment variable "
					 "%.*s",
					 STR_FMT(env))
				    .p);
	else if (json_bool(json_get(declared, "required"), false) && !has_default(declared))
		input_fault(&r->in, field,
			    arena_printf(arena,
					 "must be set by this server's operator, by the environment variable "
					 "%.*s",
					 STR_FMT(env))
				    .p);
}

static void read_setting(struct settings_reading *r, const struct json *declared)
{
	struct arena *arena = r->in.x->call->arena;
	struct str key = json_text(json_get(declared, "key"), STR("")), text = STR("");
	bool is_secret = json_bool(json_get(declared, "secret"), false), is_kept, is_null;
	const struct json *value;
	struct setting_parsed parsed;
	struct setting_rule rule;
	enum setting_kind kind;
	const char *field, *why = NULL;

	if (key.n == 0 || !setting_kind_read(json_text(json_get(declared, "type"), STR("")), &kind))
		return; /* a newer worker's kind */
	if (json_bool(json_get(declared, "operator"), false)) {
		check_operators(r, key, declared);
		return;
	}
	value = find_value(r, key, &field);
	is_null = value && value->kind == JSON_NULL;
	if (kind == SETTING_URL &&
	    !str_eq(json_text(value, STR("")), json_text(json_get(r->stored, arena_text(arena, key)), STR(""))))
		r->moved = field;
	if (is_null || (value && value->kind == JSON_TEXT && value->text.n == 0))
		value = NULL;
	is_kept = is_secret && !is_null && json_get(r->masks, arena_text(arena, key));
	if (is_null && is_secret)
		r->change.removed[r->change.n_removed++] = key;
	if (!value) {
		if (json_bool(json_get(declared, "required"), false) && !is_kept && !has_default(declared))
			input_fault(&r->in, field, "is required");
		return;
	}
	rule = rule_of(arena, declared, kind);
	if (!value_text(arena, value, &text))
		why = "must be a text, a whole number, true or false";
	else
		why = setting_parse(arena, &rule, text, &parsed);
	if (why)
		input_fault(&r->in, field, why);
	else if (is_secret)
		read_secret(r, key, value, text);
	else
		keep(r, arena_text(arena, key), value);
}

/* ---- the body ---- */

/* The provider's name: in the body in either case, or the one that is chosen. */
static void read_provider(struct input *in, struct str *ret)
{
	char *name;

	if (!input_text(in, "provider", 0, 1, 64, ret))
		return;
	name = arena_text(in->x->call->arena, *ret);
	text_to_lower(name, ret->n);
	*ret = (struct str){ name, ret->n };
}

static void check_plugin(struct input *in, const struct db_rows *rows)
{
	struct arena *arena = in->x->call->arena;
	struct str wanted = db_text(rows, 0, "wanted"), state = db_text(rows, 0, "state");

	if (wanted.n == 0)
		input_fault(in, "provider", "is required: this project has none yet; GET /providers lists them");
	else if (state.n == 0)
		input_fault(in, "provider", "is no provider that is installed here; GET /providers lists them");
	else if (!str_eq(state, STR("loaded")))
		input_fault(in, "provider",
			    arena_printf(arena, "is not loaded: %.*s", STR_FMT(db_text(rows, 0, "reason"))).p);
}

static bool is_listed(const struct str *keys, size_t n, struct str key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(keys[i], key))
			return true;
	return false;
}

static void check_kept(struct settings_reading *r)
{
	struct arena *arena = r->in.x->call->arena;
	const struct provider_change *c = &r->change;

	for (const struct json *m = r->moved && r->masks ? r->masks->child : NULL; m; m = m->next)
		if (!is_listed(c->keys, c->n_secrets, m->key) && !is_listed(c->removed, c->n_removed, m->key))
			input_fault(&r->in, arena_text(arena, m->key),
				    arena_printf(arena,
						 "must be sent again, or null: %s changes, and with it who gets this "
						 "secret",
						 r->moved)
					    .p);
}

static const struct json *parse(struct exchange *x, const struct db_rows *rows, const char *column)
{
	const char *why = "";

	return json_parse(x->call->arena, db_text(rows, 0, column), NULL, &why);
}

int settings_read(struct settings_reading *r, struct str provider, const struct json *schema,
		  const struct db_rows *rows, struct buf *settings)
{
	struct exchange *x = r->in.x;
	unsigned n = 0;

	r->provider = provider;
	r->stored = parse(x, rows, "settings");
	r->masks = parse(x, rows, "masks");
	r->settings = JSON_OUT(settings);
	json_open(&r->settings, '{');
	for (const struct json *s = schema ? schema->child : NULL; s && n < MOST_PROVIDER_SETTINGS / 2;
	     s = s->next, n++)
		read_setting(r, s);
	json_close(&r->settings, '}');
	check_kept(r);
	return input_close(&r->in);
}

const struct json *settings_schema_of(struct exchange *x, const struct db_rows *rows)
{
	return db_is_null(rows, 0, "schema") ? NULL : parse(x, rows, "schema");
}

int provider_put(struct exchange *x)
{
	struct api *api = api_of(x);
	struct settings_reading *r = arena_alloc(x->call->arena, sizeof(*r));
	struct audit audit = audit_of(x);
	struct str provider = { 0 };
	struct buf settings;
	struct db_rows rows;
	int result;

	buf_init(&settings, SETTINGS_MAX);
	result = input_open(x, &r->in);
	if (result != OK)
		goto out;
	read_provider(&r->in, &provider);
	result = provider_settings_get(x->call, api->db, x->params[0], provider, &rows);
	if (result != OK)
		goto out;
	check_plugin(&r->in, &rows);
	result = settings_read(r, db_text(&rows, 0, "wanted"), settings_schema_of(x, &rows), &rows, &settings);
	if (result != OK)
		goto out;
	r->change.provider = r->provider;
	r->change.settings_json = arena_str(x->call->arena, buf_str(&settings));
	result = provider_settings_save(x->call, api->db, api->o.keys, x->params[0], &r->change, &audit);
	if (result == OK)
		result = answer(x);
out:
	buf_done(&settings);
	return result;
}
