/* The socket of a connection on the loop.
 *
 * Owns: one uv_poll_t a socket, on the heap, because libuv lets go of it a turn after uv_close.
 * Easy to break: libpq closes a socket and may get the same number for the next one, so the poll is stopped (which
 * takes it out of epoll) before every call of libpq that may do so; and uv_poll_start costs an epoll_ctl even when
 * nothing changes, so the events are remembered. */
#include "db/inner.h"

#include <stdio.h>
#include <stdlib.h>

struct poller {
	uv_poll_t handle;
	struct conn *conn;
	int fd, events;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
	struct poller *poller = handle->data;
	struct conn *conn = poller->conn;

	if (status < 0) /* libuv has stopped the poll; libpq finds out by itself what is wrong */
		poller->events = 0;
	if (conn->state == CONN_CONNECTING) {
		connect_step(conn);
		return;
	}
	if (status < 0 || events & UV_READABLE)
		conn_read(conn);
	if (conn->state >= CONN_PREPARING && conn->poller == poller)
		conn_send(conn); /* what waited for room, and what the results have made possible */
}

void poll_close(struct conn *conn)
{
	if (!conn->poller)
		return;
	uv_poll_stop(&conn->poller->handle);
	uv_close((uv_handle_t *)&conn->poller->handle, on_closed);
	conn->poller = NULL;
}

static struct poller *poller_new(struct conn *conn, int fd)
{
	struct poller *poller = calloc(1, sizeof(*poller));

	if (!poller || uv_poll_init(loop_uv(conn->db->loop), &poller->handle, fd) != 0) {
		free(poller);
		return NULL;
	}
	poller->conn = conn;
	poller->fd = fd;
	poller->handle.data = poller;
	return poller;
}

void poll_set(struct conn *conn, int events)
{
	int fd = PQsocket(conn->pg);

	if (conn->poller && conn->poller->fd != fd)
		poll_close(conn);
	if (!conn->poller && fd >= 0)
		conn->poller = poller_new(conn, fd);
	if (!conn->poller || conn->poller->events == events)
		return;
	conn->poller->events = events;
	if (events)
		uv_poll_start(&conn->poller->handle, events, on_ready);
	else
		uv_poll_stop(&conn->poller->handle);
}
