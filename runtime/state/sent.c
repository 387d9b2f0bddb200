/* One row per id, in the order of ids within a sink. The mark is the number of the sweep that has last seen the id. */
#include "state/sent.h"

#include "state/store_in.h"

/* The row of the sink, made where there is none; its number and the mark of its last sweep. */
static int find(sl_store *st, sl_str sink, int64_t step, int64_t *number, int64_t *mark, sl_err *err) {
    sl_val args[] = {sl_val_str(sink), sl_val_int(step)};
    int rc = sl_sql_row(st->db,
                        "INSERT INTO sinks (name, mark) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET"
                        " mark = sinks.mark + $2 RETURNING id, mark",
                        args, 2, err);
    if (rc < 0) return -1;
    *number = sl_sql_int(st->db, 0);
    *mark = sl_sql_int(st->db, 1);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

/* The same statement for each id: $1 the sink, $2 the mark, $3 the id. */
static int each(sl_store *st, const char *sql, int64_t sink, int64_t mark, const sl_str *ids, size_t count, sl_err *err) {
    for (size_t i = 0; i < count; i++) {
        sl_val args[] = {sl_val_int(sink), sl_val_int(mark), sl_val_str(ids[i])};
        if (sl_sql_run(st->db, sql, args, 3, err) < 0) return -1;
    }
    return 0;
}

/* Losing the last moments in a power cut is fine: what was noted before a cursor's durable commit is on disk with it. */
static int change(sl_store *st, const char *sql, sl_str sink, const int64_t *mark, const sl_str *ids, size_t count,
                  sl_err *err) {
    int64_t number, last;
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = find(st, sink, 0, &number, &last, err);
    if (rc == 0) rc = each(st, sql, number, mark ? *mark : last, ids, count, err);
    return sl_sql_end(st->db, rc, err);
}

int sl_sent_add(sl_store *st, sl_str sink, const sl_str *ids, size_t count, sl_err *err) {
    return change(st, "INSERT INTO sent (sink, mark, id) VALUES ($1, $2, $3) ON CONFLICT (sink, id) DO NOTHING", sink,
                  NULL, ids, count, err);
}

int sl_sent_mark(sl_store *st, sl_str sink, int64_t mark, const sl_str *ids, size_t count, sl_err *err) {
    return change(st, "UPDATE sent SET mark = $2 WHERE sink = $1 AND id = $3", sink, &mark, ids, count, err);
}

int sl_sent_remove(sl_store *st, sl_str sink, const sl_str *ids, size_t count, sl_err *err) {
    return change(st, "DELETE FROM sent WHERE sink = $1 AND $2 >= 0 AND id = $3", sink, NULL, ids, count, err);
}

int64_t sl_sent_sweep(sl_store *st, sl_str sink, sl_err *err) {
    int64_t number, mark = 0;
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = find(st, sink, 1, &number, &mark, err);
    return sl_sql_end(st->db, rc, err) < 0 ? -1 : mark;
}

int sl_sent_count(sl_store *st, sl_str sink, int64_t mark, int64_t *all, int64_t *vanished, sl_err *err) {
    sl_val args[] = {sl_val_str(sink), sl_val_int(mark)};
    int rc = sl_sql_row(st->db,
                        "SELECT count(*), coalesce(sum(sent.mark <> $2), 0) FROM sent"
                        " JOIN sinks ON sinks.id = sent.sink WHERE sinks.name = $1",
                        args, 2, err);
    if (rc < 0) return -1;
    *all = sl_sql_int(st->db, 0);
    *vanished = sl_sql_int(st->db, 1);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

int sl_sent_vanished(sl_store *st, sl_str sink, int64_t mark, sl_str after, sl_str *id, sl_err *err) {
    sl_val args[] = {sl_val_str(sink), sl_val_int(mark), sl_val_str(after)};
    int rc = sl_sql_row(st->db,
                        "SELECT sent.id FROM sent JOIN sinks ON sinks.id = sent.sink"
                        " WHERE sinks.name = $1 AND sent.mark <> $2 AND sent.id > $3 ORDER BY sent.id LIMIT 1",
                        args, 3, err);
    if (rc == 1) *id = sl_sql_str(st->db, 0);
    return rc;
}
