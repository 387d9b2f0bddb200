/* What a service tells its supervisor (systemd's notify protocol, without its library).
 *
 *   sl_notify("READY=1\nSTATUS=41 schedules", &err);         // 1: sent, 0: nobody wants to know
 *   int64_t every = sl_notify_watchdog_us();                // WATCHDOG=1 is due at least so often; 0: no watchdog
 */
#ifndef SL_IO_NOTIFY_H
#define SL_IO_NOTIFY_H

#include "base/str.h"
#include "base/err.h"

/* Sends lines to the socket that NOTIFY_SOCKET names (a path, or an abstract name behind '@'). 1, 0 where it names none, -1. */
int sl_notify(sl_str lines, sl_err *err);

/* WATCHDOG_USEC, where it is meant for this process (WATCHDOG_PID); else 0. */
int64_t sl_notify_watchdog_us(void);

#endif
