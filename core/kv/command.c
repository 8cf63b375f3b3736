/* Commands: from a fiber into the next write, and the reply back.
 *
 *   kv_command -> list -> LOOP_SINK: all to hiredis, one write(2) -> replies in order -> wait_complete
 *
 * Easy to break: hiredis 0.14 cannot time out. A command whose time is over leaves a reply that comes later or never;
 * the fiber marks the connection as broken, and the end of the turn closes it: hiredis runs on the loop's stack. */
#include "base/clock.h"
#include "kv/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX    4096
#define TEXT_MAX    (64 * 1024 * 1024)
#define PENDING_MAX 16384
#define DEFAULT_MS  500

static void command_free(struct wait *wait)
{
	struct command *command = (struct command *)(void *)wait;

	buf_done(&command->text);
	free(command);
}

_Static_assert(offsetof(struct command, wait) == 0, "a wait is its command");

static void on_leave(struct wait *wait)
{
	struct command *command = (struct command *)(void *)wait;

	command->call = NULL;
	command->left = true;
}

/* *2\r\n$4\r\nLLEN\r\n$3\r\nkey\r\n */
static void encode(struct buf *text, const struct str *args, size_t n)
{
	buf_add_char(text, '*');
	buf_add_int(text, (int64_t)n);
	buf_add(text, "\r\n", 2);
	for (size_t i = 0; i < n; i++) {
		buf_add_char(text, '$');
		buf_add_int(text, (int64_t)args[i].n);
		buf_add(text, "\r\n", 2);
		buf_add_str(text, args[i]);
		buf_add(text, "\r\n", 2);
	}
}

struct command *command_new(struct call *call, const struct str *args, size_t n_args)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command) {
		fprintf(stderr, "out of memory: a command for Redis\n");
		abort();
	}
	wait_init(&command->wait, command_free);
	command->wait.on_leave = on_leave;
	command->call = call;
	buf_init(&command->text, TEXT_MAX);
	encode(&command->text, args, n_args);
	if (!call) /* nobody waits: the fiber's reference is given back at once */
		wait_unref(&command->wait);
	return command;
}

void command_reply(struct command *command, const redisReply *reply)
{
	int result = OK;

	if (!reply) {
		result = command->sent ? E_TIMEOUT : E_NETWORK;
	} else if (reply->type == REDIS_REPLY_ERROR) {
		result = E_UPSTREAM;
		snprintf(command->error, sizeof(command->error), "%.*s", (int)strcspn(reply->str, " "), reply->str);
	} else if (command->call) {
		reply_copy(command->call->arena, reply, &command->reply);
	}
	wait_complete(&command->wait, result);
}

static void push(struct kv *kv, struct command *command)
{
	*kv->end = command;
	kv->end = &command->next;
	kv->n_pending++;
}

static int explain(struct call *call, const struct command *command, struct str name, int r)
{
	switch (r) {
	case E_UPSTREAM:
		return call_fail(call, r, "Redis refused %.*s (%s): see its log", STR_FMT(name), command->error);
	case E_TIMEOUT:
		return call_fail(call, r, "no answer from Redis to %.*s in time", STR_FMT(name));
	case E_NETWORK:
		return call_fail(call, r, "the connection to Redis was lost before %.*s was sent: retry",
				 STR_FMT(name));
	default:
		return r;
	}
}

int kv_command(struct call *call, struct kv *kv, int64_t timeout_ms, struct kv_reply *ret, const struct str *args,
	       size_t n_args)
{
	struct command *command;
	int r;

	if (timeout_ms <= 0)
		timeout_ms = DEFAULT_MS;
	if (n_args == 0 || n_args > ARGS_MAX)
		return call_fail(call, E_INTERNAL, "a Redis command has %zu arguments: 1 to %d work", n_args, ARGS_MAX);
	if (kv->state != KV_UP || kv->broken)
		return call_fail(call, E_NETWORK, "Redis cannot be reached for %.*s: retry later", STR_FMT(args[0]));
	if (kv->n_pending >= PENDING_MAX)
		return call_fail(call, E_LIMITED, "%d commands wait for Redis already: retry later", PENDING_MAX);
	command = command_new(call, args, n_args);
	if (command->text.overflow) {
		wait_complete(&command->wait, E_INVALID);
		wait_unref(&command->wait);
		return call_fail(call, E_INVALID, "%.*s for Redis is over 64 MiB: send less", STR_FMT(args[0]));
	}
	command->expires_ms = clock_mono_ms() + timeout_ms;
	push(kv, command);
	r = await(call, &command->wait, timeout_ms);
	/* A caller in a hurry must not cost the others their connection: only when the command's own time is over. */
	if (r == E_TIMEOUT && !command->wait.done && command->sent && clock_mono_ms() >= command->expires_ms)
		kv->broken = "a command was not answered in time";
	if (r == OK && ret)
		*ret = command->reply;
	else if (r < 0)
		r = explain(call, command, args[0], r);
	wait_unref(&command->wait);
	return r;
}

bool kv_post(struct kv *kv, const struct str *args, size_t n_args)
{
	struct command *command;

	if (kv->state != KV_UP || kv->broken || kv->n_pending >= PENDING_MAX || n_args == 0 || n_args > ARGS_MAX)
		return false;
	command = command_new(NULL, args, n_args);
	if (command->text.overflow) {
		wait_complete(&command->wait, E_INVALID);
		return false;
	}
	push(kv, command);
	return true;
}
