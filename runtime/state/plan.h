/* What a daemon has decided of due times, written in one durable transaction: of all schedules that the change's version still
 * fits, and of no other.
 *
 *   int rc = sl_plan_begin(st, &err);                            // then nothing waits until its end
 *   if (rc == 0) rc = sl_plan_schedule(st, &change, &version, &err);          // 1 done, 0 left out, -1
 *   if (rc == 1) rc = sl_plan_row(st, name, daemon, &row, &id, &err);         // 1 made, 0 it has its row, -1
 *   if (rc >= 0) rc = sl_plan_end_row(st, name, &fate, &err);
 *   return sl_plan_end(st, rc < 0 ? -1 : 0, &err);               // -1: nothing was done
 */
#ifndef SL_STATE_PLAN_H
#define SL_STATE_PLAN_H

#include "state/occurrence.h"

int sl_plan_begin(sl_store *st, sl_err *err);

/* The schedule's own row: 1 and *version is the new one; 0 where it has another version than the change says (or is there
 * already, or is not): nothing more may be done for it then; -1. */
int sl_plan_schedule(sl_store *st, const sl_schedule_change *change, int64_t *version, sl_err *err);

typedef struct sl_occurrence_new {
    int64_t due_ms, until_ms, start_ms; /* the last two SL_TIME_NONE where there is none */
    int64_t count, attempt;
    const char *kind, *state, *reason, *note;
} sl_occurrence_new;

/* A fate of the schedule. One that waits is claimed by the daemon, with the fence 1; `running` and `ran` can't be made.
 * 1 and *id; 0 where that due time of a timed one has its row already, which stays; -1. */
int sl_plan_row(sl_store *st, sl_str schedule, int64_t daemon, const sl_occurrence_new *row, int64_t *id, sl_err *err);

typedef struct sl_occurrence_fate {
    int64_t id;
    int64_t until_ms, count; /* SL_TIME_NONE, 0: as they were */
    const char *state, *outcome, *reason, *note;
} sl_occurrence_fate;

/* The end of one of the schedule's that waits, or what a row that is final and never ran says from now on. SL_INTERNAL for
 * any other: what runs or ran is ended by sl_attempt_end() alone. */
int sl_plan_end_row(sl_store *st, sl_str schedule, const sl_occurrence_fate *fate, sl_err *err);

/* Commits where rc is 0, else undoes all of it and keeps *err. */
int sl_plan_end(sl_store *st, int rc, sl_err *err);

#endif
