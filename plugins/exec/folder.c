/* A folder for each deployment, shared by all workers of this machine: the program runs in it and may keep files there,
 * and its build log is the file build.log. A page of the log is read by its offset, so any worker can go on reading.
 *
 * Owns the folders below exec->folder. Easy to break: an id becomes part of a path, so each is looked at first. */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_MAX     64
#define PAGE_BYTES (128 * 1024)
#define PAGE_LINES 2000
#define LINE_BYTES 8000 /* longer ones are shown as several */

bool id_is_valid(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= ID_MAX && id[n] == 0;
}

/* Makes it when it is not there; nobody else may be able to write into it. */
static bool private_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return false;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

opshub_status folder_prepare(opshub_call *call, struct exec *exec)
{
	const char *state = getenv("STATE_DIRECTORY");
	char base[FOLDER_MAX - 16];
	int n;

	if (state && *state)
		n = snprintf(base, sizeof(base), "%s", state);
	else
		n = snprintf(base, sizeof(base), "/tmp/opshub-%u", (unsigned)geteuid());
	if (n < 0 || (size_t)n >= sizeof(base) || base[0] != '/')
		return exec->host->fail(call, OPSHUB_E_INVALID,
					"STATE_DIRECTORY of the server is no usable path, so exec.so has no place for "
					"its files: set it to an absolute path of less than 490 bytes");
	snprintf(exec->folder, sizeof(exec->folder), "%s/exec", base);
	if (private_folder(base) && private_folder(exec->folder))
		return OPSHUB_OK;
	return exec->host->fail(call, OPSHUB_E_INVALID,
				exec->host->format(call,
						   "%s cannot be used: exec.so needs a folder that belongs to the user "
						   "OpsHub runs as and that nobody else can write",
						   exec->folder));
}

opshub_status folder_open(opshub_call *call, const struct exec *exec, const char *id, const char **ret_path,
			  int *ret_log_fd)
{
	const char *path = exec->host->format(call, "%s/%s", exec->folder, id);
	const char *log = exec->host->format(call, "%s/build.log", path);
	int fd;

	if (!private_folder(path))
		return exec->host->fail(call, OPSHUB_E_NETWORK,
					exec->host->format(call, "%s cannot be made: %s", path, strerror(errno)));
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return exec->host->fail(call, OPSHUB_E_NETWORK,
					exec->host->format(call, "%s cannot be written: %s", log, strerror(errno)));
	*ret_path = path;
	*ret_log_fd = fd;
	return OPSHUB_OK;
}

void folder_remove(opshub_call *call, const struct exec *exec, const char *id)
{
	const char *path = exec->host->format(call, "%s/%s", exec->folder, id);

	unlink(exec->host->format(call, "%s/build.log", path));
	if (rmdir(path) < 0 && errno != ENOENT)
		exec->host->log(call, OPSHUB_LOG_WARN,
				exec->host->format(call, "%s stays, because the program left files in it", path));
}

static void write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* the disk is full: a build log is not worth a failed deployment */
		text += done;
		n -= (size_t)done;
	}
}

void log_append(int log_fd, const char *text, size_t n)
{
	static const char cut[] = "[exec.so keeps 512 KiB of a program's output: the rest is left out]\n";
	struct stat st;

	if (log_fd < 0 || fstat(log_fd, &st) < 0 || st.st_size >= LOG_MAX)
		return;
	if (st.st_size + (int64_t)n + 1 >= LOG_MAX) {
		write_all(log_fd, cut, sizeof(cut) - 1);
		/* counts as full from now on; the hole behind it is never read */
		if (ftruncate(log_fd, 2 * LOG_MAX) < 0)
			return;
		return;
	}
	write_all(log_fd, text, n);
	write_all(log_fd, "\n", 1);
}

/* Cuts the text into lines, as far as whole ones go. Returns how many bytes they take. */
static size_t cut_lines(char *text, size_t n, struct opshub_log_line *lines, struct opshub_log_page *ret)
{
	size_t from = 0;

	while (from < n && ret->n_lines < PAGE_LINES) {
		char *end = memchr(text + from, '\n', n - from);
		size_t length = end ? (size_t)(end - text) - from : n - from;

		if (!end && length < PAGE_BYTES)
			break; /* still being written */
		lines[ret->n_lines++] = (struct opshub_log_line){ .text = text + from };
		if (end)
			*end = 0;
		from += length + (end ? 1 : 0);
	}
	return from;
}

opshub_status log_read(opshub_call *call, const struct exec *exec, const char *id, const char *cursor,
		       struct opshub_log_page *ret)
{
	const struct opshub_host *host = exec->host;
	struct opshub_log_line *lines = host->alloc(call, PAGE_LINES * sizeof(*lines));
	char *text = host->alloc(call, PAGE_BYTES + 1);
	long long offset = strtoll(cursor, NULL, 10);
	ssize_t n = 0;
	int fd;

	fd = open(host->format(call, "%s/%s/build.log", exec->folder, id), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (offset < 0)
		offset = 0;
	if (fd >= 0) {
		n = pread(fd, text, PAGE_BYTES, offset);
		close(fd);
	}
	ret->lines = lines;
	ret->line_size = sizeof(*lines);
	if (n > 0) {
		size_t end = strnlen(text, (size_t)n), used; /* a NUL begins what is never read */

		used = cut_lines(text, end, lines, ret);
		ret->is_complete = used == end && end < (size_t)n;
		offset += (long long)used;
	}
	ret->next_cursor = host->format(call, "%lld", offset);
	return OPSHUB_OK;
}
