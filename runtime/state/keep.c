/* Each thing in a transaction of its own: a run may be at work beside it. */
#include "state/keep.h"

#include <stdlib.h>

#include "base/clock.h"
#include "state/run.h"
#include "state/store_in.h"

/* A mark in the future is one of a clock that was wrong. */
static int claim(sl_store *st, const char *name, int64_t every_ms, sl_err *err) {
    int64_t now = sl_clock_wall_ms();
    sl_val args[] = {sl_val_cstr(name), sl_val_int(now), sl_val_int(now - every_ms)};
    return sl_sql_run(st->db,
                      "INSERT INTO chores (name, done_ms) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET done_ms = $2"
                      " WHERE chores.done_ms <= $3 OR chores.done_ms > $2",
                      args, 3, err);
}

int sl_chore_due(sl_store *st, const char *name, int64_t every_ms, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = claim(st, name, every_ms, err);
    int64_t changed = rc == 0 ? sl_sql_changes(st->db) : 0;
    return sl_sql_end(st->db, rc, err) < 0 ? -1 : changed > 0;
}

int sl_batches_forget(sl_store *st, int64_t before_ms, int64_t *count, sl_err *err) {
    sl_val args[] = {sl_val_int(before_ms)};
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = sl_sql_run(st->db, "DELETE FROM batches WHERE done_ms < $1", args, 1, err);
    *count = rc == 0 ? sl_sql_changes(st->db) : 0;
    return sl_sql_end(st->db, rc, err);
}

static bool is_kept(int64_t id, const int64_t *kept, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (kept[i] == id) return true;
    return false;
}

/* The ids of runs that are old enough, at most SL_RUNS_MAX (the ledger has no more); their number, or -1. */
static int64_t candidates(sl_store *st, int64_t before_ms, int64_t *ids, sl_err *err) {
    sl_val args[] = {sl_val_int(before_ms), sl_val_int(SL_RUNS_MAX)};
    int64_t count = 0;
    int rc = sl_sql_row(st->db,
                        "SELECT id FROM runs WHERE coalesce(finished_ms, started_ms) < $1"
                        " AND occurrence IS NULL AND id NOT IN (SELECT coalesce(run, 0) FROM batches WHERE done_ms IS NULL)"
                        " AND id NOT IN (SELECT run FROM outbox WHERE state <> 'confirmed' AND state <> 'rejected')"
                        " ORDER BY id LIMIT $2",
                        args, 2, err);
    for (; rc == 1; rc = sl_sql_next(st->db, err)) ids[count++] = sl_sql_int(st->db, 0);
    return rc < 0 ? -1 : count;
}

/* A run that is under way holds its lock, however old it is. */
static int forget_ended(sl_store *st, int64_t id, int64_t *count, sl_err *err) {
    int alive = sl_run_alive(st, id, err);
    if (alive != 0) return alive < 0 ? -1 : 0;
    sl_val args[] = {sl_val_int(id)};
    if (sl_sql_run(st->db, "DELETE FROM runs WHERE id = $1", args, 1, err) < 0) return -1;
    *count += sl_sql_changes(st->db);
    return 0;
}

int sl_runs_forget(sl_store *st, int64_t before_ms, const int64_t *kept, size_t kept_count, int64_t *count, sl_err *err) {
    *count = 0;
    int64_t *ids = malloc(SL_RUNS_MAX * sizeof *ids);
    if (!ids) return sl_fail(err, SL_INTERNAL, 0, "out of memory for the ledger");
    int rc = sl_sql_begin(st->db, SL_SQL_CHEAP, err);
    if (rc == 0) {
        int64_t found = candidates(st, before_ms, ids, err);
        rc = found < 0 ? -1 : 0;
        for (int64_t i = 0; rc == 0 && i < found; i++)
            if (!is_kept(ids[i], kept, kept_count)) rc = forget_ended(st, ids[i], count, err);
        rc = sl_sql_end(st->db, rc, err);
    }
    free(ids);
    return rc;
}

/* ---- occurrences ---- */

#define OLD                                                                                                            \
    "SELECT o.id, r.id, r.log FROM occurrences o LEFT JOIN runs r ON r.occurrence = o.id"                              \
    " WHERE o.due_ms < $1 AND o.ended_ms < $1"                                                                         \
    " AND EXISTS (SELECT 1 FROM occurrences n WHERE n.schedule = o.schedule AND n.due_ms > o.due_ms AND n.kind = o.kind)" \
    " AND NOT EXISTS (SELECT 1 FROM runs u WHERE u.occurrence = o.id"                                                  \
    "   AND (u.id IN (SELECT run FROM batches WHERE done_ms IS NULL AND run IS NOT NULL)"                              \
    "     OR u.id IN (SELECT run FROM outbox WHERE state <> 'confirmed' AND state <> 'rejected')))"                    \
    " ORDER BY o.due_ms, o.id"

static int read_old(sl_store *st, int rc, sl_old_run *out) {
    if (rc != 1) return rc;
    *out = (sl_old_run){.occurrence = sl_sql_int(st->db, 0), .run = sl_sql_int(st->db, 1)};
    out->log = sl_sql_null(st->db, 2) ? NULL : sl_sql_str(st->db, 2).ptr;
    return 1;
}

int sl_occurrences_old_first(sl_store *st, int64_t before_ms, sl_old_run *out, sl_err *err) {
    sl_val args[] = {sl_val_int(before_ms)};
    return read_old(st, sl_sql_row(st->db, OLD, args, 1, err), out);
}

int sl_occurrences_old_next(sl_store *st, sl_old_run *out, sl_err *err) {
    return read_old(st, sl_sql_next(st->db, err), out);
}

static int forget_one(sl_store *st, int64_t id, int64_t *count, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    if (sl_sql_run(st->db, "DELETE FROM occurrences WHERE id = $1 AND ended_ms IS NOT NULL", args, 1, err) < 0) return -1;
    if (sl_sql_changes(st->db) == 0) return 0;
    *count += 1;
    return sl_sql_run(st->db, "DELETE FROM runs WHERE occurrence = $1", args, 1, err);
}

int sl_occurrences_forget(sl_store *st, const int64_t *ids, size_t id_count, int64_t *count, sl_err *err) {
    *count = 0;
    int rc = sl_sql_begin(st->db, SL_SQL_CHEAP, err);
    if (rc < 0) return -1;
    for (size_t i = 0; rc == 0 && i < id_count; i++) rc = forget_one(st, ids[i], count, err);
    return sl_sql_end(st->db, rc, err);
}
