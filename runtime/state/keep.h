/* What a store forgets with time, and the chores that one process does for all. Cursors, open batches and runs under way
 * stay whatever their age.
 *
 *   if (sl_chore_due(st, "prune", 86400000, &err) == 1) {               // nobody has done it for a day, and now we do
 *       sl_batches_forget(st, now - month, &count, &err);
 *       sl_runs_forget(st, now - month, kept, kept_count, &count, &err);
 *   }
 */
#ifndef SL_STATE_KEEP_H
#define SL_STATE_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "state/store.h"

/* Whether a chore was done for the last time more than every_ms ago; if so it counts as done now, for all processes, at
 * once: 1 it is ours, 0, -1. */
int sl_chore_due(sl_store *st, const char *name, int64_t every_ms, sl_err *err);

/* Forgets batches that had their verdict before that time. */
int sl_batches_forget(sl_store *st, int64_t before_ms, int64_t *count, sl_err *err);

/* Forgets runs by hand that ended before that time (lost ones: started), but those named in `kept` and those with an open
 * batch or a write that is not settled. */
int sl_runs_forget(sl_store *st, int64_t before_ms, const int64_t *kept, size_t kept_count, int64_t *count, sl_err *err);

/* A run of a final occurrence that ended before that time; an occurrence has a row for each of its runs, one with run 0 where
 * it has none. */
typedef struct sl_old_run {
    int64_t occurrence, run;
    const char *log; /* NULL; borrowed until the next call on the store */
} sl_old_run;

/* Those that may be forgotten, oldest due time first: never the newest of a schedule and kind, nor one with an open batch or a
 * write that is not settled. 1 and *out is filled, 0 at the end, -1. */
int sl_occurrences_old_first(sl_store *st, int64_t before_ms, sl_old_run *out, sl_err *err);
int sl_occurrences_old_next(sl_store *st, sl_old_run *out, sl_err *err);

/* Forgets final occurrences and the rows of their runs; what is open or gone is left out. */
int sl_occurrences_forget(sl_store *st, const int64_t *ids, size_t id_count, int64_t *count, sl_err *err);

#endif
