/* The supervisor's children: starting one, hearing of it, ending it. */
#ifndef DAEMON_CHILDREN_H
#define DAEMON_CHILDREN_H

#include "daemon/child.h"
#include "plugin/crash.h"

#include <sys/types.h>

enum child_kind { CHILD_API, CHILD_WORKER, CHILD_MOCK };

struct child {
	enum child_kind kind;
	int index;
	pid_t pid;          /* 0 = not running */
	bool ready, ending; /* ending: it was told to stop and is not started again */
	bool replaced;      /* a newer child has its place: forgotten when it is gone */
	unsigned roll;      /* the round of replacements in which it was made */
	int64_t started_ms, heard_ms;
	int64_t start_at_ms; /* when not running: not before */
	int64_t delay_ms;
	int64_t kill_at_ms; /* when it is ending and still there */
	int status_fd, crash_fd;
	char id[CHILD_ID_MAX], last_id[CHILD_ID_MAX];
	char crash_job[64], crash_why[160]; /* of the last death, handed to the successor */
};

struct child_setup {
	const char *config_file;
	int listen_fd;
	const struct config *config;
};

const char *child_name(const struct child *child);
/* False: it could not be started, and the child is as it was, with what a successor must know. */
bool child_start(struct child *child, const struct child_setup *setup);
/* Reads what it has said. */
void child_hear(struct child *child, bool *ret_became_ready);
/* It is dead: notes why, and when to start it again. */
void child_buried(struct child *child, int wait_status);

#endif
