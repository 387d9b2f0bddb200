/* What may start is counted inside the transaction that starts it, over all daemons of the store. */
#include "state/attempt.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "state/daemon.h"
#include "state/run_in.h"
#include "state/schedule_in.h"

#define USES_MAX 4000

/* ---- claims ---- */

/* The row's owner, where it is open: 1, 0, -1. */
static int owner_of(sl_store *st, int64_t id, int64_t *owner, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    int rc = sl_sql_row(st->db, "SELECT owner FROM occurrences WHERE id = $1 AND ended_ms IS NULL", args, 1, err);
    if (rc != 1) return rc;
    *owner = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 1;
}

/* A daemon that is dead stays dead: its id is not given again. */
static int claim(sl_store *st, int64_t daemon, int64_t id, int64_t *fence, sl_err *err) {
    int64_t owner;
    int rc = owner_of(st, id, &owner, err);
    if (rc != 1) return rc;
    int alive = owner && owner != daemon ? sl_daemon_alive(st, owner, err) : 0;
    if (alive != 0) return alive < 0 ? -1 : 0;
    sl_val args[] = {sl_val_int(id), sl_val_int(daemon)};
    rc = sl_sql_row(st->db, "UPDATE occurrences SET owner = $2, fence = fence + 1 WHERE id = $1 RETURNING fence", args, 2, err);
    if (rc != 1) return rc;
    *fence = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 1;
}

int sl_occurrence_claim(sl_store *st, int64_t daemon, int64_t id, int64_t *fence, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = claim(st, daemon, id, fence, err);
    return sl_sql_end(st->db, rc < 0 ? -1 : 0, err) < 0 ? -1 : rc;
}

/* ---- start: whether it may ---- */

/* What is known of the row that is to start; the name is a copy. */
typedef struct target {
    sl_buf schedule;
    int64_t batch, attempt;
} target;

static sl_start_result check_claim(sl_store *st, const sl_start *s, target *t, sl_err *err) {
    sl_val args[] = {sl_val_int(s->id), sl_val_int(s->daemon), sl_val_int(s->fence)};
    int rc = sl_sql_row(st->db,
                        "SELECT schedule, batch, attempt, cancel FROM occurrences"
                        " WHERE id = $1 AND owner = $2 AND fence = $3 AND state = 'waiting'",
                        args, 3, err);
    if (rc != 1) return rc < 0 ? SL_START_FAILED : SL_START_GONE;
    t->batch = sl_sql_int(st->db, 1);
    t->attempt = sl_sql_int(st->db, 2) + 1;
    if (sl_sql_int(st->db, 3)) return SL_START_CANCELLED;
    return sl_buf_put_str(&t->schedule, sl_sql_str(st->db, 0), err) < 0 ? SL_START_FAILED : SL_START_DONE;
}

/* 1: one more may run, 0, -1. */
static int has_room(sl_store *st, const char *sql, const sl_val *args, int count, int64_t most, sl_err *err) {
    if (most < 0) return 1;
    if (sl_sql_row(st->db, sql, args, count, err) < 0) return -1;
    bool room = sl_sql_int(st->db, 0) < most;
    return sl_sql_next(st->db, err) < 0 ? -1 : room;
}

static int uses_have_room(sl_store *st, const sl_start *s, sl_err *err) {
    int rc = 1;
    for (size_t i = 0; rc == 1 && i < s->use_count; i++) {
        sl_val args[] = {sl_val_cstr(s->uses[i].name)};
        rc = has_room(st,
                      "SELECT count(*) FROM occurrences WHERE state = 'running'"
                      " AND instr(uses, char(10) || $1 || char(10)) > 0",
                      args, 1, s->uses[i].most, err);
    }
    return rc;
}

static sl_start_result check_room(sl_store *st, const sl_start *s, const target *t, sl_err *err) {
    sl_val args[] = {sl_val_int(t->batch)};
    int rc = has_room(st, "SELECT count(*) FROM occurrences WHERE state = 'running'", NULL, 0, s->most, err);
    if (rc == 1 && t->batch)
        rc = has_room(st, "SELECT count(*) FROM occurrences WHERE state = 'running' AND batch = $1", args, 1, s->parallel, err);
    if (rc == 1) rc = uses_have_room(st, s, err);
    return rc == 1 ? SL_START_DONE : rc == 0 ? SL_START_FULL : SL_START_FAILED;
}

/* ---- start: the rows ---- */

static int put_uses(sl_buf *out, const sl_start *s, sl_err *err) {
    for (size_t i = 0; i < s->use_count; i++)
        if (sl_buf_printf(out, err, "%s%s\n", i == 0 ? "\n" : "", s->uses[i].name) < 0) return -1;
    return 0;
}

static int mark_running(sl_store *st, const sl_start *s, const target *t, int64_t run, sl_err *err) {
    sl_buf uses;
    sl_buf_init(&uses, USES_MAX);
    int rc = put_uses(&uses, s, err);
    sl_val args[] = {sl_val_int(s->id), sl_val_int(run), sl_val_int(t->attempt), sl_val_int(sl_clock_wall_ms()),
                     s->use_count > 0 ? sl_val_str(sl_buf_str(&uses)) : sl_val_cstr(NULL)};
    if (rc == 0)
        rc = sl_sql_run(st->db,
                        "UPDATE occurrences SET state = 'running', run = $2, attempt = $3, uses = $5, start_ms = NULL,"
                        " started_ms = coalesce(started_ms, $4) WHERE id = $1",
                        args, 5, err);
    sl_buf_free(&uses);
    return rc;
}

static sl_start_result make(sl_store *st, const sl_start *s, target *t, sl_started *out, sl_err *err) {
    sl_schedule_change touch = sl_schedule_touch(sl_buf_str(&t->schedule));
    touch.version = s->version;
    int rc = sl_schedule_write(st, &touch, &out->version, err);
    if (rc != 1) return rc < 0 ? SL_START_FAILED : SL_START_CHANGED;
    sl_run_new run = {.recipe = s->recipe, .args = s->args, .occurrence = s->id, .attempt = t->attempt,
                      .schedule = sl_buf_cstr(&t->schedule)};
    out->attempt = t->attempt;
    if (sl_run_make(st, &run, &out->run, &out->lock, err) < 0) return SL_START_FAILED;
    return mark_running(st, s, t, out->run, err) < 0 ? SL_START_FAILED : SL_START_DONE;
}

static sl_start_result start(sl_store *st, const sl_start *s, sl_started *out, sl_err *err) {
    target t = {.attempt = 0};
    sl_buf_init(&t.schedule, USES_MAX);
    sl_start_result result = check_claim(st, s, &t, err);
    if (result == SL_START_DONE) result = check_room(st, s, &t, err);
    if (result == SL_START_DONE) result = make(st, s, &t, out, err);
    sl_buf_free(&t.schedule);
    return result;
}

sl_start_result sl_attempt_start(sl_store *st, const sl_start *s, sl_started *out, sl_err *err) {
    *out = (sl_started){.lock = SL_LOCK_NONE};
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return SL_START_FAILED;
    sl_start_result result = start(st, s, out, err);
    if (sl_sql_end(st->db, result == SL_START_DONE ? 0 : -1, err) == 0) return SL_START_DONE;
    sl_lock_drop(&out->lock);
    return result == SL_START_DONE ? SL_START_FAILED : result;
}

/* ---- the end ---- */

#define AGAIN                                                                                                          \
    "UPDATE occurrences SET state = 'waiting', start_ms = $3, attempt = attempt - $4, outcome = coalesce($5, outcome)," \
    " note = $6 WHERE id = $1 AND run = $2 AND state = 'running' RETURNING schedule"
#define OVER                                                                                                           \
    "UPDATE occurrences SET state = $3, ended_ms = $4, outcome = $5, note = $6, reason = $7"                           \
    " WHERE id = $1 AND run = $2 AND state = 'running' RETURNING schedule"

/* 1 and the schedule's name, 0 fenced off, -1. */
static int put_end(sl_store *st, const sl_end *e, sl_buf *schedule, sl_err *err) {
    bool again = e->again_ms != SL_TIME_NONE;
    sl_val args[] = {sl_val_int(e->id),
                     sl_val_int(e->run),
                     again ? sl_val_int(e->again_ms) : sl_val_cstr(e->state),
                     again ? sl_val_int(e->takes_back) : sl_val_int(sl_clock_wall_ms()),
                     again && e->takes_back ? sl_val_cstr(NULL) : sl_val_cstr(e->outcome),
                     sl_val_cstr(e->note),
                     sl_val_cstr(e->reason)};
    int rc = again ? sl_sql_row(st->db, AGAIN, args, 6, err) : sl_sql_row(st->db, OVER, args, 7, err);
    if (rc == 1 && sl_buf_put_str(schedule, sl_sql_str(st->db, 0), err) < 0) return -1;
    return rc == 1 && sl_sql_next(st->db, err) < 0 ? -1 : rc;
}

/* The schedule's row may be gone only where somebody else took it away: the end holds all the same. */
static int end_all(sl_store *st, const sl_end *e, sl_schedule_change change, int64_t *version, sl_err *err) {
    sl_buf schedule;
    sl_buf_init(&schedule, USES_MAX);
    int rc = put_end(st, e, &schedule, err);
    if (rc == 1) {
        const char *outcome = e->outcome ? e->outcome : e->takes_back ? "stopped" : NULL;
        rc = sl_run_close(st, e->run, outcome, e->exit_code, e->error, err) < 0 ? -1 : 1;
    }
    if (rc == 1) {
        change.name = sl_buf_str(&schedule);
        change.version = -1;
        if (sl_schedule_write(st, &change, version, err) < 0) rc = -1;
    }
    sl_buf_free(&schedule);
    return rc;
}

int sl_attempt_end(sl_store *st, const sl_end *e, const sl_schedule_change *change, int64_t *version, sl_err *err) {
    *version = 0;
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    int rc = end_all(st, e, *change, version, err);
    return sl_sql_end(st->db, rc < 0 ? -1 : 0, err) < 0 ? -1 : rc;
}
