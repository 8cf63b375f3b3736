/* bench_load: keeps N keep-alive connections busy with one request each, and prints what came back as one line of JSON.
 * One thread and no work for each request but the system calls: on two cores the generator must leave one to the
 * server.
 *
 * Owns: the connections. A connection that the server closes is opened again and counted as an error.
 * Easy to break: an answer's end is known by Content-Length alone, which every server measured here sends. */
#include "latency.h"
#include "requests.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define REQUESTS_MAX    1000000
#define HEAD_MAX        4096
#define ERRORS_MAX      1000 /* then it gives up */

struct connection {
	int fd;
	size_t request, sent, head_n, body_left;
	bool in_body, wants_write;
	int status;
	uint64_t since_us;
	char head[HEAD_MAX];
};

struct load {
	/* options */
	struct target target;
	long connections, seconds, warmup, count;
	/* what runs */
	struct requests requests;
	struct addrinfo *address;
	struct connection *all;
	int epoll;
	size_t next;
	bool ran_out;
	/* what came back */
	struct latency latency;
	uint64_t start_us, statuses[600], bytes, errors;
	double start_cpu; /* preparing the requests is not part of it */
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- one connection ---- */

static bool send_more(struct load *load, struct connection *c)
{
	struct iovec pieces[REQUEST_PIECES];
	struct epoll_event event = { .data.ptr = c };
	bool blocked = false;
	int n;

	while ((n = requests_pieces(&load->requests, c->request, c->sent, pieces)) > 0) {
		ssize_t written = writev(c->fd, pieces, n);

		if (written < 0 && errno != EAGAIN)
			return false;
		if (written < 0) {
			blocked = true;
			break;
		}
		c->sent += (size_t)written;
	}
	if (blocked != c->wants_write) {
		c->wants_write = blocked;
		event.events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
		epoll_ctl(load->epoll, EPOLL_CTL_MOD, c->fd, &event);
	}
	return true;
}

static bool send_next(struct load *load, struct connection *c)
{
	if (load->next >= load->requests.count) {
		load->ran_out = true;
		return true;
	}
	c->request = load->next++;
	c->sent = c->head_n = c->body_left = 0;
	c->in_body = false;
	c->since_us = now_us();
	return send_more(load, c);
}

static bool open_connection(struct load *load, struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(load->address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->wants_write = false;
	if (c->fd < 0 || connect(c->fd, load->address->ai_addr, load->address->ai_addrlen) != 0 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
	    fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 || epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
		fprintf(stderr, "bench_load: %s:%s: %s\n", load->target.host, load->target.port, strerror(errno));
		return false;
	}
	return send_next(load, c);
}

static bool read_head(struct connection *c)
{
	const char *length;

	if (sscanf(c->head, "HTTP/1.%*1[01] %3d", &c->status) != 1 || c->status < 100 || c->status > 599)
		return false;
	length = strcasestr(c->head, "\r\ncontent-length:");
	if (!length)
		return false;
	c->body_left = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
	return true;
}

static bool is_answered(struct load *load, struct connection *c)
{
	load->statuses[c->status]++;
	latency_add(&load->latency, now_us() - c->since_us);
	return send_next(load, c);
}

/* Bytes of answers as they come. False when this is no HTTP. */
static bool take(struct load *load, struct connection *c, const char *bytes, size_t n)
{
	size_t some;
	char *end;

	while (n > 0) {
		if (!c->in_body) {
			size_t before = c->head_n;

			some = n < HEAD_MAX - 1 - c->head_n ? n : HEAD_MAX - 1 - c->head_n;
			memcpy(c->head + c->head_n, bytes, some);
			c->head_n += some;
			c->head[c->head_n] = '\0';
			end = strstr(c->head, "\r\n\r\n");
			if (!end && c->head_n == HEAD_MAX - 1)
				return false;
			if (!end)
				return true;
			some = (size_t)(end + 4 - c->head) - before;
			end[2] = '\0';
			if (!read_head(c))
				return false;
			c->in_body = true;
		} else {
			some = n < c->body_left ? n : c->body_left;
			c->body_left -= some;
		}
		bytes += some;
		n -= some;
		if (c->body_left == 0 && (n > 0 || !is_answered(load, c)))
			return false; /* nothing was asked for that could come behind an answer */
	}
	return true;
}

static bool on_event(struct load *load, struct connection *c, uint32_t events)
{
	static char buffer[256 * 1024];
	ssize_t n;

	if ((events & EPOLLOUT) && !send_more(load, c))
		return false;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return true;
	n = read(c->fd, buffer, sizeof(buffer));
	if (n < 0)
		return errno == EAGAIN;
	load->bytes += (uint64_t)n;
	return n > 0 && take(load, c, buffer, (size_t)n);
}

/* ---- all of them ---- */

static void start_counting(struct load *load)
{
	memset(&load->latency, 0, sizeof(load->latency));
	memset(load->statuses, 0, sizeof(load->statuses));
	load->bytes = load->errors = 0;
	load->start_us = now_us();
	load->start_cpu = cpu_seconds();
}

static bool run(struct load *load)
{
	struct epoll_event events[256];
	uint64_t begin = now_us(), warm_us = begin + (uint64_t)load->warmup * 1000000;
	uint64_t end_us = warm_us + (uint64_t)load->seconds * 1000000, now;
	bool warm = false;

	start_counting(load);
	for (long i = 0; i < load->connections; i++)
		if (!open_connection(load, &load->all[i]))
			return false;
	while ((now = now_us()) < end_us && !load->ran_out) {
		int n = epoll_wait(load->epoll, events, sizeof(events) / sizeof(events[0]), 50);

		if (!warm && now >= warm_us) {
			start_counting(load);
			warm = true;
		}
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (on_event(load, c, events[i].events))
				continue;
			close(c->fd);
			if (++load->errors > ERRORS_MAX || !open_connection(load, c)) {
				fprintf(stderr, "bench_load: gave up after %llu lost connections\n",
					(unsigned long long)load->errors);
				return false;
			}
		}
	}
	return true;
}

static void print_result(const struct load *load)
{
	double seconds = (double)(now_us() - load->start_us) / 1e6, cpu = cpu_seconds() - load->start_cpu;
	const char *comma = "";

	printf("{\"requests\":%llu,\"seconds\":%.3f,\"rate\":%.1f,\"status\":{", (unsigned long long)load->latency.n,
	       seconds, (double)load->latency.n / seconds);
	for (int i = 100; i < 600; i++) {
		if (load->statuses[i] == 0)
			continue;
		printf("%s\"%d\":%llu", comma, i, (unsigned long long)load->statuses[i]);
		comma = ",";
	}
	printf("},\"errors\":%llu,\"ranOut\":%s,\"bytes\":%llu,\"requestBytes\":%zu,\"generatorCpu\":%.2f,"
	       "\"p50Ms\":%.3f,\"p90Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f}\n",
	       (unsigned long long)load->errors, load->ran_out ? "true" : "false", (unsigned long long)load->bytes,
	       load->requests.n_text, cpu, latency_ms(&load->latency, 0.50), latency_ms(&load->latency, 0.90),
	       latency_ms(&load->latency, 0.99), (double)load->latency.max_us / 1000.0);
}

/* ---- the command line ---- */

static int usage(void)
{
	fprintf(stderr,
		"usage: bench_load [-c CONNECTIONS] [-s SECONDS] [-w WARMUP-SECONDS] [-n REQUESTS] get URL\n"
		"       bench_load [the same] webhook URL PAYLOAD-FILE\n"
		"get sends BENCH_TOKEN as a bearer token where it is set. webhook sends REQUESTS different deliveries\n"
		"(40000) made of the payload, signed with GITHUB_WEBHOOK_SECRET, and ends early when they are all "
		"sent.\n");
	return 2;
}

static bool number(const char *text, long min, long max, long *ret)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || end == text || value < min || value > max) {
		fprintf(stderr, "bench_load: %s is not a number from %ld to %ld\n", text, min, max);
		return false;
	}
	*ret = value;
	return true;
}

static bool read_options(struct load *load, int argc, char **argv)
{
	int option;
	bool good = true;

	while (good && (option = getopt(argc, argv, "c:s:w:n:")) != -1) {
		switch (option) {
		case 'c':
			good = number(optarg, 1, CONNECTIONS_MAX, &load->connections);
			break;
		case 's':
			good = number(optarg, 1, 3600, &load->seconds);
			break;
		case 'w':
			good = number(optarg, 0, 3600, &load->warmup);
			break;
		case 'n':
			good = number(optarg, 1, REQUESTS_MAX, &load->count);
			break;
		default:
			good = false;
		}
	}
	return good;
}

static bool prepare(struct load *load, char **words, int n)
{
	const char *secret = getenv("GITHUB_WEBHOOK_SECRET");
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

	if (!target_parse(words[1], &load->target)) {
		fprintf(stderr, "bench_load: %s is not http://HOST:PORT/PATH\n", words[1]);
		return false;
	}
	if (getaddrinfo(load->target.host, load->target.port, &hints, &load->address) != 0) {
		fprintf(stderr, "bench_load: the host %s is not known\n", load->target.host);
		return false;
	}
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->all = calloc((size_t)load->connections, sizeof(*load->all));
	if (load->epoll < 0 || !load->all) {
		perror("bench_load");
		return false;
	}
	if (n == 2)
		return requests_get(&load->requests, &load->target, getenv("BENCH_TOKEN"));
	if (!secret) {
		fprintf(stderr, "bench_load: GITHUB_WEBHOOK_SECRET is not set\n");
		return false;
	}
	return requests_webhooks(&load->requests, &load->target, words[2], secret, (size_t)load->count);
}

int main(int argc, char **argv)
{
	static struct load load = { .connections = 64, .seconds = 5, .warmup = 1, .count = 40000 };
	bool good;
	int n;

	if (!read_options(&load, argc, argv))
		return usage();
	n = argc - optind;
	if (n < 1 ||
	    !((n == 2 && strcmp(argv[optind], "get") == 0) || (n == 3 && strcmp(argv[optind], "webhook") == 0)))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	good = prepare(&load, argv + optind, n) && run(&load);
	if (good)
		print_result(&load);
	requests_done(&load.requests);
	if (load.address)
		freeaddrinfo(load.address);
	free(load.all);
	return good ? 0 : 1;
}
