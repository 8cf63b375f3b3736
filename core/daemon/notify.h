/* Telling systemd how it goes: the sd_notify protocol, one datagram to $NOTIFY_SOCKET. Without systemd it does nothing.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

void notify_systemd(const char *message); /* "READY=1\nSTATUS=..." */
int64_t notify_watchdog_ms(void);         /* how often WATCHDOG=1 is wanted (half of WatchdogSec), 0 = not at all */

#endif
