/* hiredis on the loop.
 *
 * Not hiredis' own adapters/libuv.h: version 0.14 of it ignores a poll that ends with an error (a refused connection or
 * a reset is then never noticed), leaks when uv_poll_init fails, and pays three epoll_ctl for every command. Here what
 * hiredis wants is noted and applied once, when it has returned.
 * Owns: the uv_poll_t, which lives until libuv has closed it, a turn longer than hiredis' context. */
#include "kv/inner.h"

#include <stdlib.h>

struct link {
	uv_poll_t poll;
	redisAsyncContext *context; /* NULL when hiredis has let go */
	int wanted, active;         /* events as of uv_poll */
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct link *link = poll->data;

	if (status < 0) { /* libuv has stopped the poll: reading tells hiredis why */
		link->active = 0;
		events = UV_READABLE;
	}
	if (link->context && events & UV_READABLE)
		redisAsyncHandleRead(link->context);
	if (link->context && events & UV_WRITABLE)
		redisAsyncHandleWrite(link->context);
	link_apply(link);
}

void link_apply(struct link *link)
{
	if (!link->context || link->wanted == link->active)
		return;
	link->active = link->wanted;
	if (link->wanted)
		uv_poll_start(&link->poll, link->wanted, on_ready);
	else
		uv_poll_stop(&link->poll);
}

static void add_read(void *arg)
{
	((struct link *)arg)->wanted |= UV_READABLE;
}
static void del_read(void *arg)
{
	((struct link *)arg)->wanted &= ~UV_READABLE;
}
static void add_write(void *arg)
{
	((struct link *)arg)->wanted |= UV_WRITABLE;
}
static void del_write(void *arg)
{
	((struct link *)arg)->wanted &= ~UV_WRITABLE;
}

static void cleanup(void *arg)
{
	struct link *link = arg;

	link->context = NULL;
	uv_poll_stop(&link->poll);
	uv_close((uv_handle_t *)&link->poll, on_closed);
}

struct link *link_new(redisAsyncContext *context, uv_loop_t *loop)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link || uv_poll_init(loop, &link->poll, context->c.fd) != 0) {
		free(link);
		return NULL;
	}
	link->poll.data = link;
	link->context = context;
	context->ev.data = link;
	context->ev.addRead = add_read;
	context->ev.delRead = del_read;
	context->ev.addWrite = add_write;
	context->ev.delWrite = del_write;
	context->ev.cleanup = cleanup;
	return link;
}
