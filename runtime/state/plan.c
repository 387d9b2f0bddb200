/* The version is checked and raised by one statement, and the unique index keeps a due time from a second row even where
 * somebody decides without asking. */
#include "state/plan.h"

#include <string.h>

#include "base/clock.h"
#include "state/schedule_in.h"

int sl_plan_begin(sl_store *st, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    if (sl_schedule_newest(st, &st->newest_version, err) == 0) return 0;
    return sl_plan_end(st, -1, err);
}

int sl_plan_end(sl_store *st, int rc, sl_err *err) {
    st->newest_version = -1;
    return sl_sql_end(st->db, rc, err);
}

int sl_plan_schedule(sl_store *st, const sl_schedule_change *change, int64_t *version, sl_err *err) {
    return sl_schedule_write(st, change, version, err);
}

#define INSERT                                                                                                         \
    "INSERT INTO occurrences (schedule, due_ms, until_ms, count, kind, state, reason, note, start_ms, attempt, owner,"  \
    " fence, made_ms, ended_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"                  \
    " ON CONFLICT DO NOTHING"

int sl_plan_row(sl_store *st, sl_str schedule, int64_t daemon, const sl_occurrence_new *row, int64_t *id, sl_err *err) {
    bool waits = strcmp(row->state, "waiting") == 0;
    int64_t now = sl_clock_wall_ms();
    sl_assert(waits || (sl_occurrence_is_final(row->state) && strcmp(row->state, "ran") != 0));
    sl_val args[] = {sl_val_str(schedule),
                     sl_val_int(row->due_ms),
                     sl_val_time(row->until_ms),
                     sl_val_int(row->count),
                     sl_val_cstr(row->kind),
                     sl_val_cstr(row->state),
                     sl_val_cstr(row->reason),
                     sl_val_cstr(row->note),
                     sl_val_time(row->start_ms),
                     sl_val_int(row->attempt),
                     waits ? sl_val_int(daemon) : sl_val_cstr(NULL),
                     sl_val_int(waits),
                     sl_val_int(now),
                     waits ? sl_val_cstr(NULL) : sl_val_int(now)};
    if (sl_sql_run(st->db, INSERT, args, 14, err) < 0) return -1;
    if (sl_sql_changes(st->db) == 0) return 0;
    *id = sl_sql_last_id(st->db);
    return 1;
}

#define END                                                                                                            \
    "UPDATE occurrences SET state = $3, outcome = $4, reason = $5, note = $6, until_ms = coalesce($7, until_ms),"      \
    " count = iif($8 > 0, $8, count), ended_ms = $9"                                                                   \
    " WHERE id = $1 AND schedule = $2 AND state <> 'running' AND state <> 'ran'"

int sl_plan_end_row(sl_store *st, sl_str schedule, const sl_occurrence_fate *fate, sl_err *err) {
    sl_assert(sl_occurrence_is_final(fate->state));
    sl_val args[] = {sl_val_int(fate->id),
                     sl_val_str(schedule),
                     sl_val_cstr(fate->state),
                     sl_val_cstr(fate->outcome),
                     sl_val_cstr(fate->reason),
                     sl_val_cstr(fate->note),
                     sl_val_time(fate->until_ms),
                     sl_val_int(fate->count),
                     sl_val_int(sl_clock_wall_ms())};
    if (sl_sql_run(st->db, END, args, 9, err) < 0) return -1;
    if (sl_sql_changes(st->db) == 1) return 0;
    return sl_fail(err, SL_INTERNAL, 0, "occurrence %lld of '%.*s' runs, ran or is not there: a plan can't end it",
                   (long long)fate->id, (int)(schedule.len > 100 ? 100 : schedule.len), schedule.ptr);
}
