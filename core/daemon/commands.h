/* The administrator's commands: `opshubd migrate deploy` and its like. */
#ifndef DAEMON_COMMANDS_H
#define DAEMON_COMMANDS_H

#include <stdbool.h>

/* True when words[0] is the name of a command; its exit status is in *ret_status then. */
bool run_command(const char *config_file, char **words, int n, int *ret_status);
void print_commands(void);

#endif
