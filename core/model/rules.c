/* What deploys. */
#include "model/rules.h"

const char *desired_word(enum desired desired)
{
	static const char *const words[] = { "deployed", "destroyed", "held" };

	return words[desired];
}

static bool same(char a, char b, bool any_case)
{
	return any_case ? str_eq_nocase((struct str){ &a, 1 }, (struct str){ &b, 1 }) : a == b;
}

static bool matches(struct str pattern, struct str text, bool any_case)
{
	size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;

	/* the last '*' takes one character more each time the rest does not fit: linear memory, no recursion */
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			star_text = t;
		} else if (p < pattern.n && same(pattern.p[p], text.p[t], any_case)) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++star_text;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool glob_matches(struct str pattern, struct str text)
{
	return matches(pattern, text, false);
}

bool glob_matches_nocase(struct str pattern, struct str text)
{
	return matches(pattern, text, true);
}

static struct rule_words read_words(const struct json *array)
{
	struct rule_words words = { 0 };
	const struct json *word = array && array->kind == JSON_ARRAY ? array->child : NULL;

	for (; word && words.n < RULE_WORDS; word = word->next)
		if (word->kind == JSON_TEXT && word->text.n)
			words.words[words.n++] = word->text;
	return words;
}

static const char *const policies[] = { "approve", "trusted", "deploy", "skip" };

struct rules rules_read(const struct json *json)
{
	struct str forks = json_text(json_get(json, "forks"), STR("approve"));
	struct rules rules = {
		.deploy_drafts = str_eq(json_text(json_get(json, "drafts"), STR("skip")), STR("deploy")),
		.forks = FORKS_APPROVE,
		.labels_any = read_words(json_get(json, "labelsAny")),
		.labels_none = read_words(json_get(json, "labelsNone")),
		.base_branches = read_words(json_get(json, "baseBranches")),
		.skip_authors = read_words(json_get(json, "skipAuthors")),
		.skip_marker = json_text(json_get(json, "skipMarker"), STR("[skip preview]")),
		.approve_label = json_text(json_get(json, "approveLabel"), STR("")),
		.decoys = json_bool(json_get(json, "decoys"), false),
		.max_builds = json_int(json_get(json, "maxBuilds"), 0),
		.max_previews = json_int(json_get(json, "maxPreviews"), 0),
		.ttl_ms = json_int(json_get(json, "ttlMs"), 0),
	};

	for (unsigned i = 0; i < 4; i++)
		if (str_eq(forks, str_of(policies[i])))
			rules.forks = (enum fork_policy)i;
	return rules;
}

static void put_words(struct json_out *out, const char *key, const struct rule_words *words)
{
	json_key(out, key);
	json_open(out, '[');
	for (unsigned i = 0; i < words->n; i++)
		json_add_text(out, words->words[i]);
	json_close(out, ']');
}

void rules_write(const struct rules *rules, struct json_out *out)
{
	json_put_text(out, "drafts", rules->deploy_drafts ? STR("deploy") : STR("skip"));
	json_put_text(out, "forks", str_of(policies[rules->forks]));
	put_words(out, "labelsAny", &rules->labels_any);
	put_words(out, "labelsNone", &rules->labels_none);
	put_words(out, "baseBranches", &rules->base_branches);
	put_words(out, "skipAuthors", &rules->skip_authors);
	json_put_text(out, "skipMarker", rules->skip_marker);
	json_put_text(out, "approveLabel", rules->approve_label);
	json_put_bool(out, "decoys", rules->decoys);
	json_put_int(out, "maxBuilds", rules->max_builds);
	json_put_int(out, "maxPreviews", rules->max_previews);
	json_put_int(out, "ttlMs", rules->ttl_ms);
}

static bool has_label(const struct pull_request *pr, const struct rule_words *words)
{
	for (unsigned i = 0; i < words->n; i++)
		for (unsigned k = 0; k < pr->n_labels; k++)
			if (str_eq_nocase(words->words[i], pr->labels[k]))
				return true;
	return false;
}

static bool any_matches(const struct rule_words *patterns, struct str text,
			bool (*fits)(struct str pattern, struct str text))
{
	for (unsigned i = 0; i < patterns->n; i++)
		if (fits(patterns->words[i], text))
			return true;
	return false;
}

static bool contains_nocase(struct str text, struct str part)
{
	for (size_t i = 0; part.n && i + part.n <= text.n; i++)
		if (str_eq_nocase((struct str){ text.p + i, part.n }, part))
			return true;
	return false;
}

static bool trusted_author(const struct pull_request *pr)
{
	return str_eq(pr->association, STR("OWNER")) || str_eq(pr->association, STR("MEMBER")) ||
	       str_eq(pr->association, STR("COLLABORATOR"));
}

/* Held or skipped. */
static bool stops_fork(const struct rules *rules, const struct pull_request *pr)
{
	if (!pr->from_fork || rules->forks == FORKS_DEPLOY)
		return false;
	return !(rules->forks == FORKS_TRUSTED && trusted_author(pr));
}

/* Looks at one rule: it is noted in the trace, and when it speaks the decision is made. */
static bool rule(struct decision *d, bool speaks, const char *name, enum desired desired, const char *why)
{
	d->trace[d->n_trace].rule = name;
	d->trace[d->n_trace++].decided = speaks;
	if (!speaks)
		return false;
	d->desired = desired;
	d->rule = name;
	d->why = why;
	return true;
}

struct decision rules_decide(const struct rules *r, const struct pull_request *pr)
{
	bool skips_forks = r->forks == FORKS_SKIP;
	struct decision d = { 0 };

	if (r->is_deleting && rule(&d, true, "DELETING", DESIRED_DESTROYED, "the project is being deleted"))
		return d;
	if (rule(&d, !pr->open, "CLOSED", DESIRED_DESTROYED, "the pull request is closed") ||
	    rule(&d, pr->draft && !r->deploy_drafts, "DRAFT", DESIRED_DESTROYED,
		 "drafts are not deployed: mark it ready for review, or set rule drafts to \"deploy\"") ||
	    rule(&d, has_label(pr, &r->labels_none), "LABEL_EXCLUDED", DESIRED_DESTROYED,
		 "it has a label that excludes it from previews") ||
	    rule(&d, r->labels_any.n && !has_label(pr, &r->labels_any), "LABEL_MISSING", DESIRED_DESTROYED,
		 "it has none of the labels that ask for a preview") ||
	    rule(&d, r->base_branches.n && !any_matches(&r->base_branches, pr->base_branch, glob_matches),
		 "BASE_BRANCH", DESIRED_DESTROYED, "its base branch is not among the project's base branches") ||
	    rule(&d, any_matches(&r->skip_authors, pr->author, glob_matches_nocase), "AUTHOR", DESIRED_DESTROYED,
		 "pull requests of this author are not deployed") ||
	    rule(&d, contains_nocase(pr->title, r->skip_marker), "SKIP_MARKER", DESIRED_DESTROYED,
		 "its title holds the marker that skips previews") ||
	    rule(&d, stops_fork(r, pr), "FORK", skips_forks ? DESIRED_DESTROYED : DESIRED_HELD,
		 skips_forks ? "forks are not deployed" : "it comes from a fork and waits for approval"))
		return d;
	rule(&d, true, "DEFAULT", DESIRED_DEPLOYED, "nothing speaks against a preview");
	return d;
}

void decision_write(const struct decision *decision, struct json_out *out)
{
	json_put_text(out, "desired", str_of(desired_word(decision->desired)));
	json_put_text(out, "rule", str_of(decision->rule));
	json_put_text(out, "reason", str_of(decision->why));
	json_key(out, "trace");
	json_open(out, '[');
	for (unsigned i = 0; i < decision->n_trace; i++) {
		json_open(out, '{');
		json_put_text(out, "rule", str_of(decision->trace[i].rule));
		json_put_bool(out, "decided", decision->trace[i].decided);
		json_close(out, '}');
	}
	json_close(out, ']');
}
