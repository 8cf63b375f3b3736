/* Where the daemon may keep a file between two of its lives. */
#ifndef DAEMON_STATE_FOLDER_H
#define DAEMON_STATE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* $STATE_DIRECTORY (systemd's) when it is set; else `base`/opshub-UID, made with mode 0700 when it is not there. False
 * when that is anything but a folder that belongs to this user alone: another user of the machine may have put a link
 * there. */
bool state_folder(const char *base, char *ret, size_t size);

#endif
