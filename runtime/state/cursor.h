/* Where a delta feed is, and what it has delivered: exactly as much as was committed, however a run ends.
 *
 *   sl_cursor_key key = {SL_STR("scripts/delta_feed.lua"), SL_STR("products"), SL_STR("shop"), SL_STR("feed/124773"), 0};
 *   sl_cursor *c = sl_cursor_open(st, &key, &err);                  // SL_LOCKED, with the process that has it
 *   if (sl_cursor_seen(c, id, modified, digest, &err) == 0) …       // 1: delivered before, in this run or an earlier one
 *   sl_cursor_deliver(c, id, modified, digest, &err);               // the sink has it; counts from the commit on
 *   sl_cursor_advance(c, position, keep_from, &err);                // the next position, what memory it needs
 *   sl_cursor_commit(c, &err);                                      // all of it at once, on disk
 *   sl_cursor_close(c);                                             // what was not committed never was
 *
 * An open cursor is locked until it is closed or its process has ended. `modified` is compared as bytes: write it in a
 * form that sorts (2021-01-05 08:25:04). Deliveries go to disk in batches as they come, marked as not committed, so that
 * memory is flat however many there are; those of a run that died are removed when the cursor is opened next.
 */
#ifndef SL_STATE_CURSOR_H
#define SL_STATE_CURSOR_H

#include <stdint.h>

#include "base/str.h"
#include "state/store.h"

#define SL_CURSOR_KEEP_MAX 1000000

typedef struct sl_cursor sl_cursor;

typedef struct sl_cursor_key {
    sl_str recipe;    /* as the project knows it */
    sl_str name;      /* the cursor's name in the recipe */
    sl_str account;   /* source account */
    sl_str args;      /* the arguments that the recipe names as its key, in one text */
    int64_t keep_max; /* deliveries that are remembered, 0 for SL_CURSOR_KEEP_MAX */
} sl_cursor_key;

/* Opens (makes) and locks the cursor. NULL with SL_LOCKED where another run has it. */
sl_cursor *sl_cursor_open(sl_store *st, const sl_cursor_key *key, sl_err *err);

/* Without a commit the old position stays, and nothing of the run is remembered. NULL is fine. */
void sl_cursor_close(sl_cursor *c);

/* The committed position, NULL where there is none. Borrowed until the next commit, rollback, restart or close. */
const char *sl_cursor_get(const sl_cursor *c);

/* Starts over: the position is NULL and no earlier run's deliveries count. The commit makes that so for good. */
int sl_cursor_restart(sl_cursor *c, sl_err *err);

/* Whether this record, as it was at that time and with that content, was delivered: 1, 0, -1. */
int sl_cursor_seen(sl_cursor *c, sl_str id, sl_str modified, sl_str digest, sl_err *err);

/* Notes a delivery. Once is enough, twice does no harm. */
int sl_cursor_deliver(sl_cursor *c, sl_str id, sl_str modified, sl_str digest, sl_err *err);

/* The position that the next commit writes; deliveries with `modified` before keep_from (may be empty) need not be
 * remembered beyond it. Nothing on disk changes yet. */
int sl_cursor_advance(sl_cursor *c, sl_str position, sl_str keep_from, sl_err *err);

/* One durable transaction: the position, and all deliveries so far count. Then forgets what is before keep_from and the
 * oldest beyond keep_max. */
int sl_cursor_commit(sl_cursor *c, sl_err *err);

/* Back to the last commit: position, deliveries, a restart. */
int sl_cursor_rollback(sl_cursor *c, sl_err *err);

/* Deliveries that are remembered now, and how many had to be forgotten since the cursor was opened because there were
 * more than keep_max: those may be delivered again. */
int64_t sl_cursor_remembered(const sl_cursor *c);
int64_t sl_cursor_forgotten(const sl_cursor *c);

#endif
