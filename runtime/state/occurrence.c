/* Each shape of a list is a statement of its own, so that each is answered by the index that was made for it. */
#include "state/occurrence.h"

#include <string.h>

#include "state/daemon.h"
#include "state/run.h"
#include "state/schedule_in.h"

/* ---- words ---- */

static bool is_in(const char *text, const char *const *words) {
    while (*words && strcmp(*words, text) != 0) words++;
    return *words != NULL;
}

bool sl_occurrence_is_kind(const char *text) {
    static const char *const words[] = {"timed", "manual", "backfill", NULL};
    return is_in(text, words);
}

bool sl_occurrence_is_final(const char *text) {
    static const char *const words[] = {"ran", "skipped", "coalesced", "missed", NULL};
    return is_in(text, words);
}

bool sl_occurrence_is_state(const char *text) {
    static const char *const words[] = {"waiting", "running", NULL};
    return is_in(text, words) || sl_occurrence_is_final(text);
}

bool sl_occurrence_is_outcome(const char *text) {
    static const char *const words[] = {"ok", "partial", "failed", "timed_out", "lost", "cancelled", NULL};
    return is_in(text, words);
}

bool sl_occurrence_is_reason(const char *text) {
    static const char *const words[] = {"overlap", "paused", "disabled", "catchup", "start_within", NULL};
    return is_in(text, words);
}

/* ---- one row ---- */

#define COLUMNS COLUMNS_WITH("due_ms")
#define COLUMNS_WITH(due)                                                                                              \
    "id, schedule, " due ", until_ms, count, kind, state, outcome, reason, note, start_ms, attempt, run, owner, fence," \
    " args, uses, batch, parallel, cancel, made_ms, started_ms, ended_ms"

/* Rows of one list mostly have the same owner: its lock is looked at once. */
static int owner_alive(sl_store *st, int64_t owner, sl_err *err) {
    if (owner == 0) return 0;
    if (st->owner.id != owner) {
        int alive = sl_daemon_alive(st, owner, err);
        if (alive < 0) return -1;
        st->owner.id = owner;
        st->owner.alive = alive;
    }
    return st->owner.alive;
}

static int look_alive(sl_store *st, sl_occurrence *o, sl_err *err) {
    o->open = o->ended_ms == SL_TIME_NONE;
    if (!o->open) return 1;
    int owner = owner_alive(st, o->owner, err);
    int run = owner >= 0 && strcmp(o->state, "running") == 0 ? sl_run_alive(st, o->run, err) : 0;
    o->owner_alive = owner == 1;
    o->run_alive = run == 1;
    return owner < 0 || run < 0 ? -1 : 1;
}

static int read_row(sl_store *st, int rc, sl_occurrence *o, sl_err *err) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *o = (sl_occurrence){.id = sl_sql_int(db, 0), .due_ms = sl_sql_int(db, 2), .count = sl_sql_int(db, 4)};
    o->schedule = sl_sql_str(db, 1).ptr;
    o->until_ms = sl_sql_time(db, 3);
    o->kind = sl_sql_str(db, 5).ptr;
    o->state = sl_sql_str(db, 6).ptr;
    o->outcome = sl_sql_text(db, 7);
    o->reason = sl_sql_text(db, 8);
    o->note = sl_sql_text(db, 9);
    o->start_ms = sl_sql_time(db, 10);
    o->attempt = sl_sql_int(db, 11);
    o->run = sl_sql_int(db, 12);
    o->owner = sl_sql_int(db, 13);
    o->fence = sl_sql_int(db, 14);
    o->args = sl_sql_text(db, 15);
    o->uses = sl_sql_text(db, 16);
    o->batch = sl_sql_int(db, 17);
    o->parallel = sl_sql_int(db, 18);
    o->cancel = sl_sql_int(db, 19) != 0;
    o->made_ms = sl_sql_int(db, 20);
    o->started_ms = sl_sql_time(db, 21);
    o->ended_ms = sl_sql_time(db, 22);
    return look_alive(st, o, err);
}

int sl_occurrence_get(sl_store *st, int64_t id, sl_occurrence *out, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    st->owner.id = 0;
    return read_row(st, sl_sql_row(st->db, "SELECT " COLUMNS " FROM occurrences WHERE id = $1", args, 1, err), out, err);
}

/* ---- lists ---- */

/* $1 schedule, $2 state, $3 kind, $4 batch; due in $5 to $6; behind ($7, $8) in the order; $9 rows; spans from $10 on. */
#define SELECT(which) SELECT_WITH("due_ms", which)
#define SELECT_WITH(due, which)                                                                                        \
    "SELECT " COLUMNS_WITH(due) " FROM occurrences WHERE " which                                                       \
    " AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR batch = $4)"
#define UP " AND (due_ms, id) > ($7, $8)"
#define DOWN " AND (due_ms, id) < ($7, $8)"
#define DUE " AND due_ms >= $5 AND due_ms <= $6 AND $10 IS NOT NULL"

/* "+" keeps the order's index from being used where another one has far fewer rows. */
#define NEAR_UP " AND (+due_ms, id) > ($7, $8)"
#define NEAR_DOWN " AND (+due_ms, id) < ($7, $8)"
#define EITHER " AND (+due_ms >= $5 OR until_ms >= $10) AND +due_ms <= $6"
#define SPAN " AND until_ms IS NOT NULL AND until_ms >= $10 AND +due_ms < $10 AND +due_ms <= $6"

/* Few rows, large tables without and with a beginning: each up and down. A span that reaches into the time from before is
 * found by its end. */
#define SMALL(which)                                                                                                   \
    {SELECT(which) EITHER NEAR_UP " ORDER BY +due_ms, id LIMIT $9",                                                    \
     SELECT(which) EITHER NEAR_DOWN " ORDER BY +due_ms DESC, id DESC LIMIT $9"}
#define UP_ORDER " ORDER BY due_ms, id LIMIT $9"
#define DOWN_ORDER " ORDER BY due_ms DESC, id DESC LIMIT $9"
#define LARGE(which) {SELECT(which) DUE UP UP_ORDER, SELECT(which) DUE DOWN DOWN_ORDER}
#define SPANS(which)                                                                                                   \
    {SELECT(which) DUE UP " UNION ALL " SELECT_WITH("+due_ms", which) SPAN NEAR_UP UP_ORDER,                                           \
     SELECT(which) DUE DOWN " UNION ALL " SELECT_WITH("+due_ms", which) SPAN NEAR_DOWN DOWN_ORDER}

enum { RUNNING, OPEN, OPEN_OF, BATCH, ALL, OF, ALL_SPANS, OF_SPANS };

static const char *const lists[][2] = {
    [RUNNING] = SMALL("state = 'running' AND ($1 IS NULL OR schedule = $1)"),
    [OPEN] = SMALL("ended_ms IS NULL"),
    [OPEN_OF] = SMALL("ended_ms IS NULL AND schedule = $1"),
    [BATCH] = SMALL("batch = $4 AND batch IS NOT NULL AND ($1 IS NULL OR schedule = $1)"),
    [ALL] = LARGE("1"),
    [OF] = LARGE("schedule = $1"),
    [ALL_SPANS] = SPANS("1"),
    [OF_SPANS] = SPANS("schedule = $1"),
};

static const char *list_of(const sl_occurrence_filter *f) {
    bool open = f->open || (f->state && !sl_occurrence_is_final(f->state));
    int which = ALL;
    if (f->state && strcmp(f->state, "running") == 0) which = RUNNING;
    else if (open) which = f->schedule ? OPEN_OF : OPEN;
    else if (f->batch) which = BATCH;
    else if (f->schedule) which = OF;
    if (which >= ALL && f->from_ms != SL_TIME_NONE) which += ALL_SPANS - ALL;
    return lists[which][f->newest];
}

/* The due time of the row to go on behind: 1, 0 where it is gone, -1. */
static int due_of(sl_store *st, int64_t id, int64_t *due_ms, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    int rc = sl_sql_row(st->db, "SELECT due_ms FROM occurrences WHERE id = $1", args, 1, err);
    if (rc != 1) return rc;
    *due_ms = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 1;
}

int sl_occurrences_first(sl_store *st, const sl_occurrence_filter *f, sl_occurrence *out, sl_err *err) {
    int64_t from = f->from_ms, to = f->to_ms == SL_TIME_NONE ? INT64_MAX : f->to_ms;
    int64_t due = f->newest ? INT64_MAX : INT64_MIN, id = due;
    st->owner.id = 0;
    if (f->after) {
        int rc = due_of(st, id = f->after, &due, err);
        if (rc <= 0) return rc;
        if (f->newest && due < to) to = due; /* the same once more, where an index can use it */
        if (!f->newest && due > from) from = due;
    }
    sl_val args[] = {sl_val_cstr(f->schedule), sl_val_cstr(f->state), sl_val_cstr(f->kind),
                     f->batch ? sl_val_int(f->batch) : sl_val_cstr(NULL), sl_val_int(from), sl_val_int(to),
                     sl_val_int(due), sl_val_int(id), sl_val_int(f->most > 0 ? f->most : -1), sl_val_int(f->from_ms)};
    return read_row(st, sl_sql_row(st->db, list_of(f), args, 10, err), out, err);
}

int sl_occurrences_next(sl_store *st, sl_occurrence *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out, err);
}
