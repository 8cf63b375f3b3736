/* A small HTTP/1.1 server on poll(2), one thread.
 *
 * Owns the connections: at most 1,024, each with its input and its output. Bodies by Content-Length only.
 * Easy to break: an answer may be due later than its request (latency, faults). Until it is out, no further request of
 * that connection is looked at.
 *
 *   reading --whole request--> due at T --T passed--> writing --all sent--> reading */
#include "cloud.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define HEAD_MAX        (16 * 1024)
#define OUT_MAX         (8 * 1024 * 1024)
#define IDLE_MS         60000

struct connection {
	int fd; /* -1 = free */
	struct buf in, out;
	int64_t due_ms;  /* when the output may go; 0 = nothing to send */
	int64_t seen_ms; /* last sign of life */
	bool closes;     /* after the output */
};

static struct connection connections[CONNECTIONS_MAX];
static volatile sig_atomic_t is_over;

static void on_stop(int number)
{
	(void)number;
	is_over = 1;
}

int server_listen(const char *address, int port, int *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t size = sizeof(at);
	int on = 1, fd;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1) {
		fprintf(stderr, "opshub-mock-cloud: --address must be an IPv4 address such as 127.0.0.1\n");
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 512) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &size) < 0) {
		fprintf(stderr, "opshub-mock-cloud: cannot listen on %s:%d: %s\n", address, port, strerror(errno));
		return -1;
	}
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void hang_up(struct connection *c)
{
	close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	c->fd = -1;
}

static void accept_all(int listener)
{
	int on = 1, fd;

	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &connections[i];
		if (c->fd >= 0)
			continue;
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		*c = (struct connection){ .fd = fd, .seen_ms = clock_mono_ms() };
		buf_init(&c->in, HEAD_MAX + BODY_MAX);
		buf_init(&c->out, OUT_MAX);
	}
}

/* ---- one request ---- */

static struct str next_line(struct str *rest)
{
	struct str line = str_split(rest, '\n');

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Fills in what the head says; false when it is not HTTP/1.1 as we speak it. */
static bool read_head(struct str head, struct request *ret, int64_t *ret_body, bool *ret_closes)
{
	struct str line = next_line(&head), target, version;

	ret->method = str_split(&line, ' ');
	target = str_split(&line, ' ');
	version = line;
	ret->path = str_split(&target, '?');
	ret->query = target;
	*ret_body = 0;
	*ret_closes = false;
	while (head.n) {
		struct str value = next_line(&head), name = str_split(&value, ':');
		value = str_trim(value);
		if (str_eq_nocase(name, STR("content-length")) && !str_to_int(value, 0, BODY_MAX, ret_body))
			return false;
		if (str_eq_nocase(name, STR("transfer-encoding")))
			return false;
		if (str_eq_nocase(name, STR("authorization")))
			ret->authorization = value;
		if (str_eq_nocase(name, STR("connection")))
			*ret_closes = str_eq_nocase(value, STR("close"));
	}
	return str_eq(version, STR("HTTP/1.1")) && ret->path.n && ret->path.p[0] == '/';
}

static const char *reason_of(int status)
{
	return status < 300 ? "OK" : status < 500 ? "Refused" : "Failed";
}

static void queue_answer(struct connection *c, const struct answer *answer, bool is_head)
{
	buf_printf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n",
		   answer->status, reason_of(answer->status), answer->type, answer->body.n);
	if (answer->retry_after_s)
		buf_printf(&c->out, "Retry-After: %d\r\n", answer->retry_after_s);
	if (c->closes)
		buf_add_str(&c->out, STR("Connection: close\r\n"));
	buf_add_str(&c->out, STR("\r\n"));
	if (!is_head)
		buf_add_str(&c->out, buf_str(&answer->body));
	c->due_ms = clock_mono_ms() + answer->delay_ms;
}

static void answer_request(struct connection *c, struct cloud *cloud, struct request *request)
{
	struct answer answer = { 0 };
	bool is_head = str_eq(request->method, STR("HEAD"));

	if (str_starts(request->path, STR("/p/"))) {
		page_answer(cloud, request, &answer);
	} else {
		if (is_head)
			request->method = STR("GET");
		api_answer(cloud, request, &answer);
	}
	if (answer.hangs_up)
		hang_up(c);
	else
		queue_answer(c, &answer, is_head);
	buf_done(&answer.body);
}

static void refuse(struct connection *c, int status)
{
	struct answer answer = { .status = status, .type = "text/plain" };

	c->closes = true;
	buf_clear(&c->in);
	queue_answer(c, &answer, false);
}

static void work(struct connection *c, struct cloud *cloud)
{
	struct request request = { 0 };
	struct str in = buf_str(&c->in);
	const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
	int64_t body;
	size_t head;

	if (c->due_ms)
		return;
	if (!end) {
		if (in.n > HEAD_MAX)
			refuse(c, 431);
		return;
	}
	head = (size_t)(end - in.p) + 4;
	if (!read_head((struct str){ in.p, head - 2 }, &request, &body, &c->closes)) {
		refuse(c, 400);
		return;
	}
	if (in.n < head + (size_t)body)
		return;
	request.body = (struct str){ in.p + head, (size_t)body };
	answer_request(c, cloud, &request);
	if (c->fd >= 0)
		buf_drop_front(&c->in, head + (size_t)body);
}

static void receive(struct connection *c, struct cloud *cloud)
{
	static char chunk[16 * 1024]; /* of the one thread */
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		hang_up(c);
		return;
	}
	if (n < 0)
		return;
	c->seen_ms = clock_mono_ms();
	buf_add(&c->in, chunk, (size_t)n);
	if (c->in.overflow)
		hang_up(c);
	else
		work(c, cloud);
}

static void transmit(struct connection *c, struct cloud *cloud)
{
	ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			hang_up(c);
		return;
	}
	c->seen_ms = clock_mono_ms();
	buf_drop_front(&c->out, (size_t)n);
	if (c->out.n)
		return;
	c->due_ms = 0;
	if (c->closes)
		hang_up(c);
	else
		work(c, cloud);
}

/* ---- the loop ---- */

/* What to wait for, and how long until the next answer is due. */
static int prepare(int listener, struct pollfd ret[CONNECTIONS_MAX + 1])
{
	int64_t now = clock_mono_ms(), next = 1000;

	ret[CONNECTIONS_MAX] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &connections[i];
		if (c->fd >= 0 && !c->due_ms && now - c->seen_ms > IDLE_MS)
			hang_up(c);
		ret[i] = (struct pollfd){ .fd = c->fd };
		if (c->fd < 0)
			continue;
		ret[i].events = !c->due_ms ? POLLIN : c->due_ms <= now ? POLLOUT : 0;
		if (c->due_ms > now && c->due_ms - now < next)
			next = c->due_ms - now;
	}
	return (int)next;
}

void server_run(int listener, struct cloud *cloud)
{
	static struct pollfd fds[CONNECTIONS_MAX + 1];
	const struct sigaction stop = { .sa_handler = on_stop };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		connections[i].fd = -1;
	while (!is_over) {
		int wait_ms = prepare(listener, fds);
		if (poll(fds, CONNECTIONS_MAX + 1, wait_ms) <= 0)
			continue;
		for (int i = 0; i < CONNECTIONS_MAX; i++) {
			struct connection *c = &connections[i];
			if (fds[i].fd < 0 || fds[i].fd != c->fd || !fds[i].revents)
				continue;
			if (fds[i].revents & POLLOUT)
				transmit(c, cloud);
			else if (fds[i].revents & POLLIN)
				receive(c, cloud);
			else
				hang_up(c);
		}
		if (fds[CONNECTIONS_MAX].revents)
			accept_all(listener);
	}
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (connections[i].fd >= 0)
			hang_up(&connections[i]);
	close(listener);
}
