/* From a request to a bucket, to Redis when it has to be, and to the headers of the answer.
 *
 *   request -> bucket of this process -> a token of its lease? yes -> headers
 *                                        no -> Redis: a lease of at most 1/16 of what is there, at least one token
 *
 * With fewer than 32 left they are taken one by one, so that exactly as many requests get in as the limit says,
 * whichever process they reach. A principal that is known to have none left is refused without asking. Owns a
 * connection to Redis of its own: a reply that takes longer than PATIENCE_MS costs the connection, and the one that
 * tells workers about jobs must not go for that. While there is none, each process counts alone. */
#include "api/limits.h"

#include "api/api.h"
#include "base/clock.h"
#include "http/client.h"
#include "kv/script.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 50
#define ALONE_US    1000000 /* after a failure Redis is not asked for so long */

/* The key holds when the bucket is full again, and is gone by then. The clock is Redis' own, so processes agree on it.
 * A time further off than an empty bucket's was written by another limit, or by another clock. */
static const char lease_text[] = "local clock = redis.call('TIME')\n"
				 "local now = clock[1] * 1000000 + clock[2]\n"
				 "local cost, limit, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
				 "local full = tonumber(redis.call('GET', KEYS[1]) or 0) or 0\n"
				 "full = math.min(math.max(full, now), now + limit * cost)\n"
				 "local there = math.floor((limit * cost - (full - now)) / cost)\n"
				 "local take = math.min(there, math.max(1, math.min(want, math.floor(there / 16))))\n"
				 "if take > 0 then\n"
				 "  full = full + take * cost\n"
				 "  redis.call('SET', KEYS[1], string.format('%.0f', full),\n"
				 "    'PX', math.ceil((full - now) / 1000))\n"
				 "end\n"
				 "return {take, full - now}\n";

struct limits {
	struct limit_rule rules[LIMIT_KINDS];
	struct kv *kv;
	struct buckets *buckets;
	struct kv_script lease;
	int64_t alone_until_us;
	bool alone; /* it was said in the log */
};

static const char *const kind_names[LIMIT_KINDS] = {
	[LIMIT_GENERAL] = "general", [LIMIT_AUTH] = "auth", [LIMIT_WEBHOOK] = "webhook", [LIMIT_REVEAL] = "reveal"
};

struct limits *limits_open(struct loop *loop, const char *redis_url, const struct limit_rule rules[LIMIT_KINDS])
{
	struct limits *limits = calloc(1, sizeof(*limits));

	if (!limits)
		abort();
	memcpy(limits->rules, rules, sizeof(limits->rules));
	limits->kv = kv_open(loop, redis_url, "opshub-limits");
	limits->buckets = buckets_new();
	limits->lease.text = (struct str){ lease_text, sizeof(lease_text) - 1 };
	return limits;
}

struct limits *limits_close(struct limits *limits)
{
	if (!limits)
		return NULL;
	limits->buckets = buckets_free(limits->buckets);
	limits->kv = kv_close(limits->kv);
	free(limits);
	return NULL;
}

/* ---- Redis ---- */

static struct str number(struct call *call, int64_t value)
{
	return arena_printf(call->arena, "%lld", (long long)value);
}

static int lease(struct call *call, struct limits *limits, const struct limit_rule *rule, struct str key, int64_t want,
		 int64_t *ret_n, int64_t *ret_missing_us)
{
	struct kv_reply reply;
	const struct str args[] = { number(call, rule_cost_us(rule)), number(call, rule->limit), number(call, want) };
	int r = kv_run(call, limits->kv, PATIENCE_MS, &limits->lease, &reply,
		       arena_printf(call->arena, "opshub:limit:{%.*s}", STR_FMT(key)), args, 3);

	if (r != OK)
		return r;
	if (reply.kind != KV_ARRAY || reply.n != 2)
		return call_fail(call, E_UPSTREAM, "Redis did not answer with a lease");
	*ret_n = reply.items[0].integer;
	*ret_missing_us = reply.items[1].integer;
	return OK;
}

static void note_alone(struct limits *limits, const char *why)
{
	limits->alone_until_us = clock_mono_us() + ALONE_US;
	if (!limits->alone)
		log_warn("Limits", "Redis does not count requests: each api process does for itself",
			 F_TEXT("reason", why));
	limits->alone = true;
}

static void note_shared(struct limits *limits)
{
	if (limits->alone)
		log_info("Limits", "Redis counts requests again");
	limits->alone = false;
}

/* OK with the verdict, or E_CANCELLED. A Redis that fails is no failure here, and leaves no trace in the call. */
static int ask(struct call *call, struct limits *limits, const struct limit_rule *rule, struct str key, bool *ret_taken)
{
	int code = call->code, r;
	const char *why = call->why;
	int64_t asked_us = clock_mono_us(), n = 0, missing_us = 0, want;
	struct bucket *bucket = buckets_at(limits->buckets, key);
	bool leasing;

	want = bucket_ask(bucket, &leasing);
	r = lease(call, limits, rule, key, want, &n, &missing_us);
	bucket = buckets_at(limits->buckets, key); /* others may have pushed it out meanwhile */
	if (r == OK) {
		note_shared(limits);
		bucket_told(bucket, leasing, n, missing_us, asked_us);
		*ret_taken = n > 0;
		return OK;
	}
	if (leasing)
		bucket->asking = false;
	if (r == E_CANCELLED)
		return r;
	note_alone(limits, call->why);
	call->code = code;
	call->why = why;
	*ret_taken = bucket_take_alone(bucket, rule, clock_mono_us());
	return OK;
}

static int take(struct call *call, struct limits *limits, const struct limit_rule *rule, struct str key,
		bool *ret_taken)
{
	int64_t now_us = clock_mono_us();
	struct bucket *bucket = buckets_at(limits->buckets, key);

	if (!kv_is_up(limits->kv) || now_us < limits->alone_until_us) {
		*ret_taken = bucket_take_alone(bucket, rule, now_us);
		return OK;
	}
	switch (bucket_take(bucket, rule, now_us)) {
	case BUCKET_TAKEN:
		*ret_taken = true;
		return OK;
	case BUCKET_EMPTY:
		*ret_taken = false;
		return OK;
	default:
		return ask(call, limits, rule, key, ret_taken);
	}
}

/* ---- the answer ---- */

/* The last limit that was asked is the one that the answer tells of. */
static void set_header(struct exchange *x, const char *name, int64_t value)
{
	struct str text = number(x->call, value);

	for (size_t i = 0; i < x->answer.n_headers; i++) {
		if (str_eq(x->answer.headers[i].name, str_of(name))) {
			x->answer.headers[i].value = text;
			return;
		}
	}
	http_answer_header(x, name, text);
}

static void put_headers(struct exchange *x, const struct limit_rule *rule, const struct bucket *bucket, int64_t now_us)
{
	int64_t reset_ms = clock_wall_ms() + bucket_reset_us(bucket, rule, now_us) / 1000;

	set_header(x, "x-ratelimit-limit", rule->limit);
	set_header(x, "x-ratelimit-remaining", bucket_remaining(bucket, rule, now_us));
	set_header(x, "x-ratelimit-reset", (reset_ms + 999) / 1000);
}

static int refuse(struct exchange *x, enum limit_kind kind, const struct limit_rule *rule, int64_t wait_us)
{
	static const char *const what[LIMIT_KINDS] = {
		[LIMIT_GENERAL] = "requests",
		[LIMIT_AUTH] = "logins and refused credentials from this address",
		[LIMIT_WEBHOOK] = "webhooks from this address whose signature does not fit the webhook secret",
		[LIMIT_REVEAL] = "secrets shown to you",
	};
	long long seconds = (wait_us + 999999) / 1000000;

	if (seconds < 1)
		seconds = 1;
	x->answer.status = 0;
	x->call->retry_after_ms = seconds * 1000;
	return call_fail(x->call, E_LIMITED, "too many %s: %lld in %lld s are allowed. Try again in %lld s.",
			 what[kind], (long long)rule->limit, (long long)(rule->window_ms + 999) / 1000, seconds);
}

int limits_check(struct exchange *x, enum limit_kind kind, struct str principal)
{
	struct limits *limits = api_of(x)->limits;
	const struct limit_rule *rule = &limits->rules[kind];
	struct str key;
	const struct bucket *bucket;
	int64_t now_us;
	bool taken;
	int r;

	if (!rule->limit || x->route->flags & ROUTE_UNLIMITED)
		return OK;
	key = arena_printf(x->call->arena, "%s:%.*s", kind_names[kind], STR_FMT(principal));
	r = take(x->call, limits, rule, key, &taken);
	if (r != OK)
		return r;
	now_us = clock_mono_us();
	bucket = buckets_at(limits->buckets, key);
	put_headers(x, rule, bucket, now_us);
	return taken ? OK : refuse(x, kind, rule, bucket_wait_us(bucket, rule, now_us));
}

/* ---- who ---- */

static struct str address_of_client(const struct exchange *x)
{
	char group[ADDRESS_GROUP_MAX];

	address_group(x->client, group);
	return arena_str(x->call->arena, str_of(group));
}

static bool is_login(const struct http_route *route)
{
	struct str path = str_of(route->path);

	return str_starts(path, STR("/auth/")) || str_eq(path, STR("/test/login-as"));
}

static bool brought_credentials(struct exchange *x)
{
	return http_request_header(x, "authorization").n || http_cookie(x, SESSION_COOKIE).n;
}

int limits_of_address(struct exchange *x)
{
	if (x->route->access == ACCESS_SIGNED || x->route->flags & ROUTE_CACHED)
		return OK;
	return limits_check(x, is_login(x->route) ? LIMIT_AUTH : LIMIT_GENERAL, address_of_client(x));
}

int limits_of_uncached(struct exchange *x)
{
	return limits_check(x, LIMIT_GENERAL, address_of_client(x));
}

int limits_of_caller(struct exchange *x, int identified, struct str principal)
{
	bool refused = identified == E_AUTH && x->answer.status == 0 && brought_credentials(x);
	int r;

	if (is_login(x->route) || refused)
		r = limits_check(x, LIMIT_AUTH, address_of_client(x));
	else
		r = limits_check(x, LIMIT_GENERAL, principal.n ? principal : address_of_client(x));
	return r == OK ? identified : r;
}

int limits_of_unsigned(struct exchange *x)
{
	return limits_check(x, LIMIT_WEBHOOK, address_of_client(x));
}
