/* One statement for every change, so that the version can't be forgotten. */
#include "state/schedule.h"

#include "base/clock.h"
#include "state/schedule_in.h"

#define COLUMNS                                                                                                        \
    "SELECT name, version, spec, seen_ms, failures, paused_ms, paused_until_ms, pause_note, paused_by, stalled,"       \
    " stalled_ms, told FROM schedules"

/* ---- reading ---- */

static int read_row(sl_store *st, int rc, sl_schedule *out) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *out = (sl_schedule){.version = sl_sql_int(db, 1), .failures = sl_sql_int(db, 4), .seen_ms = sl_sql_int(db, 3)};
    out->name = sl_sql_str(db, 0).ptr;
    out->spec = sl_sql_str(db, 2).ptr;
    out->paused_ms = sl_sql_time(db, 5);
    out->paused_until_ms = sl_sql_time(db, 6);
    out->pause_note = sl_sql_text(db, 7);
    out->paused_by = sl_sql_text(db, 8);
    out->stalled = sl_sql_text(db, 9);
    out->stalled_ms = sl_sql_time(db, 10);
    out->told = sl_sql_text(db, 11);
    return 1;
}

int sl_schedules_first(sl_store *st, int64_t after_version, sl_schedule *out, sl_err *err) {
    sl_val args[] = {sl_val_int(after_version)};
    return read_row(st, sl_sql_row(st->db, COLUMNS " WHERE version > $1 ORDER BY version", args, 1, err), out);
}

int sl_schedules_next(sl_store *st, sl_schedule *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out);
}

int sl_schedule_get(sl_store *st, sl_str name, sl_schedule *out, sl_err *err) {
    sl_val args[] = {sl_val_str(name)};
    return read_row(st, sl_sql_row(st->db, COLUMNS " WHERE name = $1", args, 1, err), out);
}

int64_t sl_store_changes(sl_store *st, sl_err *err) {
    if (sl_sql_row(st->db, "PRAGMA data_version", NULL, 0, err) < 0) return -1;
    int64_t number = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : number;
}

/* ---- changing ---- */

sl_schedule_change sl_schedule_touch(sl_str name) {
    return (sl_schedule_change){.name = name, .version = -1, .seen_ms = SL_TIME_NONE, .failures = -1,
                                .paused_ms = SL_TIME_NONE, .paused_until_ms = SL_TIME_NONE, .stalled_ms = SL_TIME_NONE};
}

int sl_schedule_newest(sl_store *st, int64_t *version, sl_err *err) {
    if (sl_sql_row(st->db, "SELECT max(version) FROM schedules", NULL, 0, err) < 0) return -1;
    *version = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

/* The transaction keeps all others from writing, so that a plan, which has thousands of them, counts by itself. */
static int next_version(sl_store *st, int64_t *version, sl_err *err) {
    *version = st->newest_version;
    if (*version < 0 && sl_schedule_newest(st, version, err) < 0) return -1;
    *version += 1;
    return 0;
}

#define UPDATE                                                                                                         \
    "UPDATE schedules SET version = $14, spec = coalesce($3, spec), seen_ms = coalesce($4, seen_ms),"     \
    " failures = coalesce($5, failures), paused_ms = iif($6 & 1, $7, paused_ms),"                                      \
    " paused_until_ms = iif($6 & 2, $8, paused_until_ms), pause_note = iif($6 & 4, $9, pause_note),"                   \
    " paused_by = iif($6 & 8, $10, paused_by), stalled = iif($6 & 16, $11, stalled),"                                  \
    " stalled_ms = iif($6 & 32, $12, stalled_ms), told = iif($6 & 64, $13, told)"                                      \
    " WHERE name = $1 AND ($2 < 0 OR version = $2)"
#define INSERT                                                                                                         \
    "INSERT INTO schedules (name, version, spec, seen_ms, failures, paused_ms, paused_until_ms, pause_note, paused_by," \
    " stalled, stalled_ms, told) SELECT $1, $14, $3, $4, coalesce($5, 0), $7, $8, $9, $10, $11, $12, $13" \
    " WHERE $2 = 0 AND $6 >= 0 ON CONFLICT DO NOTHING"

int sl_schedule_write(sl_store *st, const sl_schedule_change *c, int64_t *version, sl_err *err) {
    sl_assert(c->version != 0 || (c->spec && c->seen_ms != SL_TIME_NONE));
    int64_t next;
    if (next_version(st, &next, err) < 0) return -1;
    sl_val args[] = {sl_val_str(c->name),
                     sl_val_int(c->version),
                     sl_val_cstr(c->spec),
                     sl_val_time(c->seen_ms),
                     c->failures < 0 ? sl_val_cstr(NULL) : sl_val_int(c->failures),
                     sl_val_int(c->set),
                     sl_val_time(c->paused_ms),
                     sl_val_time(c->paused_until_ms),
                     sl_val_cstr(c->pause_note),
                     sl_val_cstr(c->paused_by),
                     sl_val_cstr(c->stalled),
                     sl_val_time(c->stalled_ms),
                     sl_val_cstr(c->told),
                     sl_val_int(next)};
    if (sl_sql_run(st->db, c->version == 0 ? INSERT : UPDATE, args, 14, err) < 0) return -1;
    if (sl_sql_changes(st->db) == 0) return 0;
    if (st->newest_version >= 0) st->newest_version = next;
    *version = next;
    return 1;
}

int sl_schedule_unknown(sl_str name, sl_err *err) {
    sl_fail(err, SL_NOT_FOUND, 0, "the store knows no schedule '%.*s'", (int)(name.len > 100 ? 100 : name.len), name.ptr);
    return sl_hint(err, "`sluice serve` takes the schedules of the config up when it starts; `sluice schedule list` has them");
}

int sl_schedule_bump(sl_store *st, sl_str name, int64_t *version, sl_err *err) {
    sl_schedule_change change = sl_schedule_touch(name);
    int rc = sl_schedule_write(st, &change, version, err);
    if (rc == 0) sl_schedule_unknown(name, err);
    return rc == 1 ? 0 : -1;
}

/* ---- pauses ---- */

/* One that is over has another beginning than the next. */
static int put_pause(sl_store *st, sl_schedule_change *c, int64_t *version, sl_err *err) {
    sl_schedule old;
    int64_t now = sl_clock_wall_ms();
    int rc = sl_schedule_get(st, c->name, &old, err);
    if (rc <= 0) return rc < 0 ? -1 : sl_schedule_unknown(c->name, err);
    bool is_on = old.paused_ms != SL_TIME_NONE && (old.paused_until_ms == SL_TIME_NONE || old.paused_until_ms >= now);
    c->paused_ms = is_on ? old.paused_ms : now;
    c->set = SL_SET_PAUSED | SL_SET_PAUSED_UNTIL | SL_SET_PAUSE_NOTE | SL_SET_PAUSED_BY;
    return sl_schedule_write(st, c, version, err) < 0 ? -1 : 0;
}

int sl_schedule_pause(sl_store *st, sl_str name, int64_t until_ms, const char *note, const char *by, int64_t *version,
                      sl_err *err) {
    sl_schedule_change c = sl_schedule_touch(name);
    c.paused_until_ms = until_ms;
    c.pause_note = note;
    c.paused_by = by;
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    return sl_sql_end(st->db, put_pause(st, &c, version, err), err);
}

/* The last moment of the pause lies before this one, so that what is due now is due again. */
static int end_pause(sl_store *st, sl_str name, int64_t *version, sl_err *err) {
    sl_schedule old;
    sl_schedule_change c = sl_schedule_touch(name);
    int64_t last = sl_clock_wall_ms() - 1;
    int rc = sl_schedule_get(st, name, &old, err);
    if (rc <= 0) return rc < 0 ? -1 : sl_schedule_unknown(name, err);
    c.failures = 0;
    if (old.paused_ms != SL_TIME_NONE && (old.paused_until_ms == SL_TIME_NONE || old.paused_until_ms > last)) {
        c.set = SL_SET_PAUSED_UNTIL;
        c.paused_until_ms = last;
    }
    return sl_schedule_write(st, &c, version, err) < 0 ? -1 : 0;
}

int sl_schedule_resume(sl_store *st, sl_str name, int64_t *version, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    return sl_sql_end(st->db, end_pause(st, name, version, err), err);
}
