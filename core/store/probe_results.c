/* Results of probes: many in one statement, as arrays. */
#include "store/probes.h"

#include "base/id.h"

#include <string.h>

#define FLAG_OK        1
#define FLAG_FLAPPING  2
#define FLAG_TOLD      4
#define FLAG_INCIDENT  8
#define FLAG_TELL_BACK 16

const char *verdict_word(enum verdict verdict)
{
	static const char *const words[] = { "", "OK", "FAILED", "INCONCLUSIVE", "MAINTENANCE" };

	return words[verdict];
}

/* A column of the statement's arrays. */
static struct db_arg numbers(struct call *call, const struct probe_look *looks, size_t n,
			     int64_t (*of)(const struct probe_look *look))
{
	int64_t *ints = arena_alloc(call->arena, (n + 1) * sizeof(*ints));

	for (size_t i = 0; i < n; i++)
		ints[i] = of(&looks[i]);
	return A_INTS(ints, n);
}

#define NUMBER(name, value)                                                                                            \
	static int64_t name(const struct probe_look *look)                                                             \
	{                                                                                                              \
		return value;                                                                                          \
	}
NUMBER(fence_of, look->fence)
NUMBER(version_of, look->version)
NUMBER(verdict_of, look->verdict)
NUMBER(status_code_of, look->status_code)
NUMBER(latency_of, look->latency_ms)
NUMBER(at_of, look->at_ms)
NUMBER(next_of, look->next_ms)
NUMBER(interval_of, look->interval_ms)
NUMBER(status_of, look->state.status)
NUMBER(failures_of, look->state.failures)
NUMBER(successes_of, look->state.successes)
NUMBER(since_of, look->state.failing_since_ms)
NUMBER(told_at_of, look->state.told_ms)
NUMBER(ends_of, look->certificate_ends_ms)
NUMBER(warned_of, look->warned)
NUMBER(flags_of, (look->ok ? FLAG_OK : 0) | (look->state.flapping ? FLAG_FLAPPING : 0) |
			 (look->state.told ? FLAG_TOLD : 0) | (look->state.incident ? FLAG_INCIDENT : 0) |
			 (look->tell_back ? FLAG_TELL_BACK : 0))

/* ---- sums: seven columns ---- */

#define SUM_COLUMNS 7

static void put_sums(struct call *call, const struct health_sums *const *sums, size_t n, struct db_arg *args)
{
	int64_t *ints[SUM_COLUMNS];

	for (size_t c = 0; c < SUM_COLUMNS; c++) {
		ints[c] = arena_alloc(call->arena, (n + 1) * sizeof(*ints[c]));
		args[c] = A_INTS(ints[c], n);
	}
	for (size_t i = 0; i < n; i++) {
		ints[0][i] = sums[i]->at_ms;
		ints[1][i] = sums[i]->ok;
		ints[2][i] = sums[i]->failed;
		ints[3][i] = sums[i]->inconclusive;
		ints[4][i] = sums[i]->latency_sum;
		ints[5][i] = sums[i]->latency_min;
		ints[6][i] = sums[i]->latency_max;
	}
}

static void put_under_way(struct call *call, const struct probe_look *looks, size_t n, struct db_arg *args)
{
	const struct health_sums **sums = arena_alloc(call->arena, (n + 1) * sizeof(*sums));

	for (size_t i = 0; i < n; i++)
		sums[i] = &looks[i].sums;
	put_sums(call, sums, n, args);
}

static void put_over(struct call *call, const struct probe_look *looks, size_t n, struct db_arg *args)
{
	const struct health_sums **sums = arena_alloc(call->arena, (n + 1) * sizeof(*sums));
	struct str *checks = arena_alloc(call->arena, (n + 1) * sizeof(*checks));
	int64_t *fences = arena_alloc(call->arena, (n + 1) * sizeof(*fences));
	size_t over = 0;

	for (size_t i = 0; i < n; i++) {
		if (!looks[i].over.at_ms)
			continue;
		checks[over] = looks[i].check_id;
		fences[over] = looks[i].fence;
		sums[over++] = &looks[i].over;
	}
	args[30] = A_TEXTS(checks, over);
	put_sums(call, sums, over, args + 31);
	args[41] = A_INTS(fences, over);
}

/* ---- texts ---- */

static struct str changes_text(struct call *call, const struct probe_look *look)
{
	char text[HEALTH_CHANGES_MAX * (INT_TEXT_MAX + 1) + 2], *to = text;

	if (!look->changed)
		return (struct str){ 0 };
	*to++ = '{';
	for (int i = 0; i < look->state.n_changes; i++) {
		if (i)
			*to++ = ',';
		to += str_from_int(look->state.changes[i], to);
	}
	*to++ = '}';
	return arena_str(call->arena, (struct str){ text, (size_t)(to - text) });
}

static struct str text_or_null(const char *text)
{
	return text ? str_of(text) : (struct str){ 0 };
}

enum { CHECKS, PROJECTS, SAMPLES, ERRORS, CHANGES, CERTIFICATES, TEXT_COLUMNS };

static void put_texts(struct call *call, const struct probe_look *looks, size_t n, struct db_arg *args)
{
	static const int places[TEXT_COLUMNS] = { 2, 4, 5, 8, 18, 20 };
	struct str *texts[TEXT_COLUMNS];

	for (size_t c = 0; c < TEXT_COLUMNS; c++) {
		texts[c] = arena_alloc(call->arena, (n + 1) * sizeof(*texts[c]));
		args[places[c]] = A_TEXTS(texts[c], n);
	}
	for (size_t i = 0; i < n; i++) {
		texts[CHECKS][i] = looks[i].check_id;
		texts[PROJECTS][i] = looks[i].project_id;
		texts[SAMPLES][i] = id_text(call->arena, "sample_");
		texts[ERRORS][i] = text_or_null(looks[i].error);
		texts[CHANGES][i] = changes_text(call, &looks[i]);
		texts[CERTIFICATES][i] = text_or_null(looks[i].certificate);
	}
}

static void put_answers(struct call *call, const struct probe_look *looks, size_t n, struct db_arg *args)
{
	struct str *checks = arena_alloc(call->arena, (n + 1) * sizeof(*checks));
	struct str *answers = arena_alloc(call->arena, (n + 1) * sizeof(*answers));
	int64_t *fences = arena_alloc(call->arena, (n + 1) * sizeof(*fences));
	size_t wanted = 0;

	for (size_t i = 0; i < n; i++) {
		if (!looks[i].answer.n)
			continue;
		checks[wanted] = looks[i].check_id;
		fences[wanted] = looks[i].fence;
		answers[wanted++] = looks[i].answer;
	}
	args[0] = A_TEXTS(checks, wanted);
	args[1] = A_INTS(fences, wanted);
	args[2] = A_TEXTS(answers, wanted);
}

#define PARAMETERS 42

int probes_results(struct call *call, struct db *db, struct db_tx *tx, struct str worker,
		   const struct probe_look *looks, size_t n, struct db_rows *ret_rows)
{
	struct db_arg args[PARAMETERS + 1]; /* by their numbers */

	args[1] = A_STR(worker);
	put_texts(call, looks, n, args);
	args[3] = numbers(call, looks, n, fence_of);
	args[6] = numbers(call, looks, n, verdict_of);
	args[7] = numbers(call, looks, n, flags_of);
	args[9] = numbers(call, looks, n, status_code_of);
	args[10] = numbers(call, looks, n, latency_of);
	args[11] = numbers(call, looks, n, at_of);
	args[12] = numbers(call, looks, n, next_of);
	args[13] = numbers(call, looks, n, interval_of);
	args[14] = numbers(call, looks, n, status_of);
	args[15] = numbers(call, looks, n, failures_of);
	args[16] = numbers(call, looks, n, successes_of);
	args[17] = numbers(call, looks, n, since_of);
	args[19] = numbers(call, looks, n, told_at_of);
	args[21] = numbers(call, looks, n, ends_of);
	args[22] = numbers(call, looks, n, warned_of);
	put_under_way(call, looks, n, args + 23);
	put_over(call, looks, n, args);
	put_answers(call, looks, n, args + 38);
	args[42] = numbers(call, looks, n, version_of);
	return tx ? db_tx_query_args(call, tx, Q_PROBES_RESULTS, ret_rows, args + 1, PARAMETERS)
		  : db_query_args(call, db, Q_PROBES_RESULTS, ret_rows, args + 1, PARAMETERS);
}
