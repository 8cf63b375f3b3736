/* Scripts against a real server: sent once, called by digest, sent again when the server has lost them. */
#include "kv/script.h"
#include "unit/kv/redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S(text) STR(text)

static struct server redis;
static struct loop *loop;
static struct kv *kv;

static int set_up(void **state)
{
	char url[128];

	(void)state;
	log_open(1, getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR + 1);
	redis_new(&redis);
	loop = loop_new(0);
	loop_watchdog(loop, 0);
	snprintf(url, sizeof(url), "redis://:secret-word@127.0.0.1:%d", redis.port);
	kv = kv_open(loop, url, "unit-script");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kv_close(kv);
	loop_free(loop);
	redis_free(&redis);
	return 0;
}

/* Calls of a command, as Redis counted them. */
static int64_t calls_of(struct call *call, const char *command)
{
	struct kv_reply reply;
	const char *at;

	CHECK_INT(kv_do(call, kv, 0, &reply, S("INFO"), S("commandstats")), OK);
	at = strstr(reply.text.p, arena_printf(call->arena, "cmdstat_%s:calls=", command).p);
	return at ? atoll(strchr(at, '=') + 1) : 0;
}

static void run_script(struct call *call, struct kv_script *script, int64_t expected)
{
	const struct str args[] = { S("x\r\ny"), S("") };
	struct kv_reply reply;

	CHECK_INT(kv_run(call, kv, 0, script, &reply, S("key"), args, 2), OK);
	CHECK(reply.kind == KV_ARRAY && reply.n == 3);
	CHECK_TEXT(reply.items[0].text, "key");
	CHECK_TEXT(reply.items[1].text, "x\r\ny");
	CHECK_INT(reply.items[2].integer, expected);
}

static void calls(struct call *call, void *arg)
{
	struct kv_script script = { .text = S("return {KEYS[1], ARGV[1], redis.call('INCR', 'n') + #ARGV[2]}") };

	(void)arg;
	CHECK_INT(kv_ready(call, kv, 5000), OK);
	run_script(call, &script, 1);
	run_script(call, &script, 2);
	CHECK_INT(calls_of(call, "evalsha"), 2);
	CHECK_INT(calls_of(call, "script|load"), 1);
	CHECK_INT(kv_do(call, kv, 0, NULL, S("SCRIPT"), S("FLUSH")), OK);
	run_script(call, &script, 3);
	run_script(call, &script, 4);
	CHECK_INT(calls_of(call, "evalsha"), 4);
	CHECK_INT(calls_of(call, "eval"), 1);
}

static void failures(struct call *call, void *arg)
{
	struct kv_script broken = { .text = S("return nonsense(") }, failing = { .text = S("return nothing.at_all") };
	struct str args[KV_SCRIPT_ARGS + 1] = { S("1") };
	struct kv_reply reply = { .integer = 77 };

	(void)arg;
	CHECK_INT(kv_run(call, kv, 0, &broken, &reply, S("key"), args, 1), E_UPSTREAM);
	CHECK(strstr(call->why, "SCRIPT") && !broken.digest[0]);
	CHECK_INT(kv_run(call, kv, 0, &failing, &reply, S("key"), args, 1), E_UPSTREAM);
	CHECK(strstr(call->why, "EVAL"));
	CHECK_INT(kv_run(call, kv, 0, &failing, &reply, S("key"), args, KV_SCRIPT_ARGS + 1), E_INTERNAL);
	CHECK_INT(reply.integer, 77);
}

static void away(struct call *call, void *arg)
{
	struct kv_script script = { .text = S("return 1") };

	(void)arg;
	while (kv_is_up(kv))
		CHECK_INT(fiber_sleep(call, 5), OK);
	CHECK_INT(kv_run(call, kv, 0, &script, NULL, S("key"), NULL, 0), E_NETWORK);
}

static void test_calls(void **state)
{
	(void)state;
	run_fiber(loop, calls, NULL);
}

static void test_failures(void **state)
{
	(void)state;
	run_fiber(loop, failures, NULL);
}

static void test_away(void **state)
{
	(void)state;
	server_stop(&redis, SIGKILL);
	run_fiber(loop, away, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_away),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
