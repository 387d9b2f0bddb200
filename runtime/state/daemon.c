/* Ids are never given twice, so that one that is dead stays dead. */
#include "state/daemon.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "state/schedule_in.h"

struct sl_daemon {
    sl_store *st; /* NULL once the store is closed */
    int64_t id;
    sl_lock lock;
};

int64_t sl_daemon_id(const sl_daemon *d) {
    return d->id;
}

int sl_daemon_alive(sl_store *st, int64_t id, sl_err *err) {
    return sl_lock_held(st->lock_path, SL_LOCK_DAEMONS + id, err);
}

/* ---- start ---- */

/* Ids of rows behind the newest ones that are kept; their number, or -1. */
static int old_ones(sl_store *st, int64_t *ids, int most, sl_err *err) {
    sl_val args[] = {sl_val_int(most), sl_val_int(SL_DAEMONS_KEPT)};
    int count = 0;
    int rc = sl_sql_row(st->db,
                        "SELECT id FROM daemons WHERE id NOT IN (SELECT owner FROM occurrences WHERE ended_ms IS NULL AND"
                        " owner IS NOT NULL) ORDER BY id DESC LIMIT $1 OFFSET $2",
                        args, 2, err);
    for (; rc == 1; rc = sl_sql_next(st->db, err)) ids[count++] = sl_sql_int(st->db, 0);
    return rc < 0 ? -1 : count;
}

static int forget_old(sl_store *st, sl_err *err) {
    int64_t ids[SL_DAEMONS_KEPT];
    int count = old_ones(st, ids, SL_DAEMONS_KEPT, err);
    for (int i = 0; i < count; i++) {
        sl_val args[] = {sl_val_int(ids[i])};
        int alive = sl_daemon_alive(st, ids[i], err);
        if (alive < 0) return -1;
        if (!alive && sl_sql_run(st->db, "DELETE FROM daemons WHERE id = $1", args, 1, err) < 0) return -1;
    }
    return count < 0 ? -1 : 0;
}

static int insert(sl_store *st, sl_daemon *d, const char *note, sl_err *err) {
    sl_val row[] = {sl_val_int(getpid()), sl_val_int(sl_clock_wall_ms()), sl_val_cstr(note)};
    if (sl_sql_row(st->db, "INSERT INTO daemons (pid, started_ms, note) VALUES ($1, $2, $3) RETURNING id", row, 3, err) < 0)
        return -1;
    d->id = sl_sql_int(st->db, 0);
    if (sl_sql_next(st->db, err) < 0) return -1;
    int rc = sl_lock_try(&d->lock, st->lock_path, SL_LOCK_DAEMONS + d->id, err);
    if (rc == 0) return sl_fail(err, SL_STATE, 0, "%s: the lock of a new daemon is taken", st->lock_path);
    return rc < 0 ? -1 : forget_old(st, err);
}

sl_daemon *sl_daemon_start(sl_store *st, const char *note, sl_err *err) {
    if (st->daemon) {
        sl_fail(err, SL_USAGE, 0, "this store serves schedules already, as daemon %lld", (long long)st->daemon->id);
        return NULL;
    }
    sl_daemon *d = calloc(1, sizeof *d);
    if (!d) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a daemon");
        return NULL;
    }
    d->lock = SL_LOCK_NONE;
    int rc = sl_sql_begin(st->db, SL_SQL_CHEAP, err);
    if (rc == 0) rc = sl_sql_end(st->db, insert(st, d, note, err), err);
    if (rc < 0) {
        sl_lock_drop(&d->lock);
        free(d);
        return NULL;
    }
    d->st = st;
    st->daemon = d;
    return d;
}

/* ---- the end ---- */

void sl_daemon_orphan(sl_daemon *d) {
    if (d->st) d->st->daemon = NULL;
    d->st = NULL;
    sl_lock_drop(&d->lock);
}

void sl_daemon_close(sl_daemon *d) {
    if (!d) return;
    sl_val args[] = {sl_val_int(d->id), sl_val_int(sl_clock_wall_ms())};
    if (d->st && sl_sql_begin(d->st->db, SL_SQL_CHEAP, NULL) == 0) {
        int rc = sl_sql_run(d->st->db, "UPDATE daemons SET stopped_ms = $2 WHERE id = $1", args, 2, NULL);
        sl_sql_end(d->st->db, rc, NULL);
    }
    sl_daemon_orphan(d);
    free(d);
}

/* ---- looking ---- */

static int read_row(sl_store *st, int rc, sl_daemon_row *out, sl_err *err) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *out = (sl_daemon_row){.id = sl_sql_int(db, 0), .pid = sl_sql_int(db, 1), .started_ms = sl_sql_int(db, 2)};
    out->stopped_ms = sl_sql_int(db, 3);
    out->note = sl_sql_text(db, 4);
    int alive = sl_daemon_alive(st, out->id, err);
    out->alive = alive == 1;
    return alive < 0 ? -1 : 1;
}

int sl_daemons_first(sl_store *st, sl_daemon_row *out, sl_err *err) {
    int rc = sl_sql_row(st->db, "SELECT id, pid, started_ms, stopped_ms, note FROM daemons ORDER BY id DESC", NULL, 0, err);
    return read_row(st, rc, out, err);
}

int sl_daemons_next(sl_store *st, sl_daemon_row *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out, err);
}
