/* The queue on a real PostgreSQL and Redis: each job is done once whatever is doubled, lost, late, stopped or flushed.
 */
#include "unit/worker/queue_fixture.h"

/* ---- claims ---- */

static void doubled_and_foreign_ids(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 50);
	const struct str foreign = STR("job-999");

	(void)arg;
	for (int i = 0; i < 3; i++)
		waiting_push(kv, QUEUE, ids, 50);
	waiting_push(kv, QUEUE, &foreign, 1);
	WAIT_FOR(jobs.total >= 50 && ROWS(call) == 0, 5000);
	WAIT_FOR(list_length(call) == 0, 5000);
	check_each_ran_once(50);
}

static void test_a_job_is_claimed_once(void **state)
{
	(void)state;
	with_queue(doubled_and_foreign_ids, queue_defaults());
}

static void lost_ids(struct call *call, void *arg)
{
	(void)arg;
	fill(call, "job-", 30); /* nobody pushes them */
	WAIT_FOR(jobs.total >= 30 && ROWS(call) == 0, 6000);
	check_each_ran_once(30);
}

static void test_a_job_whose_id_was_lost_is_found(void **state)
{
	(void)state;
	with_queue(lost_ids, queue_defaults());
}

/* All room is taken, so nobody looks for work, and only the repair can put the ids back. */
static void ids_come_back_into_the_list(struct call *call, void *arg)
{
	(void)arg;
	jobs.hold = true;
	fill(call, "job-", 20);
	WAIT_FOR(jobs.total == 4, 5000);
	CHECK_INT(kv_do(call, kv, 2000, NULL, STR("FLUSHALL")), OK);
	WAIT_FOR(list_length(call) == 16, 6000);
	fiber_sleep(call, 700); /* three more repairs push nothing twice */
	CHECK_INT(list_length(call), 16);
	CHECK_INT(number(call, "select count(*) from jobs where state = 'waiting'"), 16);
	jobs.hold = false;
	WAIT_FOR(jobs.total == 20 && ROWS(call) == 0, 5000);
	WAIT_FOR(list_length(call) == 0, 2000);
	check_each_ran_once(20);
}

static void test_the_list_tells_the_truth(void **state)
{
	struct queue_options options = queue_defaults();

	(void)state;
	options.concurrency = 4;
	with_queue(ids_come_back_into_the_list, options);
}

/* ---- leases ---- */

static void expired_lease(struct call *call, void *arg)
{
	(void)arg;
	sql(call, "insert into jobs (id, queue, kind, key, state, fence, attempts, worker, lease_until) "
		  "select 'job-' || n, 'preview-queue', 'noop', 'job-' || n, 'active', 1, 1, 'wrk_dead', now() + "
		  "interval '100 ms' "
		  "from generate_series(1, 3) n");
	WAIT_FOR(jobs.total >= 3 && ROWS(call) == 0, 5000);
	check_each_ran_once(3);
}

static void test_an_expired_lease_goes_to_another(void **state)
{
	(void)state;
	with_queue(expired_lease, queue_defaults());
}

static void long_job(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 1);

	(void)arg;
	jobs.hold = true;
	waiting_push(kv, QUEUE, ids, 1);
	fiber_sleep(call, 3000);
	CHECK_INT(jobs.total, 1);
	CHECK_INT(number(call, "select count(*) from jobs where state = 'active' and lease_until > now()"), 1);
	jobs.hold = false;
	WAIT_FOR(ROWS(call) == 0, 3000);
	check_each_ran_once(1);
}

static void test_a_job_that_takes_longer_than_its_lease_keeps_it(void **state)
{
	struct queue_options options = queue_defaults();

	(void)state;
	options.lease_ms = 1200;
	with_queue(long_job, options);
}

static void old_holder(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 1);
	struct job_list first = { 0 }, second = { 0 };
	struct push_list pushed = { 0 };
	bool waits = true;

	(void)arg;
	CHECK_INT(jobs_claim(call, db, ids, 1, STR("wrk_old"), 1, &first), OK);
	CHECK_INT(jobs_claim(call, db, ids, 1, STR("wrk_new"), 60000, &second), OK);
	CHECK_INT(second.n, 0); /* held */
	fiber_sleep(call, 20);
	CHECK_INT(jobs_sweep(call, db, 20, &pushed), OK);
	CHECK_INT(pushed.n, 1);
	CHECK_INT(jobs_claim(call, db, ids, 1, STR("wrk_new"), 60000, &second), OK);
	CHECK_INT(second.n, 1);
	CHECK(second.jobs[0].fence > first.jobs[0].fence);
	CHECK_INT(jobs_done(call, db, ids, &first.jobs[0].fence, 1, &pushed), OK);
	CHECK_INT(jobs_delay(call, db, &first.jobs[0], 1000, STR("late"), &waits), OK);
	CHECK(!waits);
	CHECK_INT(jobs_extend(call, db, ids, &first.jobs[0].fence, 1, 3600000), OK);
	CHECK_INT(jobs_release(call, db, STR("wrk_old"), &pushed), OK);
	CHECK_INT(pushed.n, 0);
	CHECK_INT(number(call, "select count(*) from jobs where state = 'active' and worker = 'wrk_new' and last_error "
			       "like '%wrk_old%' "
			       "and lease_until < now() + interval '61 s'"),
		  1);
	CHECK_INT(jobs_done(call, db, ids, &second.jobs[0].fence, 1, &pushed), OK);
	CHECK_INT(ROWS(call), 0);
}

static void test_a_fence_refuses_the_old_holder(void **state)
{
	(void)state;
	without_queue(old_holder);
}

static void many_attempts(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 1);
	struct push_list pushed = { 0 };
	struct job_list list = { 0 };

	(void)arg;
	for (int i = 1; i <= 20; i++) {
		CHECK_INT(jobs_claim(call, db, ids, 1, STR("wrk_lost"), 1, &list), OK);
		CHECK_INT(list.n, 1);
		CHECK_INT(list.jobs[0].attempts, i);
		fiber_sleep(call, 5);
		CHECK_INT(jobs_sweep(call, db, 20, &pushed), OK);
		CHECK_INT(pushed.n, i < 20); /* one that is dead does not go back into the list */
	}
	CHECK_INT(number(call, "select count(*) from jobs where state = 'dead' and last_error = 'the worker wrk_lost "
			       "lost its lease'"),
		  1);
	CHECK_INT(jobs_claim(call, db, ids, 1, STR("wrk_lost"), 1000, &list), OK);
	CHECK_INT(list.n, 0);
}

static void test_a_job_that_keeps_losing_its_worker_dies(void **state)
{
	(void)state;
	without_queue(many_attempts);
}

/* ---- again and later ---- */

static void asked_again(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 1);

	(void)arg;
	jobs.hold = true;
	waiting_push(kv, QUEUE, ids, 1);
	WAIT_FOR(jobs.total == 1, 3000);
	sql(call, "update jobs set again = true where state = 'active'");
	jobs.hold = false;
	WAIT_FOR(jobs.total == 2 && ROWS(call) == 0, 3000);
	fiber_sleep(call, 300);
	CHECK_INT(jobs.total, 2);
}

static void test_what_is_asked_for_again_while_it_runs_runs_again(void **state)
{
	(void)state;
	with_queue(asked_again, queue_defaults());
}

static void put_off(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 1);
	int64_t begin;

	(void)arg;
	jobs.delay_first_ms = 600;
	begin = clock_mono_ms();
	waiting_push(kv, QUEUE, ids, 1);
	WAIT_FOR(jobs.total == 1, 3000);
	WAIT_FOR(number(call,
			"select count(*) from jobs where state = 'delayed' and run_at > now() + interval '300 ms'") ==
			 1,
		 300);
	waiting_push(kv, QUEUE, ids, 1); /* an id in the list makes it no earlier */
	WAIT_FOR(jobs.total == 2 && ROWS(call) == 0, 3000);
	CHECK(jobs.last_ms - begin >= 600);
}

static void test_a_job_that_is_put_off_runs_later(void **state)
{
	(void)state;
	with_queue(put_off, queue_defaults());
}

/* ---- stopping ---- */

static void drained(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", 10);

	(void)arg;
	jobs.hold = true;
	waiting_push(kv, QUEUE, ids, 10);
	WAIT_FOR(jobs.total == 10, 3000);
	queue_drain(queue);
	WAIT_FOR(queue_active(queue) == 0, 3000);
	queue_release(call, queue);
	CHECK_INT(
		number(call,
		       "select count(*) from jobs where state <> 'active' and worker is null and lease_until is null"),
		10);
	fill(call, "new-", 5);
	fiber_sleep(call, 500);
	CHECK_INT(jobs.total, 10); /* nothing new is taken */
}

static void test_draining_gives_every_job_back(void **state)
{
	(void)state;
	with_queue(drained, queue_defaults());
}

static void released(struct call *call, void *arg)
{
	struct push_list pushed = { 0 };
	struct job_list list = { 0 };
	const struct str *ids = fill(call, "job-", 3);

	(void)arg;
	CHECK_INT(jobs_claim(call, db, ids, 2, STR("wrk_a"), 60000, &list), OK);
	CHECK_INT(jobs_claim(call, db, ids + 2, 1, STR("wrk_b"), 60000, &list), OK);
	CHECK_INT(jobs_release(call, db, STR("wrk_a"), &pushed), OK);
	CHECK_INT(pushed.n, 2);
	CHECK_INT(number(call, "select count(*) from jobs where state = 'active' and worker = 'wrk_b'"), 1);
}

static void test_leases_of_others_stay(void **state)
{
	(void)state;
	without_queue(released);
}

/* ---- Redis away ---- */

static void without_redis(struct call *call, void *arg)
{
	(void)arg;
	server_stop(&redis, SIGKILL);
	fill(call, "job-", 300);
	WAIT_FOR(jobs.total >= 300 && ROWS(call) == 0, 10000);
	check_each_ran_once(300);
	redis_start(&redis);
	CHECK_INT(kv_ready(call, kv, 15000), OK);
}

static void test_without_redis_the_database_is_asked(void **state)
{
	(void)state;
	with_queue(without_redis, queue_defaults());
}

static void wrong_type(struct call *call, void *arg)
{
	(void)arg;
	CHECK_INT(kv_do(call, kv, 2000, NULL, STR("SET"), STR("bull:preview-queue:waiting"), STR("x")), OK);
	fill(call, "job-", 50);
	WAIT_FOR(jobs.total >= 50 && ROWS(call) == 0, 10000);
	check_each_ran_once(50);
}

static void test_a_list_that_is_none_stops_nothing(void **state)
{
	(void)state;
	with_queue(wrong_type, queue_defaults());
}

/* 2,000 jobs while Redis is flushed, killed and started empty, again and again. */
static void storm(struct call *call, void *arg)
{
	const struct str *ids = fill(call, "job-", MOST_JOBS);

	(void)arg;
	for (int part = 0; part < 8; part++) {
		waiting_push(kv, QUEUE, ids + part * 250, 250);
		fiber_sleep(call, 20 * part);
		if (part % 4 == 1) {
			kv_do(call, kv, 500, NULL, STR("FLUSHALL"));
		} else if (part % 4 == 3) {
			server_stop(&redis, SIGKILL);
			fiber_sleep(call, 300);
			redis_start(&redis);
		}
	}
	WAIT_FOR(jobs.total >= MOST_JOBS && ROWS(call) == 0, 30000);
	CHECK_INT(kv_ready(call, kv, 15000), OK);
	WAIT_FOR(list_length(call) == 0, 10000);
	check_each_ran_once(MOST_JOBS);
}

static void test_each_job_is_done_once_whatever_happens_to_redis(void **state)
{
	struct queue_options options = queue_defaults();

	(void)state;
	options.concurrency = 64;
	with_queue(storm, options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_job_is_claimed_once),
		cmocka_unit_test(test_a_job_whose_id_was_lost_is_found),
		cmocka_unit_test(test_the_list_tells_the_truth),
		cmocka_unit_test(test_an_expired_lease_goes_to_another),
		cmocka_unit_test(test_a_job_that_takes_longer_than_its_lease_keeps_it),
		cmocka_unit_test(test_a_fence_refuses_the_old_holder),
		cmocka_unit_test(test_a_job_that_keeps_losing_its_worker_dies),
		cmocka_unit_test(test_what_is_asked_for_again_while_it_runs_runs_again),
		cmocka_unit_test(test_a_job_that_is_put_off_runs_later),
		cmocka_unit_test(test_draining_gives_every_job_back),
		cmocka_unit_test(test_leases_of_others_stay),
		cmocka_unit_test(test_without_redis_the_database_is_asked),
		cmocka_unit_test(test_a_list_that_is_none_stops_nothing),
		cmocka_unit_test(test_each_job_is_done_once_whatever_happens_to_redis),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
