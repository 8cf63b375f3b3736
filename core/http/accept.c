/* Connections: how they come in, how many there may be, and when they have to go.
 *
 * Owns: the listener's poll handle and the list of connections. The listening socket is shared by all processes.
 * Easy to break: h2o owns the socket and closes it; a connection that has to go is shut down, which h2o sees as an I/O
 * error on its own time and cleans up. A slow reader is seen only because an answer has a deadline: h2o 2.2.5 has no
 * write time-out. At the cap we stop polling the listener, so that neither the cap nor EMFILE makes the loop spin. */
#include "http/server.h"

#include "base/clock.h"
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH        16 /* accepted in one go, before others get their turn */
#define BACKLOG      4096
#define LOG_EVERY_MS 10000
#define SHED_ABOVE   (64 * 1024) /* cutting smaller ones would free little */

int http_listen(const char *address, int port)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *info = NULL;
	char service[16];
	int fd, r, on = 1, off = 0;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(*address ? address : NULL, service, &hints, &info) != 0)
		return -EINVAL;
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	r = fd;
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		r = -errno;
		close(fd);
	}
out:
	freeaddrinfo(info);
	return r;
}

/* ---- one connection ---- */

static void shut(struct connection *connection)
{
	shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
}

static void on_close(void *arg)
{
	struct connection *connection = arg;
	struct http_server *server = connection->server;

	h2o_linklist_unlink(&connection->link);
	if (h2o_linklist_is_linked(&connection->due_link))
		h2o_linklist_unlink(&connection->due_link);
	census_leave(server->census, connection->counted);
	tls_leave(connection);
	server->n_connections--;
	free(connection);
}

struct connection *connection_of(h2o_req_t *req)
{
	return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

void connection_busy(struct connection *connection)
{
	connection->busy = true;
	connection->server->n_requests++;
}

void connection_sending(struct connection *connection)
{
	struct http_server *server = connection->server;

	connection->due_ms = clock_mono_ms() + server->options.response_timeout_ms;
	h2o_linklist_insert(&server->due, &connection->due_link);
}

void connection_idle(struct connection *connection)
{
	connection->busy = false;
	connection->server->n_requests--;
	if (h2o_linklist_is_linked(&connection->due_link))
		h2o_linklist_unlink(&connection->due_link);
}

void connections_close(struct http_server *server, bool idle_only)
{
	for (h2o_linklist_t *at = server->connections.next; at != &server->connections; at = at->next) {
		struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, at);

		if (!idle_only || (!connection->busy && connection->socket->input->size == 0))
			shut(connection);
	}
	server->woken = true;
}

/* ---- the listener ---- */

static void complain(struct http_server *server, const char *what)
{
	int64_t now = clock_mono_ms();

	if (server->full_logged_ms && now - server->full_logged_ms < LOG_EVERY_MS)
		return;
	server->full_logged_ms = now;
	log_warn("HTTP", what, F_INT("connections", server->n_connections),
		 F_INT("limit", server->options.max_connections));
}

static void pause_accepting(struct http_server *server, const char *why)
{
	uv_poll_stop(&server->listener);
	server->accepting = false;
	complain(server, why);
}

static void take_in(struct http_server *server, int fd, const struct sockaddr_storage *from)
{
	struct connection *connection = NULL;
	struct census_entry *counted = NULL;
	struct address address;
	int on = 1;

	if (!address_of(from, &address))
		goto refused;
	if (!proxies_hold(&server->proxies, &address)) {
		counted = census_enter(server->census, &address, server->options.max_per_address);
		if (!counted) {
			complain(server, "An address holds as many connections as one may; a further one is closed");
			goto refused;
		}
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		goto refused;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection->server = server;
	connection->address = address;
	connection->counted = counted;
	connection->socket = h2o_evloop_socket_create(server->evloop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
	connection->socket->on_close.cb = on_close;
	connection->socket->on_close.data = connection;
	h2o_linklist_insert(&server->connections, &connection->link);
	tls_enter(connection);
	server->n_connections++;
	h2o_accept(&server->accept, connection->socket);
	return;
refused:
	census_leave(server->census, counted);
	close(fd);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct http_server *server = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t size = sizeof(from);
		int fd;

		if (server->n_connections >= server->options.max_connections) {
			pause_accepting(server, "The server holds as many connections as it may; new ones wait");
			return;
		}
		fd = accept4(server->options.listen_fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take_in(server, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			pause_accepting(
				server,
				"No file descriptors are left: raise the limit (ulimit -n); new connections wait");
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

int accept_open(struct http_server *server)
{
	int flags = fcntl(server->options.listen_fd, F_GETFL);

	if (flags < 0 || fcntl(server->options.listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	if (server->options.max_connections > descriptors_for_connections())
		server->options.max_connections = descriptors_for_connections();
	server->listener.data = server;
	if (uv_poll_init(loop_uv(server->loop), &server->listener, server->options.listen_fd) != 0)
		return -EINVAL;
	server->open_handles++;
	server->accepting = true;
	return uv_poll_start(&server->listener, UV_READABLE, on_connection);
}

/* Who comes now is refused at once, by the kernel, when the last process that shares the socket has closed it. */
void accept_stop(struct http_server *server)
{
	server->accepting = false;
	if (server->options.listen_fd < 0)
		return;
	if (uv_handle_get_loop((uv_handle_t *)&server->listener))
		uv_close((uv_handle_t *)&server->listener, server_on_closed);
	close(server->options.listen_fd);
	server->options.listen_fd = -1;
}

/* Every connection may bring 25 MiB, but not all of them at once. The newest go first: they have lost the least. */
static void shed_readers(struct http_server *server)
{
	size_t total = 0;

	for (h2o_linklist_t *at = server->connections.next; at != &server->connections; at = at->next)
		total += H2O_STRUCT_FROM_MEMBER(struct connection, link, at)->socket->input->size;
	if (total <= server->options.max_buffered)
		return;
	complain(server, "Requests that are being read fill the memory set aside for them; the newest are cut");
	for (h2o_linklist_t *at = server->connections.prev; at != &server->connections; at = at->prev) {
		struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, at);

		if (total <= server->options.max_buffered)
			break;
		if (connection->busy || connection->socket->input->size < SHED_ABOVE)
			continue;
		total -= connection->socket->input->size;
		shut(connection);
	}
}

void accept_tick(struct http_server *server, int64_t now_ms)
{
	shed_readers(server);
	while (!h2o_linklist_is_empty(&server->due)) {
		struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, due_link, server->due.next);

		if (connection->due_ms > now_ms)
			break;
		h2o_linklist_unlink(&connection->due_link);
		shut(connection);
	}
	if (!server->accepting && !server->draining &&
	    server->n_connections <= (uint64_t)server->options.max_connections * 9 / 10) {
		server->accepting = true;
		uv_poll_start(&server->listener, UV_READABLE, on_connection);
	}
}
