/* How an occurrence runs: it is claimed, started (each attempt is a run of its own) and ended.
 *
 *   int rc = sl_occurrence_claim(st, daemon, id, &fence, &err);                      // 1 ours, 0, -1
 *   sl_start s = {.id = id, .daemon = daemon, .fence = fence, .recipe = "feed.lua", .args = "{}", .most = 8, .version = -1};
 *   if (sl_attempt_start(st, &s, &started, &err) == SL_START_DONE) …                 // start the child with started.lock
 *   sl_run_tell(st, started.run, pid, "logs/12.log", &err);
 *   rc = sl_attempt_end(st, &end, &change, &version, &err);                          // 1, 0 fenced off, -1
 *
 * The run's lock is taken before its row can be seen and is passed on to the child, so that it is free only when both the
 * daemon and the child are gone: a run whose lock is free and that has no end was lost, whatever its age.
 */
#ifndef SL_STATE_ATTEMPT_H
#define SL_STATE_ATTEMPT_H

#include "state/lock.h"
#include "state/occurrence.h"

/* Takes an open one that has no living owner, or is that daemon's: 1 and the fence, which rises each time; 0 it is another's
 * or over; -1. What is running goes on. */
int sl_occurrence_claim(sl_store *st, int64_t daemon, int64_t id, int64_t *fence, sl_err *err);

/* A connection, and how many of the running ones may use it (-1: any number). */
typedef struct sl_use {
    const char *name;
    int64_t most;
} sl_use;

typedef struct sl_start {
    int64_t id, daemon, fence;
    int64_t version;           /* of the schedule; -1: whichever it is */
    const char *recipe, *args; /* for the ledger; secrets are masked */
    int64_t most;              /* of all that run, -1: any number */
    const sl_use *uses;
    size_t use_count;
    int64_t parallel; /* of its batch, -1: any number */
} sl_start;

typedef struct sl_started {
    int64_t run, attempt, version;
    sl_lock lock; /* owned by the caller; to be left (sl_lock_leave), not dropped, once a child has it */
} sl_started;

/* SL_START_FULL: as many run as may. GONE: no longer claimed with that fence, or no longer waiting. CANCELLED: a person does
 * not want it any more. CHANGED: the schedule has another version. */
typedef enum sl_start_result {
    SL_START_FAILED = -1,
    SL_START_DONE,
    SL_START_FULL,
    SL_START_GONE,
    SL_START_CANCELLED,
    SL_START_CHANGED
} sl_start_result;

/* One durable transaction: counts what runs in the whole store, makes the run's row, and the occurrence is running. */
sl_start_result sl_attempt_start(sl_store *st, const sl_start *start, sl_started *out, sl_err *err);

typedef struct sl_end {
    int64_t id, run;
    int64_t again_ms;  /* it waits until then; SL_TIME_NONE: it is over */
    bool takes_back;   /* with again_ms: that attempt does not count */
    const char *state; /* where it is over */
    const char *outcome, *reason, *note;
    int64_t exit_code; /* for the ledger where the run did not say it; -1: not known */
    const char *error; /* the same; NULL; secrets are masked */
} sl_end;

/* The end of an attempt, durably, with what it changes in the schedule (its name and version are not looked at): 1 and the
 * schedule's new version; 0 where `run` is not the occurrence's any more: nothing is changed then; -1. */
int sl_attempt_end(sl_store *st, const sl_end *end, const sl_schedule_change *change, int64_t *version, sl_err *err);

#endif
