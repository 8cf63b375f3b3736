/* exec.so: a program of the operator as a provider.
 *
 *   exec.c     the plugin: settings, operations, what an answer means
 *   request.c  what a program is told: its environment and the JSON on its standard input
 *   run.c      one program from its start to its end
 *   folder.c   the folder of a deployment, and the build log in it
 *
 * Easy to break: nothing that a user of OpsHub can write ever becomes a program's name, an argument or a path. */
#ifndef EXEC_H
#define EXEC_H

#include <opshub/provider.h>

#include <stdbool.h>

#define FOLDER_MAX 512
#define LOG_MAX    ((int64_t)512 * 1024) /* of a build log that is written here */

/* One project's connection. */
struct exec {
	const struct opshub_host *host;
	const char *token, *options;
	const char *program, *path, *home, *pass; /* of the server's environment, which does not change */
	char folder[FOLDER_MAX];                  /* holds one folder for each deployment */
};

/* What is asked of the program. */
struct order {
	const char *operation;
	const char *id;                              /* of the deployment; "" = of none */
	const char *cursor;                          /* list only */
	const struct opshub_deploy_request *request; /* create only, else NULL */
	const char *folder;                          /* where it runs */
	int log_fd;                                  /* its build log; -1 = none */
};

/* ---- request.c ---- */

/* NULL after fail(). */
const char *request_json(opshub_call *call, const struct exec *exec, const struct order *order, uint64_t *ret_size);
char **request_environment(opshub_call *call, const struct exec *exec, const struct order *order);

/* ---- run.c ---- */

/* NULL, or why the server must not start this program. */
const char *program_why_not(opshub_call *call, const struct exec *exec);
/* Runs it to its end. *ret is its result, NULL when it printed none. */
OPSHUB_AWAITS opshub_status program_run(opshub_call *call, const struct exec *exec, const struct order *order,
					const opshub_json **ret);

/* ---- folder.c ---- */

bool id_is_valid(const char *id);
opshub_status folder_prepare(opshub_call *call, struct exec *exec);
/* The folder of a deployment, made when it is not there, with its build log open for appending. */
opshub_status folder_open(opshub_call *call, const struct exec *exec, const char *id, const char **ret_path,
			  int *ret_log_fd);
/* Takes the build log away, and the folder if the program left nothing in it. */
void folder_remove(opshub_call *call, const struct exec *exec, const char *id);
/* One line; beyond LOG_MAX it says once that the rest is left out. */
void log_append(int log_fd, const char *text, size_t n);
opshub_status log_read(opshub_call *call, const struct exec *exec, const char *id, const char *cursor,
		       struct opshub_log_page *ret);

#endif
