/* The ledger of runs: what was started, by which process, and how it ended.
 *
 *   int64_t id;
 *   sl_run_start(st, "scripts/delta_feed.lua", "{\"to\":\"feed\"}", &id, &err);
 *   sl_run_sums sums = {.read = 41, .sent = 41};
 *   sl_run_finish(st, id, 0, NULL, &sums, &err);
 *
 *   sl_run r;                                                        // the newest first
 *   for (int rc = sl_runs_first(st, &(sl_run_filter){.most = 20}, &r, &err); rc == 1; rc = sl_runs_next(st, &r, &err)) …
 *
 * A run whose process is gone without a finish is `lost`. That is seen by a lock that the process holds, never by age.
 */
#ifndef SL_STATE_RUN_H
#define SL_STATE_RUN_H

#include <stdint.h>

#include "state/store.h"

/* How many runs by hand are kept; older ones are forgotten as new ones start. Those of schedules go with their occurrence
 * (keep.h). */
#define SL_RUNS_MAX 10000

typedef struct sl_run_sums {
    int64_t read, added, sent, unchanged, skipped, rejected, unknown, batches, requests, waited_ms, peak_bytes;
    int64_t moved;         /* cursors that it moved, -1 where it had none */
    const char *delivered; /* digest of what it delivered, NULL where that was nothing; borrowed */
    const char *outcomes;  /* requests by outcome, as JSON; NULL where there was none; borrowed */
} sl_run_sums;

typedef enum sl_run_state { SL_RUN_RUNNING, SL_RUN_FINISHED, SL_RUN_LOST } sl_run_state;

/* "running", "finished", "lost". */
const char *sl_run_state_name(sl_run_state state);

typedef struct sl_run {
    int64_t id, pid, started_ms, finished_ms; /* finished_ms 0 where it has not */
    sl_run_state state;
    int exit_code;
    const char *recipe, *args, *error; /* borrowed until the next call on the store */
    sl_run_sums sums;
    int64_t occurrence, attempt;          /* of a schedule; 0 by hand */
    const char *schedule, *outcome, *log; /* NULL where there is none; borrowed too */
    int64_t letters;                      /* see sl_run_letters(); -1 where all of them count */
} sl_run;

/* Notes the start; args is text. What it knows to be secret is masked. */
int sl_run_start(sl_store *st, const char *recipe, const char *args, int64_t *id, sl_err *err);

/* Notes the end; `error` is NULL where there was none. SL_NOT_FOUND for a run that this store did not start. */
int sl_run_finish(sl_store *st, int64_t id, int exit_code, const char *error, const sl_run_sums *sums, sl_err *err);

/* In the daemon that started its process: which one it is, and where its log is (NULL: as it was). */
int sl_run_tell(sl_store *st, int64_t id, int64_t pid, const char *log, sl_err *err);

/* In the process that a daemon has started for a run: takes over the run's lock by the descriptor that it inherited, so that
 * sl_run_finish() is this store's to say. SL_USAGE where the descriptor is not that lock, SL_NOT_FOUND for a run that is not
 * there or has ended. Once per store. */
int sl_run_adopt(sl_store *st, int64_t id, int fd, sl_err *err);

/* Before a chunk of dead letters goes into the run's file: how many lines of it count from here on, should this process die. On
 * disk when it returns; with the number behind the chunk it is what commits it. -1: all lines count, whatever becomes of us. */
int sl_run_letters(sl_store *st, int64_t id, int64_t count, sl_err *err);

/* What to list: members that are 0 or NULL match all. */
typedef struct sl_run_filter {
    int64_t id, occurrence;
    int64_t below; /* only lower ids */
    int64_t most;  /* so many rows */
    const char *schedule;
} sl_run_filter;

/* The newest runs: 1 and *out is filled, 0 at the end, -1. */
int sl_runs_first(sl_store *st, const sl_run_filter *filter, sl_run *out, sl_err *err);
int sl_runs_next(sl_store *st, sl_run *out, sl_err *err);

/* Whether the run's process still has it: 1, 0, -1. */
int sl_run_alive(sl_store *st, int64_t id, sl_err *err);

#endif
