/* May this file be loaded? Code in a plugin runs with all the rights of the worker, so whoever can write the file or
 * its folder owns the server: only root and the service's own user may be able to.
 *
 * Owns nothing; the descriptor goes to the caller.
 * Easy to break: everything is asked of the descriptor that is loaded later (through /proc), never of the path
 * a second time, so the file cannot be swapped in between. */
#include "plugin/load.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "plugin/file.c: add this machine's ELF number"
#endif

static int refuse(struct arena *arena, const char **ret_why, const char *what, const char *why)
{
	*ret_why = arena_printf(arena, "%s %s", what, why).p;
	return E_INVALID;
}

/* Owner and mode of the folder or the file. */
static int check_owner(struct arena *arena, int fd, const char *what, const char **ret_why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(arena, ret_why, what, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		*ret_why = arena_printf(arena,
					"%s belongs to user %u; it must belong to root or to the user OpsHub runs as "
					"(chown root)",
					what, (unsigned)st.st_uid)
				   .p;
		return E_INVALID;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		*ret_why = arena_printf(arena, "%s can be written by %s (mode %04o): run chmod go-w on it", what,
					st.st_mode & S_IWOTH ? "everybody" : "its group",
					(unsigned)(st.st_mode & 07777))
				   .p;
		return E_INVALID;
	}
	return OK;
}

/* NULL without /proc. */
static char *path_of_fd(struct arena *arena, int fd)
{
	char link[32], *path = arena_raw(arena, PATH_MAX);
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return NULL;
	path[n] = 0;
	return path;
}

/* The file that was opened must lie directly in the folder that was opened, whatever links led to it. */
static int check_place(struct arena *arena, int dir, int fd, const char *file, const char **ret_why)
{
	char *folder = path_of_fd(arena, dir), *real = path_of_fd(arena, fd), *slash;

	if (!folder || !real)
		return refuse(arena, ret_why, file, "cannot be traced in /proc; OpsHub needs /proc mounted");
	slash = strrchr(real, '/');
	if (slash && (size_t)(slash - real) == strlen(folder) && strncmp(real, folder, strlen(folder)) == 0)
		return OK;
	*ret_why = arena_printf(arena, "%s is a link out of the plugin folder, to %s: copy the file into the folder",
				file, real)
			   .p;
	return E_INVALID;
}

static int check_elf(struct arena *arena, int fd, const char *file, const char **ret_why)
{
	Elf64_Ehdr head;
	ssize_t n = pread(fd, &head, sizeof(head), 0);

	if (n < (ssize_t)sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return refuse(arena, ret_why, file, "is not an ELF shared object: build it with cc -shared -fPIC");
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != OUR_MACHINE)
		return refuse(arena, ret_why, file, "was built for another machine: rebuild it on this architecture");
	if (head.e_type != ET_DYN)
		return refuse(arena, ret_why, file, "is not a shared object: build it with cc -shared -fPIC");
	return OK;
}

int plugin_file_open(struct arena *arena, const char *folder, const char *file, int *ret_fd, const char **ret_why)
{
	int dir, fd = -1, r;
	struct stat st;

	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return refuse(arena, ret_why, folder, strerror(errno));
	r = check_owner(arena, dir, folder, ret_why);
	if (r < 0)
		goto out;
	/* O_NONBLOCK: a FIFO in the folder must not hold the start up. */
	fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		r = refuse(arena, ret_why, file, strerror(errno));
		goto out;
	}
	r = E_INVALID;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		r = refuse(arena, ret_why, file, "is not a regular file");
		goto out;
	}
	r = check_place(arena, dir, fd, file, ret_why);
	if (r == OK)
		r = check_owner(arena, fd, file, ret_why);
	if (r == OK)
		r = check_elf(arena, fd, file, ret_why);
	if (r == OK) {
		*ret_fd = fd;
		fd = -1;
	}
out:
	if (fd >= 0)
		close(fd);
	close(dir);
	return r;
}
