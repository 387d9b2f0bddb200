/* What is known of each schedule beside the config: how far its due times are decided, whether it is paused, how it fares.
 *
 *   sl_schedule s;
 *   for (int rc = sl_schedules_first(st, 0, &s, &err); rc == 1; rc = sl_schedules_next(st, &s, &err)) …
 *   if (sl_schedule_get(st, SL_STR("delta"), &s, &err) == 1 && s.paused_ms != SL_TIME_NONE) …
 *
 * `version` is another one after each change of the row or of the schedule's open occurrences: who has decided something by
 * what was there says which version that was, and is refused where it is no longer that one. One counter that only rises
 * serves all schedules, so that "what has changed since" is a range of it.
 */
#ifndef SL_STATE_SCHEDULE_H
#define SL_STATE_SCHEDULE_H

#include <stdint.h>

#include "base/str.h"
#include "state/store.h"

/* "There is none", of times that may be any number. */
#define SL_TIME_NONE INT64_MIN

typedef struct sl_schedule {
    int64_t version, failures;
    int64_t seen_ms, paused_ms, paused_until_ms, stalled_ms;                /* SL_TIME_NONE, but for seen_ms */
    const char *name, *spec, *pause_note, *paused_by, *stalled, *told;      /* borrowed until the next call on the store */
} sl_schedule;

/* Those that changed after a version (0: all), in the order of their versions: 1 and *out is filled, 0 at the end, -1. */
int sl_schedules_first(sl_store *st, int64_t after_version, sl_schedule *out, sl_err *err);
int sl_schedules_next(sl_store *st, sl_schedule *out, sl_err *err);

/* One: 1, 0 where the store does not know it, -1. */
int sl_schedule_get(sl_store *st, sl_str name, sl_schedule *out, sl_err *err);

/* Which of the members below `set` are meant; SL_TIME_NONE and NULL in them take the value away. */
enum {
    SL_SET_PAUSED = 1,
    SL_SET_PAUSED_UNTIL = 2,
    SL_SET_PAUSE_NOTE = 4,
    SL_SET_PAUSED_BY = 8,
    SL_SET_STALLED = 16,
    SL_SET_STALLED_AT = 32,
    SL_SET_TOLD = 64
};

typedef struct sl_schedule_change {
    sl_str name;
    int64_t version;  /* the one that was read; 0: it is new; -1: whichever it is */
    const char *spec; /* NULL: as it was. A new schedule needs it */
    int64_t seen_ms;  /* SL_TIME_NONE: as it was. A new schedule needs it */
    int64_t failures; /* -1: as it was */
    unsigned set;
    int64_t paused_ms, paused_until_ms, stalled_ms;
    const char *pause_note, *paused_by, *stalled, *told;
} sl_schedule_change;

/* A change of nothing, to start from: it raises the version. */
sl_schedule_change sl_schedule_touch(sl_str name);

/* Due times up to until_ms (SL_TIME_NONE: until it is resumed) get no run. A pause that is on keeps its beginning. *version
 * gets the new one. SL_NOT_FOUND where the store does not know the schedule; so for all below. */
int sl_schedule_pause(sl_store *st, sl_str name, int64_t until_ms, const char *note, const char *by, int64_t *version,
                      sl_err *err);

/* Ends the pause with this moment: its due times so far stay those of a pause, decided or not. A daemon takes the fields
 * away. Failures in a row start over. */
int sl_schedule_resume(sl_store *st, sl_str name, int64_t *version, sl_err *err);

/* A number that is another one once another connection has changed the file. -1 on failure. */
int64_t sl_store_changes(sl_store *st, sl_err *err);

#endif
