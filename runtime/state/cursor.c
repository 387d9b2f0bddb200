/* The life of a cursor: lock, position, commit. */
#include "state/cursor.h"

#include <stdlib.h>

#include "base/clock.h"
#include "state/cursor_in.h"

#define ID_MAX 1000
#define MODIFIED_MAX 100
#define DIGEST_MAX 200
#define TEXT_MAX 4000

int sl_cursor_set_text(char **slot, sl_str text, sl_err *err) {
    if (*slot && sl_str_eq(sl_str_of(*slot), text)) return 0;
    char *copy = sl_str_dup(text);
    if (!copy) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a cursor");
    free(*slot);
    *slot = copy;
    return 0;
}

int64_t sl_cursor_first(const sl_cursor *c) {
    return c->restarted ? c->generation + 1 : c->first;
}

/* ---- opening ---- */

static int find(sl_cursor *c, const sl_val key[4], sl_err *err) {
    int rc =
        sl_sql_row(c->st->db, "SELECT id FROM cursors WHERE recipe = $1 AND name = $2 AND account = $3 AND args = $4",
                   key, 4, err);
    if (rc == 1) c->id = sl_sql_int(c->st->db, 0);
    return rc;
}

static int find_or_make(sl_cursor *c, const sl_cursor_key *k, sl_err *err) {
    sl_val key[] = {sl_val_str(k->recipe), sl_val_str(k->name), sl_val_str(k->account), sl_val_str(k->args)};
    int rc = find(c, key, err);
    if (rc != 0) return rc < 0 ? -1 : 0;
    if (sl_sql_begin(c->st->db, SL_SQL_CHEAP, err) < 0) return -1;
    rc = sl_sql_run(
        c->st->db, "INSERT INTO cursors (recipe, name, account, args) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        key, 4, err);
    if (sl_sql_end(c->st->db, rc, err) < 0) return -1;
    return find(c, key, err) == 1 ? 0 : -1;
}

static int take_lock(sl_cursor *c, const sl_cursor_key *k, sl_err *err) {
    int64_t at = SL_LOCK_CURSORS + c->id;
    int rc = sl_lock_try(&c->lock, c->st->lock_path, at, err);
    if (rc != 0) return rc < 0 ? -1 : 0;
    sl_fail(err, SL_LOCKED, 0, "cursor '%.*s' of %.*s is held by process %lld", (int)k->name.len, k->name.ptr,
            k->recipe.len > 200 ? 200 : (int)k->recipe.len, k->recipe.ptr,
            (long long)sl_lock_holder(c->st->lock_path, at));
    return sl_hint(err, "wait until that run has ended, or end it: the lock goes with its process");
}

/* Under the lock, so that nobody changes it any more. */
static int load(sl_cursor *c, sl_err *err) {
    sl_sql *db = c->st->db;
    sl_val args[] = {sl_val_int(c->id)};
    int rc = sl_sql_row(db, "SELECT position, generation, seen, dirty, first FROM cursors WHERE id = $1", args, 1, err);
    if (rc == 0) sl_fail(err, SL_STATE, 0, "a cursor was removed from %s while it was opened", c->st->path);
    if (rc != 1) return -1;
    free(c->position);
    c->position = NULL;
    if (!sl_sql_null(db, 0) && sl_cursor_set_text(&c->position, sl_sql_str(db, 0), err) < 0) return -1;
    c->generation = sl_sql_int(db, 1);
    c->committed_rows = sl_sql_int(db, 2);
    c->dirty = sl_sql_int(db, 3) != 0;
    c->first = sl_sql_int(db, 4);
    return sl_sql_next(db, err) < 0 ? -1 : 0;
}

/* The mark goes last: whoever dies in the middle leaves the rest to the next. */
static int undo(sl_cursor *c, sl_err *err) {
    sl_val args[] = {sl_val_int(c->id)};
    if (sl_seen_sweep(c, c->generation + 1, INT64_MAX, err) < 0) return -1;
    if (sl_sql_begin(c->st->db, SL_SQL_CHEAP, err) < 0) return -1;
    return sl_sql_end(c->st->db, sl_sql_run(c->st->db, "UPDATE cursors SET dirty = 0 WHERE id = $1", args, 1, err),
                      err);
}

/* Back to what was committed, on disk and in memory. */
static int clean(sl_cursor *c, sl_err *err) {
    if (c->dirty && undo(c, err) < 0) return -1;
    c->dirty = c->restarted = false;
    c->run_rows = 0;
    sl_recent_clear(&c->recent);
    free(c->next_position);
    free(c->keep_from);
    c->next_position = c->keep_from = NULL;
    return load(c, err) < 0 ? -1 : sl_seen_look(c, err);
}

static int check_key(const sl_cursor_key *k, sl_err *err) {
    if (k->name.len == 0 || k->name.len > 100)
        return sl_fail(err, SL_USAGE, 0, "the name of a cursor has 1 to 100 bytes");
    if (k->recipe.len <= TEXT_MAX && k->account.len <= TEXT_MAX && k->args.len <= TEXT_MAX) return 0;
    return sl_fail(err, SL_USAGE, 0, "the key of cursor '%.*s' has a part above %d bytes", (int)k->name.len,
                   k->name.ptr, TEXT_MAX);
}

sl_cursor *sl_cursor_open(sl_store *st, const sl_cursor_key *key, sl_err *err) {
    if (check_key(key, err) < 0) return NULL;
    sl_cursor *c = calloc(1, sizeof *c);
    if (!c) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a cursor");
        return NULL;
    }
    c->st = st;
    c->lock = SL_LOCK_NONE;
    c->keep_max = key->keep_max > 0 ? key->keep_max : SL_CURSOR_KEEP_MAX;
    c->next = st->cursors;
    st->cursors = c;
    if (find_or_make(c, key, err) == 0 && take_lock(c, key, err) == 0 && load(c, err) == 0 && clean(c, err) == 0)
        return c;
    sl_cursor_close(c);
    return NULL;
}

/* ---- closing ---- */

void sl_cursor_orphan(sl_cursor *c) {
    sl_cursor **at = &c->st->cursors;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    c->st = NULL;
    sl_lock_drop(&c->lock);
}

void sl_cursor_close(sl_cursor *c) {
    if (!c) return;
    if (c->st) sl_cursor_orphan(c);
    sl_recent_free(&c->recent);
    free(c->position);
    free(c->next_position);
    free(c->keep_from);
    free(c->newest);
    free(c);
}

static int check_open(const sl_cursor *c, sl_err *err) {
    return c->st ? 0 : sl_fail(err, SL_STATE, 0, "the store of this cursor is closed");
}

/* ---- a run ---- */

const char *sl_cursor_get(const sl_cursor *c) {
    return c->restarted ? NULL : c->position;
}

int sl_cursor_restart(sl_cursor *c, sl_err *err) {
    if (check_open(c, err) < 0 || clean(c, err) < 0) return -1;
    c->restarted = true;
    return 0;
}

static int check_delivery(const sl_cursor *c, const sl_delivery *d, sl_err *err) {
    if (check_open(c, err) < 0) return -1;
    if (d->id.len > 0 && d->id.len <= ID_MAX && d->modified.len <= MODIFIED_MAX && d->digest.len <= DIGEST_MAX)
        return 0;
    return sl_fail(err, SL_INVALID, 0,
                   "a delivery needs an id of 1 to %d bytes, modified up to %d, digest up to %d (here %zu, %zu, %zu)",
                   ID_MAX, MODIFIED_MAX, DIGEST_MAX, d->id.len, d->modified.len, d->digest.len);
}

int sl_cursor_seen(sl_cursor *c, sl_str id, sl_str modified, sl_str digest, sl_err *err) {
    sl_delivery d = {modified, id, digest};
    return check_delivery(c, &d, err) < 0 ? -1 : sl_seen_has(c, &d, err);
}

int sl_cursor_deliver(sl_cursor *c, sl_str id, sl_str modified, sl_str digest, sl_err *err) {
    sl_delivery d = {modified, id, digest};
    return check_delivery(c, &d, err) < 0 ? -1 : sl_seen_add(c, &d, err);
}

int sl_cursor_advance(sl_cursor *c, sl_str position, sl_str keep_from, sl_err *err) {
    if (check_open(c, err) < 0) return -1;
    if (position.len > TEXT_MAX || keep_from.len > MODIFIED_MAX)
        return sl_fail(err, SL_INVALID, 0, "a position has up to %d bytes, keep_from up to %d", TEXT_MAX,
                       MODIFIED_MAX);
    if (memchr(position.ptr, '\0', position.len) || memchr(keep_from.ptr, '\0', keep_from.len))
        return sl_fail(err, SL_INVALID, 0, "a position has no NUL bytes");
    if (sl_cursor_set_text(&c->next_position, position, err) < 0) return -1;
    if (keep_from.len > 0) return sl_cursor_set_text(&c->keep_from, keep_from, err);
    free(c->keep_from);
    c->keep_from = NULL;
    return 0;
}

static int write_commit(sl_cursor *c, sl_err *err) {
    if (sl_seen_write(c, err) < 0) return -1;
    const char *position = c->next_position ? c->next_position : sl_cursor_get(c);
    sl_val args[] = {sl_val_int(c->id), sl_val_cstr(position), sl_val_int(c->generation + 1),
                     sl_val_int(c->committed_rows + c->run_rows), sl_val_int(sl_clock_wall_ms()),
                     sl_val_int(sl_cursor_first(c))};
    return sl_sql_run(c->st->db,
                      "UPDATE cursors SET position = $2, generation = $3, seen = $4, committed_ms = $5, dirty = 0,"
                      " first = $6 WHERE id = $1",
                      args, 6, err);
}

/* In memory what the transaction has made true. */
static void committed(sl_cursor *c) {
    c->first = sl_cursor_first(c);
    if (c->next_position || c->restarted) {
        free(c->position);
        c->position = c->next_position;
        c->next_position = NULL;
    }
    c->generation++;
    c->committed_rows += c->run_rows;
    c->run_rows = 0;
    c->dirty = false;
    sl_recent_clear(&c->recent);
}

int sl_cursor_commit(sl_cursor *c, sl_err *err) {
    int64_t rows = c->run_rows;
    if (check_open(c, err) < 0 || sl_sql_begin(c->st->db, SL_SQL_DURABLE, err) < 0) return -1;
    if (sl_sql_end(c->st->db, write_commit(c, err), err) < 0) {
        c->run_rows = rows;
        return -1;
    }
    committed(c);
    /* From here on it is done. What can't be forgotten now is forgotten by the next commit, and does no harm till then. */
    if (sl_seen_prune(c, NULL) == 0) sl_seen_look(c, NULL);
    c->restarted = false;
    return 0;
}

int sl_cursor_rollback(sl_cursor *c, sl_err *err) {
    return check_open(c, err) < 0 ? -1 : clean(c, err);
}

int64_t sl_cursor_remembered(const sl_cursor *c) {
    return c->committed_rows + c->run_rows + (int64_t)c->recent.count;
}

int64_t sl_cursor_forgotten(const sl_cursor *c) {
    return c->forgotten;
}
