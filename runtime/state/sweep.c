/* Removing rows by generation, which the tree is not sorted by: a walk over all rows of the cursor in windows, each a
 * transaction of its own, so that memory is flat and other processes get their turn. Dying in the middle does no harm. */
#include <stdlib.h>

#include "state/cursor_in.h"

#define WINDOW 20000

typedef struct place {
    char *text[3]; /* modified, id, digest */
    size_t len[3];
    int64_t generation;
} place;

static void place_clear(place *p) {
    for (int i = 0; i < 3; i++) free(p->text[i]);
    *p = (place){{NULL, NULL, NULL}, {0, 0, 0}, 0};
}

static void place_bind(const place *p, sl_val out[4]) {
    for (int i = 0; i < 3; i++) out[i] = sl_val_str(sl_str_make(p->text[i] ? p->text[i] : "", p->len[i]));
    out[3] = sl_val_int(p->generation);
}

/* The end of the window behind `from`: 1, 0 where fewer rows are left, -1. */
static int window_end(sl_cursor *c, const place *from, place *to, sl_err *err) {
    sl_sql *db = c->st->db;
    sl_val args[6] = {sl_val_int(c->id)};
    place_bind(from, args + 1);
    args[5] = sl_val_int(WINDOW - 1);
    int rc = sl_sql_row(db,
                        "SELECT modified, id, digest, generation FROM seen WHERE cursor = $1"
                        " AND (modified, id, digest, generation) > ($2, $3, $4, $5)"
                        " ORDER BY modified, id, digest, generation LIMIT 1 OFFSET $6",
                        args, 6, err);
    for (int i = 0; rc == 1 && i < 3; i++) {
        sl_str text = sl_sql_str(db, i);
        to->len[i] = text.len;
        to->text[i] = sl_str_dup(text);
        if (!to->text[i]) rc = sl_fail(err, SL_INTERNAL, 0, "out of memory for a cursor");
    }
    if (rc == 1) to->generation = sl_sql_int(db, 3);
    return rc == 1 && sl_sql_next(db, err) < 0 ? -1 : rc;
}

static int remove_window(sl_cursor *c, const place *from, const place *to, const int64_t generations[2],
                         sl_err *err) {
    sl_val args[11] = {sl_val_int(c->id), sl_val_int(generations[0]), sl_val_int(generations[1])};
    place_bind(from, args + 3);
    if (!to)
        return sl_sql_run(c->st->db,
                          "DELETE FROM seen WHERE cursor = $1 AND generation BETWEEN $2 AND $3"
                          " AND (modified, id, digest, generation) > ($4, $5, $6, $7)",
                          args, 7, err);
    place_bind(to, args + 7);
    return sl_sql_run(c->st->db,
                      "DELETE FROM seen WHERE cursor = $1 AND generation BETWEEN $2 AND $3"
                      " AND (modified, id, digest, generation) > ($4, $5, $6, $7)"
                      " AND (modified, id, digest, generation) <= ($8, $9, $10, $11)",
                      args, 11, err);
}

/* 1 and *from moved, 0 at the end, -1. What goes of committed rows is counted in the same transaction. */
static int sweep_window(sl_cursor *c, place *from, const int64_t generations[2], sl_err *err) {
    place to = {{NULL, NULL, NULL}, {0, 0, 0}, 0};
    if (sl_sql_begin(c->st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int more = window_end(c, from, &to, err);
    int rc = more < 0 ? -1 : remove_window(c, from, more ? &to : NULL, generations, err);
    int64_t gone = rc == 0 && generations[0] <= c->generation ? sl_sql_changes(c->st->db) : 0;
    sl_val count[] = {sl_val_int(c->id), sl_val_int(c->committed_rows - gone)};
    if (gone > 0) rc = sl_sql_run(c->st->db, "UPDATE cursors SET seen = $2 WHERE id = $1", count, 2, err);
    rc = sl_sql_end(c->st->db, rc, err);
    if (rc == 0) c->committed_rows -= gone;
    place_clear(from);
    *from = to;
    return rc < 0 ? -1 : more;
}

int sl_seen_sweep(sl_cursor *c, int64_t first, int64_t last, sl_err *err) {
    place from = {{NULL, NULL, NULL}, {0, 0, 0}, -1};
    const int64_t generations[2] = {first, last};
    int rc;
    do rc = sweep_window(c, &from, generations, err);
    while (rc == 1);
    place_clear(&from);
    return rc;
}
