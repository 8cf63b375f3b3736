/* The call context. */
#include "fiber/inner.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int call_fail(struct call *call, int code, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call->code = code;
	call->why = arena_text(call->arena, str_of(text));
	return code;
}

int64_t call_left_ms(const struct call *call)
{
	int64_t left;

	if (call->deadline_ms == INT64_MAX)
		return INT64_MAX;
	left = call->deadline_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

void call_secret(struct call *call, struct str secret)
{
	struct log_secret *entry = arena_alloc(call->arena, sizeof(*entry));
	char *copy = arena_secret(call->arena, secret.n + 1);

	if (secret.n)
		memcpy(copy, secret.p, secret.n);
	*entry = (struct log_secret){ { copy, secret.n }, call->log.secrets };
	call->log.secrets = entry;
}

bool call_cancelled(const struct call *call)
{
	return call->fiber && call->fiber->cancelled && !call->fiber->shielded;
}

void call_shield(struct call *call)
{
	call->fiber->shielded++;
}

void call_unshield(struct call *call)
{
	call->fiber->shielded--;
}
