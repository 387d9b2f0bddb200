/* How long a server asks us to stay away, from its headers. All measured against its own clock.
 *
 *   int64_t ms = sl_pause_after_ms(retry_after, date, sl_clock_wall_ms(), 60000);    // "120", or an HTTP date
 *   if (ms < 0) ms = sl_pause_reset_ms(reset, date, sl_clock_wall_ms(), 60000);      // absolute Unix time
 *   verdict_case.hint_ms = ms;                                                       // -1: no hint
 */
#ifndef SL_WORK_PAUSE_H
#define SL_WORK_PAUSE_H

#include <stdint.h>

#include "base/str.h"

/* `Retry-After`, seconds or a date. `date` is the answer's Date header; where it is empty or broken now_ms (wall clock)
 * stands for it. Clamped to [0, max_ms], -1 where there is no hint in the text. */
int64_t sl_pause_after_ms(sl_str retry_after, sl_str date, int64_t now_ms, int64_t max_ms);

/* The same for a reset header that is Unix time in seconds. */
int64_t sl_pause_reset_ms(sl_str reset, sl_str date, int64_t now_ms, int64_t max_ms);

#endif
