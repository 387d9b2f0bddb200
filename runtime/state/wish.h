/* What people ask of a schedule beside pauses: a run out of turn, runs of past due times, the end of one.
 *
 *   sl_wish wish = {.name = SL_STR("delta"), .args = "{\"full\":true}", .note = "after the import"};
 *   sl_wish_run(st, &wish, &id, &err);                          // waits for a daemon to claim it
 *   sl_wish_backfill(st, &fill, &batch, &count, &err);
 *   sl_wish_cancel(st, id, &version, &err);
 *
 * Each raises the schedule's version, so that a daemon that has just decided decides again. SL_NOT_FOUND where the store does
 * not know the schedule.
 */
#ifndef SL_STATE_WISH_H
#define SL_STATE_WISH_H

#include "state/occurrence.h"

/* Due times of one backfill. */
#define SL_BACKFILL_MAX 100000

typedef struct sl_wish {
    sl_str name;
    const char *args; /* JSON, instead of the schedule's own; NULL */
    const char *note; /* for people; NULL */
} sl_wish;

/* An occurrence that is due now. */
int sl_wish_run(sl_store *st, const sl_wish *wish, int64_t *id, sl_err *err);

typedef struct sl_backfill {
    sl_str name;
    const char *note;
    const int64_t *due_ms;
    size_t count;
    int64_t parallel; /* so many may run at once; 0: not said */
    bool again;       /* also those that ran well or are about to run */
    bool dry;         /* only count */
} sl_backfill;

/* Occurrences for due times, as one batch; each time once. Times that have an occurrence that ran well, of whatever kind, or
 * one that is open are left out. *batch is 0 where there was nothing to do; *count is how many there are. */
int sl_wish_backfill(sl_store *st, const sl_backfill *fill, int64_t *batch, int64_t *count, sl_err *err);

/* Marks an open one: 1 and the schedule's new version, 0 it is over, SL_NOT_FOUND where it is not there. */
int sl_wish_cancel(sl_store *st, int64_t id, int64_t *version, sl_err *err);

#endif
