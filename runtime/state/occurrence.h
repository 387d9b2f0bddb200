/* Occurrences: the fate of each due time of a schedule, and of each run that a person asked for.
 *
 *   sl_occurrence_filter f = {.schedule = "delta", .open = true, .from_ms = SL_TIME_NONE, .to_ms = SL_TIME_NONE};
 *   sl_occurrence o;
 *   for (int rc = sl_occurrences_first(st, &f, &o, &err); rc == 1; rc = sl_occurrences_next(st, &o, &err)) …
 *
 *   waiting -> running -> ran (ok, partial, failed, timed_out, lost, cancelled)
 *      |  ^-------+  another attempt
 *      +-> skipped, coalesced, missed: rows that never run are made like that, or end so while they wait
 *
 * A row may stand for several due times, from due_ms to until_ms. An open one (waiting, running) may be claimed by a daemon;
 * whether that one is alive is seen by its lock, as is whether a run goes on. What changes rows: plan.h, attempt.h, wish.h.
 */
#ifndef SL_STATE_OCCURRENCE_H
#define SL_STATE_OCCURRENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "state/schedule.h"

typedef struct sl_occurrence {
    int64_t id, count, attempt, fence, made_ms, due_ms;
    int64_t until_ms, start_ms, started_ms, ended_ms; /* SL_TIME_NONE where there is none */
    int64_t run, owner, batch, parallel;              /* 0 where there is none */
    bool open, cancel;
    bool owner_alive; /* of an open one */
    bool run_alive;   /* of one that is running */
    const char *schedule, *kind, *state;          /* borrowed until the next call on the store, as are those below */
    const char *outcome, *reason, *note, *args;   /* NULL where there is none */
    const char *uses;                             /* names of connections, each between two line feeds; NULL for none */
} sl_occurrence;

/* Whether a text is a kind, a state, the state of a row that is over, an outcome or a reason that the store knows. */
bool sl_occurrence_is_kind(const char *text);
bool sl_occurrence_is_state(const char *text);
bool sl_occurrence_is_final(const char *text);
bool sl_occurrence_is_outcome(const char *text);
bool sl_occurrence_is_reason(const char *text);

/* One: 1, 0 where there is none, -1. */
int sl_occurrence_get(sl_store *st, int64_t id, sl_occurrence *out, sl_err *err);

/* What to list: members that are NULL, 0 or SL_TIME_NONE match all. */
typedef struct sl_occurrence_filter {
    const char *schedule, *state, *kind;
    int64_t batch;
    int64_t from_ms, to_ms; /* due then or later (or a span that comes that far); due then or earlier */
    int64_t after;          /* only rows that follow this one in the order */
    int64_t most;           /* so many rows, 0 for all */
    bool open;              /* only those that wait or run */
    bool newest;            /* newest due time first, else oldest first */
} sl_occurrence_filter;

/* Rows in the order of their due times: 1 and *out is filled, 0 at the end, -1. No other call on the store in between. */
int sl_occurrences_first(sl_store *st, const sl_occurrence_filter *filter, sl_occurrence *out, sl_err *err);
int sl_occurrences_next(sl_store *st, sl_occurrence *out, sl_err *err);

#endif
