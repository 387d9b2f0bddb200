/* Wishes are rows like all others, without an owner: whichever daemon comes first claims them. */
#include "state/wish.h"

#include "base/buf.h"
#include "base/clock.h"
#include "state/schedule_in.h"

#define NAME_MAX_BYTES 4000

/* ---- a run out of turn ---- */

static int insert_run(sl_store *st, const sl_wish *wish, int64_t *id, sl_err *err) {
    int64_t version, now = sl_clock_wall_ms();
    sl_val args[] = {sl_val_str(wish->name), sl_val_int(now - now % 1000), sl_val_cstr(wish->args),
                     sl_val_cstr(wish->note), sl_val_int(now)};
    if (sl_schedule_bump(st, wish->name, &version, err) < 0) return -1;
    if (sl_sql_row(st->db,
                   "INSERT INTO occurrences (schedule, due_ms, kind, state, args, note, made_ms)"
                   " VALUES ($1, $2, 'manual', 'waiting', $3, $4, $5) RETURNING id",
                   args, 5, err) < 0)
        return -1;
    *id = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

int sl_wish_run(sl_store *st, const sl_wish *wish, int64_t *id, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    return sl_sql_end(st->db, insert_run(st, wish, id, err), err);
}

/* ---- a backfill ---- */

/* The batch's number is one more than the highest so far. */
static int next_batch(sl_store *st, int64_t *batch, sl_err *err) {
    if (sl_sql_row(st->db, "SELECT coalesce(max(batch), 0) + 1 FROM occurrences WHERE batch IS NOT NULL", NULL, 0, err) < 0)
        return -1;
    *batch = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

static int insert_time(sl_store *st, const sl_backfill *f, int64_t due_ms, int64_t batch, int64_t *count, sl_err *err) {
    sl_val args[] = {sl_val_str(f->name), sl_val_int(due_ms), sl_val_int(batch),
                     f->parallel > 0 ? sl_val_int(f->parallel) : sl_val_cstr(NULL), sl_val_cstr(f->note),
                     sl_val_int(sl_clock_wall_ms()), sl_val_int(f->again)};
    if (sl_sql_run(st->db,
                   "INSERT INTO occurrences (schedule, due_ms, batch, parallel, note, made_ms, kind, state)"
                   " SELECT $1, $2, $3, $4, $5, $6, 'backfill', 'waiting' WHERE $7 OR NOT EXISTS (SELECT 1 FROM occurrences"
                   " WHERE schedule = $1 AND due_ms = $2 AND (outcome = 'ok' OR ended_ms IS NULL)) ON CONFLICT DO NOTHING",
                   args, 7, err) < 0)
        return -1;
    *count += sl_sql_changes(st->db);
    return 0;
}

static int insert_all(sl_store *st, const sl_backfill *f, int64_t *batch, int64_t *count, sl_err *err) {
    int64_t version;
    int rc = sl_schedule_bump(st, f->name, &version, err);
    if (rc == 0) rc = next_batch(st, batch, err);
    for (size_t i = 0; rc == 0 && i < f->count; i++) rc = insert_time(st, f, f->due_ms[i], *batch, count, err);
    return rc;
}

int sl_wish_backfill(sl_store *st, const sl_backfill *f, int64_t *batch, int64_t *count, sl_err *err) {
    *batch = *count = 0;
    if (f->count > SL_BACKFILL_MAX)
        return sl_fail(err, SL_USAGE, 0, "a backfill of %zu due times: at most %d at once", f->count, SL_BACKFILL_MAX);
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    int rc = insert_all(st, f, batch, count, err);
    bool undo = f->dry || *count == 0;
    if (undo) *batch = 0;
    if (rc == 0 && undo) {
        sl_sql_end(st->db, -1, NULL);
        return 0;
    }
    return sl_sql_end(st->db, rc, err);
}

/* ---- cancelling ---- */

static int mark(sl_store *st, int64_t id, sl_buf *name, int64_t *version, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    int rc = sl_sql_row(st->db, "UPDATE occurrences SET cancel = 1 WHERE id = $1 AND ended_ms IS NULL RETURNING schedule", args,
                        1, err);
    if (rc != 1) return rc;
    if (sl_buf_put_str(name, sl_sql_str(st->db, 0), err) < 0 || sl_sql_next(st->db, err) < 0) return -1;
    return sl_schedule_bump(st, sl_buf_str(name), version, err) < 0 ? -1 : 1;
}

static int is_there(sl_store *st, int64_t id, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    int rc = sl_sql_row(st->db, "SELECT 1 FROM occurrences WHERE id = $1", args, 1, err);
    return rc == 1 && sl_sql_next(st->db, err) < 0 ? -1 : rc;
}

int sl_wish_cancel(sl_store *st, int64_t id, int64_t *version, sl_err *err) {
    sl_buf name;
    sl_buf_init(&name, NAME_MAX_BYTES);
    int rc = sl_sql_begin(st->db, SL_SQL_DURABLE, err);
    if (rc == 0) {
        rc = mark(st, id, &name, version, err);
        if (sl_sql_end(st->db, rc < 0 ? -1 : 0, err) < 0) rc = -1;
    }
    sl_buf_free(&name);
    if (rc != 0) return rc;
    rc = is_there(st, id, err);
    if (rc == 0) return sl_fail(err, SL_NOT_FOUND, 0, "there is no occurrence %lld", (long long)id);
    return rc < 0 ? -1 : 0;
}
