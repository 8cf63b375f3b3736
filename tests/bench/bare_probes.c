/* The yardstick for probes: curl's multi handle on epoll asking one address over and over, and nothing of ours around it.
 *
 * bare_probes URL SECONDS AT_ONCE [keep]    each with a connection of its own, unless connections are kept.
 * Prints {"probes": n, "failed": n, "seconds": s, "cpuUs": u}; failed: any answer but 200. */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512

static CURLM *multi;
static int epoll;
static long timeout_ms = -1;
static long done, failed;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event event = { .events = ((what & CURL_POLL_IN) ? EPOLLIN : 0u) |
					       ((what & CURL_POLL_OUT) ? EPOLLOUT : 0u),
				     .data.fd = fd };

	(void)easy;
	(void)arg;
	if (what == CURL_POLL_REMOVE)
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
		epoll_ctl(epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
	curl_multi_assign(multi, fd, what == CURL_POLL_REMOVE ? NULL : multi);
	return 0;
}

static int on_timer(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	timeout_ms = ms;
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

static CURL *easy_new(const char *url, bool keep)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, keep ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, keep ? 0L : 1L);
	return easy;
}

/* Those that have ended begin again. */
static void take_results(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left))) {
		CURL *easy = message->easy_handle;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		done++;
		failed += message->data.result != CURLE_OK || status != 200;
		curl_multi_remove_handle(multi, easy);
		curl_multi_add_handle(multi, easy);
	}
}

static void turn(void)
{
	static struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll, events, EVENTS, timeout_ms < 0 || timeout_ms > 100 ? 100 : (int)timeout_ms);
	int running;

	if (n == 0)
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	for (int i = 0; i < n; i++) {
		int what = ((events[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
			   ((events[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
			   ((events[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);

		curl_multi_socket_action(multi, events[i].data.fd, what, &running);
	}
	if (timeout_ms == 0)
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_results();
}

int main(int argc, char **argv)
{
	double begin, end;
	struct rusage used;

	if (argc < 4) {
		fprintf(stderr, "usage: bare_probes URL SECONDS AT_ONCE [keep]\n");
		return 2;
	}
	curl_global_init(CURL_GLOBAL_ALL);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	for (int i = 0; i < atoi(argv[3]); i++)
		curl_multi_add_handle(multi, easy_new(argv[1], argc > 4));
	begin = seconds();
	do {
		turn();
		end = seconds();
	} while (end - begin < atof(argv[2]));
	getrusage(RUSAGE_SELF, &used);
	printf("{\"probes\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"cpuUs\": %ld}\n", done, failed, end - begin,
	       (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	return failed > done / 100;
}
