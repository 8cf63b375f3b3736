/* A small HTTP server on 127.0.0.1 that behaves as its path says, for the tests of core/net. One thread accepts, one
 * thread serves each connection; nothing here uses the code under test. */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
	int fd, port;
	pthread_t thread;
	atomic_bool stopping;
	atomic_int accepts, requests, open;
	atomic_int waiting, most_waiting, gone; /* in /slow: now, at most, and clients that left meanwhile */
};

struct visit {
	struct server *server;
	int fd;
	int n_requests;
	char head[16 * 1024], request[16 * 1024];
	size_t have;
};

static inline void send_text(int fd, const char *text)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		ssize_t sent = send(fd, text + at, n - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += (size_t)sent;
	}
}

static inline void send_answer(int fd, const char *status, const char *extra, const char *body)
{
	char length[64];

	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(body));
	send_text(fd, "HTTP/1.1 ");
	send_text(fd, status);
	send_text(fd, length);
	send_text(fd, extra);
	send_text(fd, "\r\n");
	send_text(fd, body);
}

static inline void reset_connection(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Waits without answering until the client leaves or the time is over. */
static inline void keep_waiting(struct visit *visit, int ms)
{
	struct pollfd poll_fd = { .fd = visit->fd, .events = POLLIN | POLLRDHUP };
	struct server *server = visit->server;
	int waiting = ++server->waiting, most = server->most_waiting;
	bool left = false;

	while (waiting > most && !atomic_compare_exchange_weak(&server->most_waiting, &most, waiting))
		continue;
	for (int waited = 0; waited < ms && !left && !server->stopping; waited += 10)
		left = poll(&poll_fd, 1, 10) > 0;
	if (left)
		server->gone++;
	/* Before the answer: its reader may send the next request at once. */
	server->waiting--;
}

static inline void send_many_headers(int fd, int n, size_t size)
{
	char *line = malloc(size + 64);

	send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (int i = 0; i < n; i++) {
		int at = snprintf(line, 64, "X-Header-%d: ", i);

		memset(line + at, 'v', size);
		memcpy(line + (size_t)at + size, "\r\n", 3);
		send_text(fd, line);
	}
	send_text(fd, "\r\n");
	free(line);
}

static inline bool starts(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/* False when the connection is at its end. */
static inline bool answer(struct visit *visit, const char *path, const char *request)
{
	int fd = visit->fd;

	if (starts(path, "/status/"))
		send_answer(fd, path + 8, "", "the body");
	else if (starts(path, "/chunked"))
		send_text(
			fd,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
	else if (starts(path, "/interim"))
		send_text(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Late: 2\r\n"
			      "Content-Length: 2\r\n\r\nok");
	else if (starts(path, "/redirect"))
		send_answer(fd, "302 Found", "Location: /status/200\r\n", "");
	else if (starts(path, "/retry"))
		send_answer(fd, "429 Too Many Requests", "Retry-After: 30\r\n", "");
	else if (starts(path, "/echo"))
		send_answer(fd, "200 OK", "X-Mixed-CASE:  spaced value \t\r\nX-Empty:\r\n", request);
	else if (starts(path, "/slow/"))
		keep_waiting(visit, atoi(path + 6)), send_answer(fd, "200 OK", "", "late");
	else if (starts(path, "/headers/"))
		send_many_headers(fd, atoi(path + 9), 10);
	else if (starts(path, "/longheaders/"))
		send_many_headers(fd, atoi(path + 13), 8000);
	else if (starts(path, "/garbage"))
		return send_text(fd, "hello, this is not the protocol you expect\r\n\r\n"), false;
	else if (starts(path, "/half"))
		return send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"), false;
	else if (starts(path, "/reset"))
		return reset_connection(fd), false;
	else if (starts(path, "/endless")) {
		static char block[65536];

		memset(block, 'x', sizeof(block) - 1);
		send_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
		for (int i = 0; i < 1000; i++)
			send_text(fd, block);
		return false;
	} else if (starts(path, "/second-dies")) {
		if (visit->n_requests > 1)
			return false;
		send_answer(fd, "200 OK", "", "first");
	} else {
		send_answer(fd, "404 Not Found", "", "");
	}
	return true;
}

/* The length of one whole request in visit->head, 0 while more is to come. */
static inline size_t whole_request(const struct visit *visit)
{
	const char *end = strstr(visit->head, "\r\n\r\n"), *length = strcasestr(visit->head, "\r\nContent-Length:");
	size_t n;

	if (!end)
		return 0;
	n = (size_t)(end + 4 - visit->head);
	if (length && length < end)
		n += (size_t)atoi(length + 17);
	return visit->have >= n ? n : 0;
}

static inline void *serve(void *arg)
{
	struct visit *visit = arg;
	struct server *server = visit->server;
	bool more = true;
	int on = 1;

	setsockopt(visit->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (more && !server->stopping) {
		struct pollfd poll_fd = { .fd = visit->fd, .events = POLLIN };
		size_t n = whole_request(visit);
		char path[512] = "";
		ssize_t got;

		if (n > 0) {
			memcpy(visit->request, visit->head, n);
			visit->request[n] = '\0';
			server->requests++;
			visit->n_requests++;
			if (sscanf(visit->request, "%*s %511s", path) == 1)
				more = answer(visit, path, visit->request);
			visit->have -= n;
			memmove(visit->head, visit->head + n, visit->have + 1);
			continue;
		}
		if (poll(&poll_fd, 1, 20) <= 0)
			continue;
		got = recv(visit->fd, visit->head + visit->have, sizeof(visit->head) - 1 - visit->have, 0);
		if (got <= 0)
			break;
		visit->have += (size_t)got;
		visit->head[visit->have] = '\0';
	}
	close(visit->fd);
	free(visit);
	server->open--;
	return NULL;
}

static inline void *accept_all(void *arg)
{
	struct server *server = arg;
	pthread_attr_t detached;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while (!server->stopping) {
		struct pollfd poll_fd = { .fd = server->fd, .events = POLLIN };
		struct visit *visit;
		pthread_t thread;

		if (poll(&poll_fd, 1, 20) <= 0)
			continue;
		visit = calloc(1, sizeof(*visit));
		visit->server = server;
		visit->fd = accept(server->fd, NULL, NULL);
		server->accepts++;
		server->open++;
		if (pthread_create(&thread, &detached, serve, visit) != 0)
			abort();
	}
	pthread_attr_destroy(&detached);
	return NULL;
}

static inline void server_start(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	memset(server, 0, sizeof(*server));
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->fd, (struct sockaddr *)&address, size) != 0 || listen(server->fd, 1024) != 0 ||
	    getsockname(server->fd, (struct sockaddr *)&address, &size) != 0)
		abort();
	server->port = ntohs(address.sin_port);
	if (pthread_create(&server->thread, NULL, accept_all, server) != 0)
		abort();
}

static inline void server_stop(struct server *server)
{
	server->stopping = true;
	pthread_join(server->thread, NULL);
	while (server->open > 0)
		usleep(1000);
	close(server->fd);
}

#endif
