/* How many files and sockets this process may have open. See descriptors.h. */
#include "base/descriptors.h"

#include <limits.h>
#include <sys/resource.h>

void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit); /* when it must not be: what we have is what others cap themselves by */
}

unsigned descriptors_for_connections(void)
{
	struct rlimit limit;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT_MAX;
	room = limit.rlim_cur > 512 ? limit.rlim_cur - 256 : limit.rlim_cur / 2;
	return room < UINT_MAX ? (unsigned)room : UINT_MAX;
}
