/* A child's sign of life. */
#include "daemon/child.h"

#include "fiber/fiber.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

struct heart {
	uv_timer_t timer;
	bool beats;
};

static void say(char word)
{
	/* The supervisor is gone. Its death sends SIGTERM, but not when it died before prctl() below was called:
	 * without this such a child would hold the port for ever, and the next supervisor could not start. */
	if (write(CHILD_STATUS_FD, &word, 1) < 0 && errno == EPIPE)
		raise(SIGTERM);
}

static void on_beat(uv_timer_t *timer)
{
	(void)timer;
	say(CHILD_ALIVE);
}

struct heart *heart_start(struct loop *loop)
{
	struct heart *heart = calloc(1, sizeof(*heart));

	if (!heart)
		abort();
	if (fcntl(CHILD_STATUS_FD, F_GETFD) < 0)
		return heart;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	fcntl(CHILD_STATUS_FD, F_SETFL, O_NONBLOCK);
	uv_timer_init(loop_uv(loop), &heart->timer);
	uv_timer_start(&heart->timer, on_beat, 0, 1000);
	heart->beats = true;
	return heart;
}

void heart_ready(struct heart *heart)
{
	if (heart->beats)
		say(CHILD_READY);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct heart *heart_stop(struct heart *heart)
{
	if (!heart->beats) {
		free(heart);
		return NULL;
	}
	heart->timer.data = heart;
	uv_close((uv_handle_t *)&heart->timer, on_closed);
	return NULL;
}
