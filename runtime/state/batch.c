/* One row per batch; an index over the open ones keeps looking for them cheap. */
#include "state/batch.h"

#include "base/clock.h"
#include "state/store_in.h"

static int insert(sl_store *st, const sl_batch *b, int64_t *id, sl_err *err) {
    sl_val row[] = {sl_val_int(b->run),       sl_val_cstr(b->api),           sl_val_cstr(b->account),
                    sl_val_cstr(b->resource), sl_val_cstr(b->batch),         sl_val_int(b->records),
                    sl_val_cstr(b->detail),   sl_val_int(sl_clock_wall_ms())};
    if (sl_sql_row(
            st->db,
            "INSERT INTO batches (run, api, account, resource, batch, records, detail, put_ms)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (api, account, resource, batch) DO UPDATE SET"
            " run = excluded.run, records = excluded.records, detail = excluded.detail, put_ms = excluded.put_ms,"
            " done_ms = NULL, verdict = NULL RETURNING id",
            row, 8, err) < 0)
        return -1;
    *id = sl_sql_int(st->db, 0);
    if (sl_sql_next(st->db, err) < 0) return -1;
    sl_val old[] = {sl_val_int(*id - SL_BATCHES_MAX)};
    if (*id <= SL_BATCHES_MAX) return 0;
    return sl_sql_run(st->db, "DELETE FROM batches WHERE id <= $1 AND done_ms IS NOT NULL", old, 1, err);
}

int sl_batch_put(sl_store *st, const sl_batch *batch, int64_t *id, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    return sl_sql_end(st->db, insert(st, batch, id, err), err);
}

static int finish(sl_store *st, int64_t id, const char *verdict, sl_err *err) {
    sl_val args[] = {sl_val_int(id), sl_val_int(sl_clock_wall_ms()), sl_val_cstr(verdict)};
    if (sl_sql_run(st->db, "UPDATE batches SET done_ms = $2, verdict = $3 WHERE id = $1", args, 3, err) < 0)
        return -1;
    if (sl_sql_changes(st->db) == 1) return 0;
    return sl_fail(err, SL_NOT_FOUND, 0, "there is no batch %lld in %s", (long long)id, st->path);
}

int sl_batch_done(sl_store *st, int64_t id, const char *verdict, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1; /* lost in a power cut, it is polled once more */
    return sl_sql_end(st->db, finish(st, id, verdict, err), err);
}

static int read_row(sl_store *st, int rc, sl_batch *out) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *out = (sl_batch){.id = sl_sql_int(db, 0), .run = sl_sql_int(db, 1), .records = sl_sql_int(db, 2)};
    out->put_ms = sl_sql_int(db, 3);
    out->api = sl_sql_str(db, 4).ptr;
    out->account = sl_sql_str(db, 5).ptr;
    out->resource = sl_sql_str(db, 6).ptr;
    out->batch = sl_sql_str(db, 7).ptr;
    out->detail = sl_sql_str(db, 8).ptr;
    return 1;
}

int sl_batches_first(sl_store *st, const sl_batch *filter, sl_batch *out, sl_err *err) {
    sl_val args[] = {sl_val_cstr(filter->api), sl_val_cstr(filter->account), sl_val_cstr(filter->resource)};
    int rc = sl_sql_row(st->db,
                        "SELECT id, run, records, put_ms, api, account, resource, batch, detail FROM batches"
                        " WHERE done_ms IS NULL AND ($1 IS NULL OR api = $1) AND ($2 IS NULL OR account = $2)"
                        " AND ($3 IS NULL OR resource = $3) ORDER BY id",
                        args, 3, err);
    return read_row(st, rc, out);
}

int sl_batches_next(sl_store *st, sl_batch *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out);
}
