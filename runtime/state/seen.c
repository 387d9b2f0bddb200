/* What was delivered, on disk: one row each, in the order of the feed. A feed asks mostly about what is newer than all
 * that is there, and that is answered from memory; the rest is one look into a tree.
 *
 * Rows are written in small cheap transactions as the run goes on, and count from the commit of the cursor's generation
 * on, which is a single row. So a commit costs the same after ten deliveries or a million. */
#include <stdlib.h>

#include "state/cursor_in.h"

#define PRUNE_STEP 20000

static bool before(sl_str a, const char *b) {
    size_t n = strlen(b), common = a.len < n ? a.len : n;
    int order = memcmp(a.ptr, b, common);
    return order ? order < 0 : a.len < n;
}

static bool after(sl_str a, const char *b) {
    return !before(a, b) && !sl_str_eq(a, sl_str_of(b));
}

int sl_seen_look(sl_cursor *c, sl_err *err) {
    sl_sql *db = c->st->db;
    sl_val args[] = {sl_val_int(c->id)};
    free(c->newest);
    c->newest = NULL;
    int rc =
        sl_sql_row(db, "SELECT modified FROM seen WHERE cursor = $1 ORDER BY modified DESC LIMIT 1", args, 1, err);
    if (rc <= 0) return rc;
    if (sl_cursor_set_text(&c->newest, sl_sql_str(db, 0), err) < 0) return -1;
    return sl_sql_next(db, err) < 0 ? -1 : 0;
}

int sl_seen_has(sl_cursor *c, const sl_delivery *d, sl_err *err) {
    if (sl_recent_has(&c->recent, d)) return 1;
    if (!c->newest || after(d->modified, c->newest)) return 0;
    sl_val args[] = {sl_val_int(c->id), sl_val_str(d->modified), sl_val_str(d->id), sl_val_str(d->digest),
                     sl_val_int(sl_cursor_first(c))};
    int rc = sl_sql_row(c->st->db,
                        "SELECT 1 FROM seen WHERE cursor = $1 AND modified = $2 AND id = $3 AND digest = $4"
                        " AND generation >= $5 LIMIT 1",
                        args, 5, err);
    if (rc == 0) c->absent = sl_recent_hash(d);
    return rc;
}

/* ---- dropping ---- */

/* The last of the first `most` rows of that generation (0: of all) with modified before `limit` (NULL: any), as values
 * to bind, `held` keeping their text. 1, 0 where there are fewer, -1. */
static int boundary(sl_cursor *c, int64_t generation, const char *limit, int64_t most, sl_val out[4], char *held[3],
                    sl_err *err) {
    sl_sql *db = c->st->db;
    sl_val args[] = {sl_val_int(c->id), sl_val_int(generation), sl_val_cstr(limit), sl_val_int(most - 1)};
    int rc = sl_sql_row(db,
                        "SELECT modified, id, digest, generation FROM seen WHERE cursor = $1"
                        " AND ($2 = 0 OR generation = $2) AND ($3 IS NULL OR modified < $3)"
                        " ORDER BY modified, id, digest, generation LIMIT 1 OFFSET $4",
                        args, 4, err);
    for (int i = 0; rc == 1 && i < 3; i++) {
        sl_str text = sl_sql_str(db, i);
        held[i] = sl_str_dup(text);
        if (!held[i]) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a cursor");
        out[i] = sl_val_str(sl_str_make(held[i], text.len));
    }
    if (rc == 1) out[3] = sl_val_int(sl_sql_int(db, 3));
    return rc == 1 && sl_sql_next(db, err) < 0 ? -1 : rc;
}

/* Inside a transaction: drops those rows, as a range of the tree; how many, or -1. */
static int64_t drop_first(sl_cursor *c, int64_t generation, const char *limit, int64_t most, sl_err *err) {
    char *held[3] = {NULL, NULL, NULL};
    sl_val args[6] = {sl_val_int(c->id), sl_val_int(generation)};
    int rc = boundary(c, generation, limit, most, args + 2, held, err);
    if (rc == 1)
        rc = sl_sql_run(c->st->db,
                        "DELETE FROM seen WHERE cursor = $1 AND ($2 = 0 OR generation = $2)"
                        " AND (modified, id, digest, generation) <= ($3, $4, $5, $6)",
                        args, 6, err);
    else if (rc == 0) {
        args[2] = sl_val_cstr(limit);
        rc = sl_sql_run(c->st->db,
                        "DELETE FROM seen WHERE cursor = $1 AND ($2 = 0 OR generation = $2)"
                        " AND ($3 IS NULL OR modified < $3)",
                        args, 3, err);
    }
    for (int i = 0; i < 3; i++) free(held[i]);
    return rc < 0 ? -1 : sl_sql_changes(c->st->db);
}

/* ---- writing ---- */

static int write_row(sl_cursor *c, const sl_delivery *d, sl_err *err) {
    sl_val args[] = {sl_val_int(c->id), sl_val_str(d->modified), sl_val_str(d->id), sl_val_str(d->digest),
                     sl_val_int(c->generation + 1)};
    if (sl_sql_run(c->st->db,
                   "INSERT INTO seen (cursor, modified, id, digest, generation) VALUES ($1, $2, $3, $4, $5)"
                   " ON CONFLICT DO NOTHING",
                   args, 5, err) < 0)
        return -1;
    c->run_rows += sl_sql_changes(c->st->db);
    if (c->newest && !after(d->modified, c->newest)) return 0;
    return sl_cursor_set_text(&c->newest, d->modified, err);
}

static int mark_dirty(sl_cursor *c, sl_err *err) {
    if (c->dirty) return 0;
    sl_val args[] = {sl_val_int(c->id)};
    return sl_sql_run(c->st->db, "UPDATE cursors SET dirty = 1 WHERE id = $1", args, 1, err);
}

int sl_seen_write(sl_cursor *c, sl_err *err) {
    if (c->recent.count == 0) return 0;
    if (mark_dirty(c, err) < 0) return -1;
    for (size_t i = 0; i < c->recent.count; i++) {
        sl_delivery d = sl_recent_at(&c->recent, i);
        if (c->keep_from && before(d.modified, c->keep_from)) continue; /* the commit would remove it again */
        if (write_row(c, &d, err) < 0) return -1;
    }
    return 0;
}

/* A run that delivers more than is remembered forgets its own oldest on the way; those of earlier runs are needed until
 * the commit. */
static int bound_run(sl_cursor *c, sl_err *err) {
    int64_t excess = c->run_rows - c->keep_max;
    if (excess <= c->keep_max / 16) return 0;
    int64_t gone = drop_first(c, c->generation + 1, NULL, excess, err);
    if (gone < 0) return -1;
    c->run_rows -= gone;
    c->forgotten += gone;
    return 0;
}

static int write_down(sl_cursor *c, sl_err *err) {
    int64_t rows = c->run_rows, forgotten = c->forgotten;
    if (sl_sql_begin(c->st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = sl_seen_write(c, err);
    if (rc == 0) rc = bound_run(c, err);
    if (sl_sql_end(c->st->db, rc, err) < 0) {
        c->run_rows = rows;
        c->forgotten = forgotten;
        return -1;
    }
    c->dirty = true;
    sl_recent_clear(&c->recent);
    return 0;
}

/* Mostly it was just asked for and not there. Room is made before, so that a failure leaves the delivery out and may be
 * repeated. */
int sl_seen_add(sl_cursor *c, const sl_delivery *d, sl_err *err) {
    bool asked = c->absent != 0 && c->absent == sl_recent_hash(d);
    int there = asked ? sl_recent_has(&c->recent, d) : sl_seen_has(c, d, err);
    if (there != 0) return there < 0 ? -1 : 0;
    if (sl_recent_full(&c->recent) && write_down(c, err) < 0) return -1;
    return sl_recent_add(&c->recent, d, err);
}

/* ---- removing ---- */

/* One transaction of forgetting, the count of the cursor with it: how many rows went, or -1. */
static int64_t prune_step(sl_cursor *c, const char *limit, int64_t most, sl_err *err) {
    sl_sql *db = c->st->db;
    if (sl_sql_begin(db, SL_SQL_CHEAP, err) < 0) return -1;
    int64_t gone = drop_first(c, 0, limit, most, err);
    sl_val count[] = {sl_val_int(c->id), sl_val_int(c->committed_rows - gone)};
    int rc = gone < 0 ? -1 : 0;
    if (gone > 0) rc = sl_sql_run(db, "UPDATE cursors SET seen = $2 WHERE id = $1", count, 2, err);
    if (sl_sql_end(db, rc, err) < 0) return -1;
    c->committed_rows -= gone;
    return gone;
}

/* In steps, so that other processes get their turn in between. */
static int64_t prune(sl_cursor *c, const char *limit, int64_t most, sl_err *err) {
    int64_t all = 0, step = PRUNE_STEP;
    while (step == PRUNE_STEP && all < most) {
        step = prune_step(c, limit, most - all < PRUNE_STEP ? most - all : PRUNE_STEP, err);
        if (step < 0) return -1;
        all += step;
    }
    return all;
}

int sl_seen_prune(sl_cursor *c, sl_err *err) {
    if (c->restarted && sl_seen_sweep(c, 0, c->generation - 1, err) < 0) return -1;
    if (c->keep_from && prune(c, c->keep_from, INT64_MAX, err) < 0) return -1;
    if (c->committed_rows <= c->keep_max) return 0;
    int64_t gone = prune(c, NULL, c->committed_rows - c->keep_max, err);
    if (gone < 0) return -1;
    c->forgotten += gone;
    return 0;
}
