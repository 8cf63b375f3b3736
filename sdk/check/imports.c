/* The undefined symbols of a shared object, read from the file.
 *
 * Owns the mapping of the file while it looks. Easy to break: the file is outside data, so each offset and count is
 * held against its size before it is used. */
#include "check.h"

#include <elf.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOLS_MAX 100000

static const struct {
	const char *pattern, *why;
	bool blocking_may;
} refused[] = {
	{ "socket", "opens sockets of its own: use host->http()", true },
	{ "connect", "opens connections of its own: use host->http()", true },
	{ "getaddrinfo", "looks names up by itself: use host->http()", true },
	{ "gethostby*", "looks names up by itself: use host->http()", true },
	{ "pthread_create", "starts threads: an operation runs to its end on the one it was given", true },
	{ "thrd_create", "starts threads: an operation runs to its end on the one it was given", true },
	{ "fork", "starts processes: a plugin lives in the worker's", true },
	{ "vfork", "starts processes: a plugin lives in the worker's", true },
	{ "posix_spawn*", "starts processes: a plugin lives in the worker's", true },
	{ "exec[lv]*", "starts programs: a plugin lives in the worker's process", true },
	{ "system", "starts programs: a plugin lives in the worker's process", true },
	{ "popen", "starts programs: a plugin lives in the worker's process", true },
	{ "sleep", "stops every other job while it sleeps: use host->sleep()", true },
	{ "usleep", "stops every other job while it sleeps: use host->sleep()", true },
	{ "nanosleep", "stops every other job while it sleeps: use host->sleep()", true },
	{ "clock_nanosleep", "stops every other job while it sleeps: use host->sleep()", true },
	{ "signal", "changes signal handlers, which belong to the process", false },
	{ "sigaction", "changes signal handlers, which belong to the process", false },
	{ "sigaltstack", "changes signal handlers, which belong to the process", false },
	{ "exit", "ends the process: return an error code", false },
	{ "_exit", "ends the process: return an error code", false },
	{ "quick_exit", "ends the process: return an error code", false },
	{ "setlocale", "changes the locale of the whole process", false },
	{ "setenv", "changes the environment of the whole process", false },
	{ "putenv", "changes the environment of the whole process", false },
	{ "__tls_get_addr", "keeps thread-local state: keep it in the instance", false },
	{ "dlopen", "loads other libraries: a plugin links libc and nothing else", false },
};

static const char *why_refused(const char *name, bool is_blocking)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (fnmatch(refused[i].pattern, name, 0) == 0 && !(is_blocking && refused[i].blocking_may))
			return refused[i].why;
	return NULL;
}

struct image {
	const char *p;
	size_t n;
};

static const void *part(const struct image *image, uint64_t offset, uint64_t size)
{
	return offset <= image->n && size <= image->n - offset ? image->p + offset : NULL;
}

/* The sentence about one table of symbols; "" = nothing wrong in it. */
static const char *look(struct arena *arena, const struct image *image, const Elf64_Shdr *table,
			const Elf64_Shdr *names, bool is_blocking)
{
	const char *text = part(image, names->sh_offset, names->sh_size);
	const Elf64_Sym *symbols = part(image, table->sh_offset, table->sh_size);
	uint64_t n = table->sh_size / sizeof(*symbols);

	if (!text || !symbols || n > SYMBOLS_MAX || names->sh_size == 0 || text[names->sh_size - 1] != 0)
		return "its table of symbols is damaged: build it again";
	for (uint64_t i = 0; i < n; i++) {
		const char *why;
		if (symbols[i].st_shndx != SHN_UNDEF || symbols[i].st_name >= names->sh_size)
			continue;
		why = why_refused(text + symbols[i].st_name, is_blocking);
		if (why)
			return arena_printf(arena, "it uses %s(), which %s", text + symbols[i].st_name, why).p;
	}
	return "";
}

static const char *look_through(struct arena *arena, const struct image *image, bool is_blocking)
{
	const Elf64_Ehdr *head = part(image, 0, sizeof(*head));
	const Elf64_Shdr *sections = head ? part(image, head->e_shoff, (uint64_t)head->e_shnum * sizeof(*sections))
					  : NULL;

	if (!sections || head->e_shentsize != sizeof(*sections) || head->e_shoff % 8)
		return "it has no table of sections, so its imports cannot be read: do not strip sections";
	for (unsigned i = 0; i < head->e_shnum; i++)
		if (sections[i].sh_type == SHT_DYNSYM && sections[i].sh_link < head->e_shnum)
			return look(arena, image, &sections[i], &sections[sections[i].sh_link], is_blocking);
	return "it has no dynamic symbols: build it with cc -shared -fPIC";
}

const char *imports_why_not(struct arena *arena, const char *path, bool is_blocking)
{
	struct image image = { 0 };
	const char *why = "it cannot be read a second time";
	struct stat st;
	void *map;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return why;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		image.n = (size_t)st.st_size;
		map = mmap(NULL, image.n, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			image.p = map;
			why = look_through(arena, &image, is_blocking);
			munmap(map, image.n);
		}
	}
	close(fd);
	return why;
}
