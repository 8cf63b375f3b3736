/* What deploys: a project's rules. core/model/rules.h says what the fields mean. */
#include "model/rules.h"

#include "api/input.h"
#include "store/projects.h"

#define WORD_MAX   255
#define MARKER_MAX 100
#define RULES_MAX  (64 * 1024)
#define TTL_MIN_MS 60000
#define TTL_MAX_MS (366ll * 24 * 60 * 60 * 1000)

static void answer(struct exchange *x, struct str stored)
{
	const char *why = "";
	struct rules *rules = arena_alloc(x->call->arena, sizeof(*rules));
	struct json_out out = http_answer_json(x, 200);

	*rules = rules_read(json_parse(x->call->arena, stored, NULL, &why));
	json_open(&out, '{');
	rules_write(rules, &out);
	json_close(&out, '}');
}

int rules_show(struct exchange *x)
{
	struct db_rows rows;
	int r = project_rules(x->call, api_of(x)->db, x->params[0], &rows);

	if (r == OK)
		answer(x, db_text(&rows, 0, "rules"));
	return r;
}

static bool is_word(const struct json *item)
{
	if (item->kind != JSON_TEXT || item->text.n < 1 || item->text.n > WORD_MAX)
		return false;
	for (size_t i = 0; i < item->text.n; i++)
		if ((unsigned char)item->text.p[i] < ' ' || item->text.p[i] == 0x7f)
			return false;
	return true;
}

static void read_words(struct input *in, const char *field, struct rule_words *ret)
{
	const struct json *value = input_value(in, field, INPUT_NULLABLE);

	if (!value)
		return;
	if (value->kind != JSON_ARRAY || value->n > RULE_WORDS) {
		input_fault(in, field, "must be a list of at most 32 texts");
		return;
	}
	*ret = (struct rule_words){ 0 };
	for (const struct json *item = value->child; item; item = item->next) {
		if (!is_word(item)) {
			input_fault(in, field, "must hold texts of 1 to 255 bytes without control characters only");
			return;
		}
		ret->words[ret->n++] = item->text;
	}
}

/* What is absent has its default: the body is all the rules there are. */
static int read_rules(struct exchange *x, struct rules *ret)
{
	static const char *const drafts[] = { "skip", "deploy", NULL };
	static const char *const forks[] = { "approve", "trusted", "deploy", "skip", NULL }; /* as enum fork_policy */
	struct str word = { 0 };
	struct input in;
	int r = input_open(x, &in);

	if (r != OK)
		return r;
	*ret = rules_read(NULL);
	if (input_word(&in, "drafts", INPUT_NULLABLE, drafts, &word))
		ret->deploy_drafts = str_eq(word, STR("deploy"));
	if (input_word(&in, "forks", INPUT_NULLABLE, forks, &word))
		for (int i = FORKS_APPROVE; i <= FORKS_SKIP; i++)
			if (str_eq(word, str_of(forks[i])))
				ret->forks = (enum fork_policy)i;
	read_words(&in, "labelsAny", &ret->labels_any);
	read_words(&in, "labelsNone", &ret->labels_none);
	read_words(&in, "baseBranches", &ret->base_branches);
	read_words(&in, "skipAuthors", &ret->skip_authors);
	input_text(&in, "skipMarker", INPUT_NULLABLE, 0, MARKER_MAX, &ret->skip_marker);
	input_text(&in, "approveLabel", INPUT_NULLABLE, 0, MARKER_MAX, &ret->approve_label);
	input_bool(&in, "decoys", INPUT_NULLABLE, &ret->decoys);
	input_int(&in, "maxBuilds", INPUT_NULLABLE, 0, 10000, &ret->max_builds);
	input_int(&in, "maxPreviews", INPUT_NULLABLE, 0, 10000, &ret->max_previews);
	input_int(&in, "ttlMs", INPUT_NULLABLE, 0, TTL_MAX_MS, &ret->ttl_ms);
	if (ret->ttl_ms > 0 && ret->ttl_ms < TTL_MIN_MS)
		input_fault(&in, "ttlMs", "must be 0 or at least 60000, a minute");
	return input_close(&in);
}

int rules_put(struct exchange *x)
{
	struct audit audit = audit_of(x);
	struct rules *rules = arena_alloc(x->call->arena, sizeof(*rules));
	struct json_out out;
	struct str text;
	struct buf buf;
	int r = read_rules(x, rules);

	if (r != OK)
		return r;
	buf_init(&buf, RULES_MAX);
	out = JSON_OUT(&buf);
	json_open(&out, '{');
	rules_write(rules, &out);
	json_close(&out, '}');
	text = arena_str(x->call->arena, buf_str(&buf));
	if (buf.overflow)
		r = answer_field(x, 422, "body", "is too long: rules have at most 64 KiB");
	buf_done(&buf);
	if (r == OK)
		r = project_rules_save(x->call, api_of(x)->db, x->params[0], text, &audit);
	if (r == OK)
		answer(x, text);
	return r;
}
