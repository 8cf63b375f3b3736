/* Where the daemon may keep a file between two of its lives. */
#include "daemon/state_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Once it is ours and /tmp is sticky nobody else can put another in its place. */
static bool is_private_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

bool state_folder(const char *base, char *ret, size_t size)
{
	const char *given = getenv("STATE_DIRECTORY");
	char path[256];
	int n;

	if (given && *given) {
		n = snprintf(path, sizeof(path), "%s", given);
	} else {
		n = snprintf(path, sizeof(path), "%s/opshub-%u", base, (unsigned)geteuid());
		if (n > 0 && (size_t)n < sizeof(path))
			mkdir(path, 0700); /* there already, or not to be made: the look at it tells */
		if (!is_private_folder(path))
			return false;
	}
	if (n < 0 || (size_t)n >= sizeof(path) || (size_t)n >= size)
		return false;
	snprintf(ret, size, "%s", path);
	return true;
}
