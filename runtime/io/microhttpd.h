/* libmicrohttpd, opened when it is first used. In place of <microhttpd.h>:
 *
 *   if (sl_microhttpd_open(err) < 0) return -1;     // it is missing
 *   struct MHD_Daemon *daemon = MHD_start_daemon(…);
 */
#ifndef SL_IO_MICROHTTPD_H
#define SL_IO_MICROHTTPD_H

#include <microhttpd.h>

#include "base/err.h"

/* Before the first call of libmicrohttpd's functions: 0, or SL_STATE where the library is missing. */
int sl_microhttpd_open(sl_err *err);

#endif
