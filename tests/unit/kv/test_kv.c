/* The Redis connection against a real server: commands, time-outs, and a server that goes away. */
#include "base/clock.h"
#include "kv/kv.h"
#include "unit/kv/redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct server redis;
static struct loop *loop;
static struct kv *kv;
static int finished;

#define S(text) STR(text)

static const char *url(const char *host, int db)
{
	static char text[128];

	snprintf(text, sizeof(text), "redis://:secret-word@%s:%d/%d", host, redis.port, db);
	return text;
}

static int set_up(void **state)
{
	(void)state;
	log_open(1, getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR + 1);
	redis_new(&redis);
	loop = loop_new(0);
	loop_watchdog(loop, 0);
	kv = kv_open(loop, url("localhost", 3), "unit-kv");
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

static void commands(struct call *call, void *arg)
{
	struct kv_reply reply = { .integer = 77 };

	(void)arg;
	CHECK_INT(kv_ready(call, kv, 5000), OK);
	CHECK(kv_is_up(kv));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("SET"), S("a\r\nb"), S("x\0\r\n\xff")), OK);
	CHECK(reply.kind == KV_TEXT && str_eq(reply.text, S("OK")));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("GET"), S("a\r\nb")), OK);
	CHECK(reply.kind == KV_TEXT && str_eq(reply.text, S("x\0\r\n\xff")));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("GET"), S("nothing")), OK);
	CHECK(reply.kind == KV_NIL);
	CHECK_INT(kv_do(call, kv, 0, &reply, S("SET"), S("empty"), S("")), OK);
	CHECK_INT(kv_do(call, kv, 0, &reply, S("GET"), S("empty")), OK);
	CHECK(reply.kind == KV_TEXT && reply.text.n == 0);
	CHECK_INT(kv_do(call, kv, 0, &reply, S("RPUSH"), S("list"), S("1"), S("2"), S("3")), OK);
	CHECK(reply.kind == KV_INT && reply.integer == 3);
	CHECK_INT(kv_do(call, kv, 0, &reply, S("LRANGE"), S("list"), S("0"), S("99")), OK);
	CHECK(reply.kind == KV_ARRAY && reply.n == 3 && str_eq(reply.items[2].text, S("3")));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("LMPOP"), S("1"), S("list"), S("LEFT"), S("COUNT"), S("2")), OK);
	CHECK(reply.n == 2 && reply.items[1].kind == KV_ARRAY && str_eq(reply.items[1].items[1].text, S("2")));
	CHECK_INT(kv_do(call, kv, 0, NULL, S("PING")), OK);
	reply.integer = 77;
	CHECK_INT(kv_do(call, kv, 0, &reply, S("INCR"), S("a\r\nb")), E_UPSTREAM);
	CHECK(strstr(call->why, "INCR") && strstr(call->why, "ERR") && !strstr(call->why, "integer"));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("LPUSH"), S("empty"), S("x")), E_UPSTREAM);
	CHECK(strstr(call->why, "WRONGTYPE"));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("NOSUCH"), S("secret-value")), E_UPSTREAM);
	CHECK(!strstr(call->why, "secret-value"));
	CHECK_INT(reply.integer, 77);
	CHECK_INT(kv_do(call, kv, 0, &reply, S("CLIENT"), S("INFO")), OK);
	CHECK(memmem(reply.text.p, reply.text.n, "name=unit-kv ", 13) &&
	      memmem(reply.text.p, reply.text.n, " db=3 ", 6));
}

static void increments(struct call *call, void *arg)
{
	struct kv_reply reply;

	(void)arg;
	for (int i = 0; i < 50; i++)
		CHECK_INT(kv_do(call, kv, 5000, &reply, S("INCR"), S("counter")), OK);
	finished++;
}

static void counted(struct call *call, void *arg)
{
	struct kv_reply reply;

	(void)arg;
	CHECK_INT(kv_do(call, kv, 0, &reply, S("GET"), S("counter")), OK);
	CHECK_TEXT(reply.text, "5000");
}

static void test_pipelining(void **state)
{
	(void)state;
	finished = 0;
	for (int i = 0; i < 100; i++)
		start_fiber(loop, increments, NULL, NULL);
	loop_run(loop);
	assert_int_equal(finished, 100);
	run_fiber(loop, counted, NULL);
}

static void big(struct call *call, void *arg)
{
	char *data = arena_raw(call->arena, 20 << 20);
	struct kv_reply reply;

	(void)arg;
	memset(data, 'x', 20 << 20);
	CHECK_INT(kv_do(call, kv, 5000, &reply, S("SET"), S("big"), ((struct str){ data, 20 << 20 })), OK);
	CHECK_INT(kv_do(call, kv, 5000, &reply, S("GET"), S("big")), OK);
	CHECK_INT(reply.text.n, 20 << 20);
	CHECK_INT(kv_do(call, kv, 0, NULL, S("DEL"), S("big")), OK);
}

static void post(struct call *call, void *arg)
{
	const struct str push[] = { S("RPUSH"), S("posted"), S("x") }, wrong[] = { S("NOSUCH") };
	struct kv_reply reply;

	(void)arg;
	for (int i = 0; i < 100; i++)
		CHECK(kv_post(kv, push, 3));
	CHECK(kv_post(kv, wrong, 1));
	CHECK_INT(kv_do(call, kv, 0, &reply, S("LLEN"), S("posted")), OK);
	CHECK_INT(reply.integer, 100);
}

static void pops(struct call *call, void *arg)
{
	struct kv *own = arg;
	struct kv_reply reply;
	int64_t before = clock_mono_ms();

	CHECK_INT(kv_ready(call, own, 5000), OK);
	CHECK_INT(kv_do(call, own, 2000, &reply, S("BLMPOP"), S("0.2"), S("1"), S("jobs"), S("LEFT")), OK);
	CHECK(reply.kind == KV_NIL && clock_mono_ms() - before >= 190);
	CHECK_INT(kv_do(call, own, 5000, &reply, S("BLMPOP"), S("3"), S("1"), S("jobs"), S("LEFT")), OK);
	CHECK(reply.kind == KV_ARRAY && str_eq(reply.items[1].items[0].text, S("job_1")));
	CHECK(clock_mono_ms() - before < 2000);
}

static void pushes(struct call *call, void *arg)
{
	(void)arg;
	fiber_sleep(call, 600);
	CHECK_INT(kv_do(call, kv, 0, NULL, S("LPUSH"), S("jobs"), S("job_1")), OK);
}

static void test_blocking_pop(void **state)
{
	struct kv *own = kv_open(loop, url("127.0.0.1", 3), "unit-pop");

	(void)state;
	start_fiber(loop, pushes, NULL, NULL);
	run_fiber(loop, pops, own);
	kv_close(own);
}

static void in_a_hurry(struct call *call, void *arg)
{
	(void)arg;
	call->deadline_ms = clock_mono_ms() + 30;
	CHECK_INT(kv_do(call, kv, 5000, NULL, S("BLPOP"), S("never"), S("0.2")), E_TIMEOUT);
	CHECK(kv_is_up(kv)); /* its own deadline, not the command's: the connection stays */
}

static void after_it(struct call *call, void *arg)
{
	struct kv_reply reply;

	(void)arg;
	CHECK_INT(kv_do(call, kv, 1000, &reply, S("ECHO"), S("in step")), OK);
	CHECK_TEXT(reply.text, "in step");
}

static void waits_for_ever(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(kv_do(call, kv, 5000, NULL, S("BLPOP"), S("never"), S("0.2")), E_CANCELLED);
	CHECK_INT(kv_do(call, kv, 0, NULL, S("SET"), S("cancelled"), S("1")), E_CANCELLED);
	finished++;
}

static void cancels(struct call *call, void *arg)
{
	struct kv_reply reply;

	fiber_sleep(call, 20);
	fiber_cancel(arg);
	fiber_sleep(call, 20);
	CHECK(kv_is_up(kv));
	CHECK_INT(kv_do(call, kv, 1000, &reply, S("EXISTS"), S("cancelled")), OK);
	CHECK_INT(reply.integer, 0);
}

static void test_cancel(void **state)
{
	struct fiber *fiber;

	(void)state;
	finished = 0;
	start_fiber(loop, waits_for_ever, NULL, &fiber);
	run_fiber(loop, cancels, fiber);
	fiber_unref(fiber);
	assert_int_equal(finished, 1);
}

static void hung(struct call *call, void *arg)
{
	int64_t before;

	(void)arg;
	kill(redis.pid, SIGSTOP);
	before = clock_mono_ms();
	CHECK_INT(kv_do(call, kv, 0, NULL, S("PING")), E_TIMEOUT);
	CHECK(clock_mono_ms() - before >= 490 && clock_mono_ms() - before < 800);
	fiber_sleep(call, 10);
	CHECK(!kv_is_up(kv));
	before = clock_mono_ms();
	CHECK_INT(kv_do(call, kv, 0, NULL, S("PING")), E_NETWORK);
	CHECK(clock_mono_ms() - before < 50); /* at once */
	kill(redis.pid, SIGCONT);
	CHECK_INT(kv_ready(call, kv, 5000), OK);
	CHECK_INT(kv_do(call, kv, 0, NULL, S("PING")), OK);
}

static void loses(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(kv_do(call, kv, 5000, NULL, S("BLPOP"), S("never"), S("0")), E_TIMEOUT); /* it was sent */
	finished++;
}

static void restarts(struct call *call, void *arg)
{
	const struct str ping[] = { S("PING") };

	(void)arg;
	fiber_sleep(call, 50);
	server_stop(&redis, SIGKILL);
	fiber_sleep(call, 300); /* some attempts are refused */
	CHECK(!kv_is_up(kv) && !kv_post(kv, ping, 1));
	redis_start(&redis);
	CHECK_INT(kv_ready(call, kv, 5000), OK);
	CHECK_INT(kv_do(call, kv, 0, NULL, S("PING")), OK);
}

static void test_restart(void **state)
{
	(void)state;
	finished = 0;
	start_fiber(loop, loses, NULL, NULL);
	run_fiber(loop, restarts, NULL);
	assert_int_equal(finished, 1);
}

static void not_ready(struct call *call, void *arg)
{
	CHECK_INT(kv_ready(call, arg, 300), E_NETWORK);
	CHECK(strstr(call->why, "cannot be reached"));
	CHECK_INT(kv_do(call, arg, 0, NULL, S("PING")), E_NETWORK);
}

static void test_bad_servers(void **state)
{
	char refused[64], denied[96], unknown[] = "redis://nobody.invalid", wrong[] = "rediss://localhost";
	const char *urls[] = { refused, denied, unknown, wrong };

	(void)state;
	snprintf(refused, sizeof(refused), "redis://127.0.0.1:%d", free_port());
	snprintf(denied, sizeof(denied), "redis://:not-the-word@127.0.0.1:%d", redis.port);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct kv *other = kv_open(loop, urls[i], "unit-bad");

		run_fiber(loop, not_ready, other);
		kv_close(other);
	}
}

static void asks(struct call *call, void *arg)
{
	int r = kv_do(call, arg, 5000, NULL, S("BLPOP"), S("never"), S("0"));

	CHECK(r == E_TIMEOUT || r == E_NETWORK);
	finished++;
}

static void closes(struct call *call, void *arg)
{
	CHECK_INT(kv_ready(call, arg, 5000), OK);
	for (int i = 0; i < 5; i++)
		start_fiber(loop, asks, arg, NULL);
	fiber_sleep(call, 50);
	kv_close(arg);
}

static void test_close_under_way(void **state)
{
	(void)state;
	finished = 0;
	run_fiber(loop, closes, kv_open(loop, url("127.0.0.1", 0), "unit-close"));
	assert_int_equal(finished, 5);
	kv_close(kv_open(loop, url("localhost", 0), "unit-close")); /* while the name is looked up */
}

#define IN_FIBER(name)                                                                                                 \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_fiber(loop, name, NULL);                                                                           \
	}
IN_FIBER(commands)
IN_FIBER(big)
IN_FIBER(post)
IN_FIBER(in_a_hurry)
IN_FIBER(after_it)
IN_FIBER(hung)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),     cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_big),          cmocka_unit_test(test_post),
		cmocka_unit_test(test_blocking_pop), cmocka_unit_test(test_in_a_hurry),
		cmocka_unit_test(test_after_it),     cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_hung),         cmocka_unit_test(test_restart),
		cmocka_unit_test(test_bad_servers),  cmocka_unit_test(test_close_under_way),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
