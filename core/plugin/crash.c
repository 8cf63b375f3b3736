/* The handlers behind crash.h.
 *
 * Owns one context for each thread that runs plugin code, the first for the loop's thread.
 * Easy to break: the handler must not allocate, lock, format with stdio or look at anything that could be half-written;
 * contexts are filled text first, `active` last. */
#include "plugin/crash.h"

#include "fiber/fiber.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define CONTEXTS          64
#define STACK_SIZE        (64 * 1024)
#define THREAD_STACK_SIZE (16 * 1024)
#define NOTE_MAX          1024

struct context {
	_Atomic pid_t thread; /* 0 = free */
	volatile sig_atomic_t active;
	volatile char plugin[40], operation[24], job_id[48];
	bool has_stack;                /* on `stack`, since the thread had no signal stack of its own */
	char stack[THREAD_STACK_SIZE]; /* of the handler on that thread; the loop's thread has a larger one */
};

static struct context contexts[CONTEXTS];
static struct sigaction before[NSIG];
static volatile int record_fd = -1;
static timer_t hold_timer;
static bool has_timer;

static const int caught[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM };

static struct context *context_of(pid_t thread)
{
	for (int i = 0; i < CONTEXTS; i++)
		if (atomic_load(&contexts[i].thread) == thread)
			return &contexts[i];
	return NULL;
}

static void copy_text(volatile char *to, size_t size, const volatile char *from)
{
	size_t i = 0;

	for (; from && from[i] && i + 1 < size; i++)
		to[i] = from[i];
	to[i] = 0;
}

/* ---- in the handler ---- */

struct line {
	char text[NOTE_MAX];
	size_t n;
};

/* The texts are names and ids: what is not plain is shown as '?', so the line is JSON without an escaper. */
static void line_add(struct line *line, const char *text, bool is_ours)
{
	for (; *text && line->n + 2 < sizeof(line->text); text++) {
		unsigned char c = (unsigned char)*text;
		line->text[line->n++] = is_ours || (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') ? (char)c : '?';
	}
}

static void line_add_number(struct line *line, int64_t value, int width)
{
	char digits[24];
	int i = (int)sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while ((value || (int)sizeof(digits) - 1 - i < width) && i > 0);
	line_add(line, digits + i, true);
}

/* "2026-01-31T10:00:00.000Z" by the civil-from-days rule: gmtime_r takes a lock. */
static void line_add_time(struct line *line)
{
	struct timespec now;
	int64_t days, era, doe, yoe, doy, mp, day, month, year, rest;

	clock_gettime(CLOCK_REALTIME, &now);
	days = now.tv_sec / 86400 + 719468;
	rest = now.tv_sec % 86400;
	era = days / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	day = doy - (153 * mp + 2) / 5 + 1;
	month = mp < 10 ? mp + 3 : mp - 9;
	year = yoe + era * 400 + (month <= 2);
	const int64_t parts[] = { year, month, day, rest / 3600, rest / 60 % 60, rest % 60, now.tv_nsec / 1000000 };
	static const char *const behind[] = { "-", "-", "T", ":", ":", ".", "Z" };
	static const int width[] = { 4, 2, 2, 2, 2, 2, 3 };
	for (int i = 0; i < 7; i++) {
		line_add_number(line, parts[i], width[i]);
		line_add(line, behind[i], true);
	}
}

static void line_add_field(struct line *line, const char *key, const char *value)
{
	line_add(line, ",\"", true);
	line_add(line, key, true);
	line_add(line, "\":\"", true);
	line_add(line, value, false);
	line_add(line, "\"", true);
}

static const char *signal_word(int number)
{
	switch (number) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGILL:
		return "SIGILL";
	case SIGFPE:
		return "SIGFPE";
	case SIGABRT:
		return "SIGABRT";
	default:
		return "SIGALRM";
	}
}

/* One write, so that lines do not mix; when nobody reads there is nothing left to do about it. */
static void write_all(int fd, const void *bytes, size_t n)
{
	ssize_t r;

	do
		r = write(fd, bytes, n);
	while (r < 0 && errno == EINTR);
}

static void write_line(const struct crash_record *record)
{
	struct line line = { .n = 0 };

	line_add(&line, "{\"timestamp\":\"", true);
	line_add_time(&line);
	line_add(&line, "\",\"level\":\"error\",\"message\":\"", true);
	if (!record->in_plugin)
		line_add(&line, "Process crashed", true);
	else if (record->signal == SIGALRM)
		line_add(&line, "Plugin held the worker without returning: the worker is ended", true);
	else
		line_add(&line, "Plugin crashed the worker", true);
	line_add(&line, "\",\"context\":\"Plugin\",\"metadata\":{\"signal\":\"", true);
	line_add(&line, signal_word(record->signal), true);
	line_add(&line, "\",\"pid\":", true);
	line_add_number(&line, record->pid, 1);
	line_add_field(&line, "plugin", record->plugin);
	line_add_field(&line, "operation", record->operation);
	line_add_field(&line, "jobId", record->job_id);
	line_add_field(&line, "fiber", record->fiber);
	line_add(&line, "}}", true);
	line.text[line.n++] = '\n';
	write_all(STDERR_FILENO, line.text, line.n);
}

static void on_signal(int number)
{
	struct context *context = context_of(gettid());
	bool is_ours = context && context->active;
	struct crash_record record = { .magic = CRASH_MAGIC, .signal = number, .pid = getpid() };
	const char *fiber;

	/* The timer is the only one of these signals that may come while no plugin runs: it lost a race. */
	if (number == SIGALRM && !is_ours)
		return;
	record.in_plugin = is_ours;
	if (is_ours) {
		copy_text(record.plugin, sizeof(record.plugin), context->plugin);
		copy_text(record.operation, sizeof(record.operation), context->operation);
		copy_text(record.job_id, sizeof(record.job_id), context->job_id);
	}
	fiber = context == &contexts[0] ? fiber_current_name() : NULL;
	copy_text(record.fiber, sizeof(record.fiber), fiber);
	write_line(&record);
	if (record_fd >= 0)
		write_all(record_fd, &record, sizeof(record));
	if (number == SIGALRM)
		_exit(128 + SIGALRM);
	/* Delivered as soon as this handler returns, to whoever had the signal before: the default is to die with a
	 * core that shows the place. */
	sigaction(number, &before[number], NULL);
	raise(number);
}

/* ---- outside it ---- */

void crash_install(int fd)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	stack_t stack = { .ss_size = STACK_SIZE };

	record_fd = fd;
	atomic_store(&contexts[0].thread, gettid());
	stack.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
		abort();
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &action, &before[caught[i]]);
	event.sigev_notify_thread_id = gettid();
	has_timer = timer_create(CLOCK_MONOTONIC, &event, &hold_timer) == 0;
}

static void hold(int64_t ms)
{
	const struct itimerspec when = { .it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 } };

	if (has_timer)
		timer_settime(hold_timer, 0, &when, NULL);
}

/* A thread without a signal stack cannot report the overflow of its own. */
static void stack_take(struct context *context)
{
	const stack_t stack = { .ss_sp = context->stack, .ss_size = sizeof(context->stack) };
	stack_t old;

	if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE))
		context->has_stack = sigaltstack(&stack, NULL) == 0;
}

static void stack_give_back(struct context *context)
{
	const stack_t none = { .ss_flags = SS_DISABLE };

	if (context->has_stack)
		sigaltstack(&none, NULL);
	context->has_stack = false;
}

static struct context *context_take(void)
{
	struct context *mine = context_of(gettid());

	for (int i = 1; !mine && i < CONTEXTS; i++) {
		pid_t none = 0;
		if (!atomic_compare_exchange_strong(&contexts[i].thread, &none, gettid()))
			continue;
		mine = &contexts[i];
		stack_take(mine);
	}
	return mine;
}

void crash_enter(const char *plugin, const char *operation, const char *job_id)
{
	struct context *context = context_take();

	if (!context)
		return;
	context->active = 0;
	copy_text(context->plugin, sizeof(context->plugin), plugin);
	copy_text(context->operation, sizeof(context->operation), operation);
	copy_text(context->job_id, sizeof(context->job_id), job_id);
	context->active = 1;
	if (context == &contexts[0])
		hold(CRASH_HOLD_MS);
}

void crash_leave(void)
{
	struct context *context = context_of(gettid());

	if (!context)
		return;
	context->active = 0;
	if (context == &contexts[0]) {
		hold(0);
		return;
	}
	stack_give_back(context);
	atomic_store(&context->thread, 0);
}
