/* The call context. */
#include "fiber/inner.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

#define SECRETS_MAX (24 * 1024 * 1024) /* bytes, of all their forms; with more no text is shown */

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

static void free_secrets(void *redactor)
{
	redactor_free(redactor);
}

static void hide(struct call *call, struct str mark, struct str secret)
{
	if (!call->log.secrets) {
		call->log.secrets = redactor_new(SECRETS_MAX);
		arena_defer(call->arena, free_secrets, call->log.secrets);
		arena_wipe(call->arena);
	}
	call->log.hides_all |= !redactor_add(call->log.secrets, mark, secret);
}

void call_secret(struct call *call, struct str secret)
{
	hide(call, STR("[redacted]"), secret);
}

void call_secret_named(struct call *call, struct str name, struct str secret)
{
	hide(call, arena_printf(call->arena, "[%.*s]", STR_FMT(name)), secret);
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
