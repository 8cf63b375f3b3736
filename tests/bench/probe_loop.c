/* How many probes a second of processor time: by core/probe, or by a bare curl_multi loop that does nothing but ask.
 *
 *     bench_probe_loop bare|driver|kept URL COUNT AT_ONCE
 *
 * "bare" and "driver" make a connection for each, "kept" is the driver with connections kept. Prints probes, seconds,
 * CPU seconds of this process and probes per CPU second. The bare loop does what a minimal prober has to: GET, status,
 * body thrown away, a time-out. */
#include "base/clock.h"
#include "probe/probe.h"

#include <curl/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct bench {
	const char *url;
	long count, at_once, started, ended, good;
	bool is_kept;
	struct loop *loop;
	struct probes *probes;
	struct probe_request request;
};

static size_t ignore(char *bytes, size_t one, size_t n, void *arg)
{
	(void)bytes;
	(void)one;
	(void)arg;
	return n;
}

static CURL *bare_handle(const struct bench *b)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, b->url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	return easy;
}

static void bare(struct bench *b)
{
	CURLM *multi = curl_multi_init();
	CURLMsg *message;
	int running, left;

	for (; b->started < b->at_once; b->started++)
		curl_multi_add_handle(multi, bare_handle(b));
	while (b->ended < b->count) {
		curl_multi_perform(multi, &running);
		while ((message = curl_multi_info_read(multi, &left))) {
			CURL *easy = message->easy_handle;
			long status = 0;

			curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
			b->good += message->data.result == CURLE_OK && status == 200;
			b->ended++;
			curl_multi_remove_handle(multi, easy);
			if (b->started++ < b->count)
				curl_multi_add_handle(multi, easy);
			else
				curl_easy_cleanup(easy);
		}
		curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	curl_multi_cleanup(multi);
}

static void on_end(void *arg, const struct probe_result *result)
{
	struct bench *b = arg;

	b->good += result->end == PROBE_ANSWERED && result->status == 200;
	if (++b->ended == b->count)
		loop_stop(b->loop);
	if (b->started < b->count) {
		b->started++;
		probe_start(b->probes, &b->request, on_end, b);
	}
}

static void driver(struct bench *b)
{
	struct arena *arena = arena_new();
	struct probe_rules rules;
	const char *why = "";
	struct probes_options options = { .rules = &rules, .at_once = (unsigned)b->at_once };

	if (!probe_rules_read(arena, STR("127.0.0.0/8"), STR("1-65535"), &rules, &why))
		abort();
	b->loop = loop_new(0);
	loop_watchdog(b->loop, 0);
	b->probes = probes_open(b->loop, &options);
	b->request = (struct probe_request){
		.url = str_of(b->url), .method = "GET", .timeout_ms = 10000, .fresh = !b->is_kept, .wants_body = true
	};
	for (; b->started < b->at_once && b->started < b->count; b->started++)
		probe_start(b->probes, &b->request, on_end, b);
	loop_run(b->loop);
	probes_close(b->probes);
	loop_free(b->loop);
	arena_free(arena);
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	struct rusage usage;
	int64_t began_us;
	double took, cpu;

	if (argc != 5) {
		fprintf(stderr, "usage: bench_probe_loop bare|driver|kept URL COUNT AT_ONCE\n");
		return 2;
	}
	b.url = argv[2];
	b.count = atol(argv[3]);
	b.at_once = atol(argv[4]);
	b.is_kept = strcmp(argv[1], "kept") == 0;
	if (strcmp(argv[1], "bare") == 0)
		curl_global_init(CURL_GLOBAL_DEFAULT);
	began_us = clock_mono_us();
	if (strcmp(argv[1], "bare") == 0)
		bare(&b);
	else
		driver(&b);
	took = (double)(clock_mono_us() - began_us) / 1e6;
	getrusage(RUSAGE_SELF, &usage);
	cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	printf("{\"probes\":%ld,\"good\":%ld,\"seconds\":%.3f,\"cpuSeconds\":%.3f,\"perCpuSecond\":%.0f,\"maxRssKb\":%"
	       "ld}\n",
	       b.ended, b.good, took, cpu, (double)b.ended / cpu, usage.ru_maxrss);
	return b.good == b.ended ? 0 : 1;
}
