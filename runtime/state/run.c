/* A run's lock is taken before its row can be seen, so that nobody takes a starting run for a lost one. */
#include "state/run.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "state/run_in.h"
#include "state/schedule_in.h"

#define TEXT_MAX 65536

const char *sl_run_state_name(sl_run_state state) {
    static const char *const names[] = {"running", "finished", "lost"};
    return names[state];
}

/* A masked copy with a ceiling; what is beyond it is cut. */
static int masked(sl_buf *out, const char *text, sl_err *err) {
    sl_str s = sl_str_of(text);
    if (s.len > TEXT_MAX) s.len = TEXT_MAX;
    sl_buf_init(out, 4 * TEXT_MAX);
    if (sl_buf_put_str(out, s, err) < 0) return -1;
    sl_log_mask(out);
    return 0;
}

/* ---- start ---- */

static int forget_old(sl_store *st, int64_t id, sl_err *err) {
    sl_val args[] = {sl_val_int(id - SL_RUNS_MAX)};
    if (id <= SL_RUNS_MAX) return 0;
    return sl_sql_run(st->db, "DELETE FROM runs WHERE id <= $1 AND occurrence IS NULL", args, 1, err);
}

static int insert(sl_store *st, const sl_run_new *run, sl_str args, int64_t *id, sl_err *err) {
    bool by_hand = run->occurrence == 0;
    sl_val row[] = {sl_val_cstr(run->recipe),
                    sl_val_str(args),
                    sl_val_int(by_hand ? getpid() : 0), /* a child's, which is not there yet */
                    sl_val_int(sl_clock_wall_ms()),
                    by_hand ? sl_val_cstr(NULL) : sl_val_int(run->occurrence),
                    by_hand ? sl_val_cstr(NULL) : sl_val_int(run->attempt),
                    sl_val_cstr(run->schedule)};
    if (sl_sql_row(st->db,
                   "INSERT INTO runs (recipe, args, pid, started_ms, occurrence, attempt, schedule)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
                   row, 7, err) < 0)
        return -1;
    *id = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : forget_old(st, *id, err);
}

int sl_run_make(sl_store *st, const sl_run_new *run, int64_t *id, sl_lock *lock, sl_err *err) {
    sl_buf text;
    *lock = SL_LOCK_NONE;
    int rc = masked(&text, run->args, err);
    if (rc == 0) rc = insert(st, run, sl_buf_str(&text), id, err);
    sl_buf_free(&text);
    if (rc < 0) return -1;
    rc = sl_lock_try(lock, st->lock_path, SL_LOCK_RUNS + *id, err);
    if (rc == 0) return sl_fail(err, SL_STATE, 0, "%s: the lock of a new run is taken", st->lock_path);
    return rc < 0 ? -1 : 0;
}

int sl_run_start(sl_store *st, const char *recipe, const char *args, int64_t *id, sl_err *err) {
    if (st->run_count == SL_STORE_RUNS_MAX)
        return sl_fail(err, SL_LIMIT, 0, "more than %d runs of one process at once", SL_STORE_RUNS_MAX);
    sl_run_new run = {.recipe = recipe, .args = args};
    sl_lock *lock = &st->runs[st->run_count].lock;
    *lock = SL_LOCK_NONE;
    int rc = sl_sql_begin(st->db, SL_SQL_CHEAP, err);
    if (rc == 0) rc = sl_sql_end(st->db, sl_run_make(st, &run, id, lock, err), err);
    if (rc < 0) {
        sl_lock_drop(lock);
        return -1;
    }
    st->runs[st->run_count++].id = *id;
    return 0;
}

/* ---- a run that a daemon has started ---- */

int sl_run_tell(sl_store *st, int64_t id, int64_t pid, const char *log, sl_err *err) {
    sl_val args[] = {sl_val_int(id), sl_val_int(pid), sl_val_cstr(log)};
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = sl_sql_run(st->db, "UPDATE runs SET pid = $2, log = coalesce($3, log) WHERE id = $1", args, 3, err);
    if (rc == 0 && sl_sql_changes(st->db) != 1)
        rc = sl_fail(err, SL_NOT_FOUND, 0, "there is no run %lld", (long long)id);
    return sl_sql_end(st->db, rc, err);
}

int sl_run_letters(sl_store *st, int64_t id, int64_t count, sl_err *err) {
    sl_val args[] = {sl_val_int(id), count < 0 ? sl_val_cstr(NULL) : sl_val_int(count)};
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    int rc = sl_sql_run(st->db, "UPDATE runs SET letters = $2 WHERE id = $1", args, 2, err);
    if (rc == 0 && sl_sql_changes(st->db) != 1)
        rc = sl_fail(err, SL_NOT_FOUND, 0, "there is no run %lld", (long long)id);
    return sl_sql_end(st->db, rc, err);
}

static int put_own_pid(sl_store *st, int64_t id, sl_err *err) {
    sl_val args[] = {sl_val_int(id), sl_val_int(getpid())};
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    int rc = sl_sql_run(st->db, "UPDATE runs SET pid = $2 WHERE id = $1 AND occurrence IS NOT NULL AND finished_ms IS NULL", args,
                        2, err);
    if (rc == 0 && sl_sql_changes(st->db) != 1)
        rc = sl_fail(err, SL_NOT_FOUND, 0, "run %lld of a schedule is not there or has ended", (long long)id);
    return sl_sql_end(st->db, rc, err);
}

int sl_run_adopt(sl_store *st, int64_t id, int fd, sl_err *err) {
    if (st->adopted.lock.fd >= 0) return sl_fail(err, SL_USAGE, 0, "this store has a run of a schedule already");
    if (sl_lock_inherit(&st->adopted.lock, st->lock_path, SL_LOCK_RUNS + id, fd, err) < 0) return -1;
    if (put_own_pid(st, id, err) < 0) {
        st->adopted.lock = SL_LOCK_NONE; /* still the caller's */
        return -1;
    }
    st->adopted.id = id;
    return 0;
}

int sl_run_close(sl_store *st, int64_t id, const char *outcome, int64_t exit_code, const char *error, sl_err *err) {
    sl_buf text;
    int rc = masked(&text, error, err);
    sl_val args[] = {sl_val_int(id), sl_val_cstr(outcome), sl_val_int(sl_clock_wall_ms()),
                     exit_code < 0 ? sl_val_cstr(NULL) : sl_val_int(exit_code),
                     error ? sl_val_str(sl_buf_str(&text)) : sl_val_cstr(NULL)};
    if (rc == 0)
        rc = sl_sql_run(st->db,
                        "UPDATE runs SET outcome = $2, exit_code = coalesce(exit_code, $4), error = coalesce(error, $5),"
                        " finished_ms = coalesce(finished_ms, $3) WHERE id = $1",
                        args, 5, err);
    sl_buf_free(&text);
    return rc;
}

/* ---- finish ---- */

static int update(sl_store *st, int64_t id, int exit_code, sl_val error, const sl_run_sums *s, sl_err *err) {
    sl_val args[] = {
        sl_val_int(id),          sl_val_int(sl_clock_wall_ms()), sl_val_int(exit_code),    error,
        sl_val_int(s->read),     sl_val_int(s->added),           sl_val_int(s->sent),      sl_val_int(s->unchanged),
        sl_val_int(s->skipped),  sl_val_int(s->rejected),        sl_val_int(s->unknown),   sl_val_int(s->batches),
        sl_val_int(s->requests), sl_val_int(s->waited_ms),       sl_val_int(s->peak_bytes),
        s->moved < 0 ? sl_val_cstr(NULL) : sl_val_int(s->moved), sl_val_cstr(s->delivered), sl_val_cstr(s->outcomes)};
    return sl_sql_run(
        st->db,
        "UPDATE runs SET finished_ms = $2, exit_code = $3, error = $4, read = $5, added = $6, sent = $7,"
        " unchanged = $8, skipped = $9, rejected = $10, unknown = $11, batches = $12, requests = $13,"
        " waited_ms = $14, peak_bytes = $15, moved = $16, delivered = $17, outcomes = $18 WHERE id = $1",
        args, 18, err);
}

static int put_finish(sl_store *st, int64_t id, int exit_code, const char *error, const sl_run_sums *sums, sl_err *err) {
    sl_buf text;
    int rc = masked(&text, error, err);
    sl_val shown = error ? sl_val_str(sl_buf_str(&text)) : sl_val_cstr(NULL);
    if (rc == 0) rc = sl_sql_begin(st->db, SL_SQL_CHEAP, err);
    if (rc == 0) rc = sl_sql_end(st->db, update(st, id, exit_code, shown, sums, err), err);
    sl_buf_free(&text);
    return rc;
}

/* The process of a schedule's run keeps its lock to its own end: there is more to do after this than to write it. */
static int finish_adopted(sl_store *st, int exit_code, const char *error, const sl_run_sums *sums, sl_err *err) {
    if (put_finish(st, st->adopted.id, exit_code, error, sums, err) < 0) return -1;
    st->adopted.id = 0;
    return 0;
}

int sl_run_finish(sl_store *st, int64_t id, int exit_code, const char *error, const sl_run_sums *sums, sl_err *err) {
    int i = 0;
    if (id != 0 && id == st->adopted.id) return finish_adopted(st, exit_code, error, sums, err);
    while (i < st->run_count && st->runs[i].id != id) i++;
    if (i == st->run_count) return sl_fail(err, SL_NOT_FOUND, 0, "run %lld is not under way here", (long long)id);
    if (put_finish(st, id, exit_code, error, sums, err) < 0) return -1;
    sl_lock_drop(&st->runs[i].lock);
    st->runs[i] = st->runs[--st->run_count];
    return 0;
}

/* ---- looking ---- */

int sl_run_alive(sl_store *st, int64_t id, sl_err *err) {
    return sl_lock_held(st->lock_path, SL_LOCK_RUNS + id, err);
}

static int read_row(sl_store *st, int rc, sl_run *out, sl_err *err) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *out = (sl_run){.id = sl_sql_int(db, 0), .pid = sl_sql_int(db, 1), .started_ms = sl_sql_int(db, 2)};
    out->finished_ms = sl_sql_int(db, 3);
    out->exit_code = (int)sl_sql_int(db, 4);
    out->recipe = sl_sql_str(db, 5).ptr;
    out->args = sl_sql_str(db, 6).ptr;
    out->error = sl_sql_null(db, 7) ? NULL : sl_sql_str(db, 7).ptr;
    int64_t *const sums[] = {&out->sums.read,     &out->sums.added,     &out->sums.sent,      &out->sums.unchanged,
                             &out->sums.skipped,  &out->sums.rejected,  &out->sums.unknown,   &out->sums.batches,
                             &out->sums.requests, &out->sums.waited_ms, &out->sums.peak_bytes};
    for (int i = 0; i < 11; i++) *sums[i] = sl_sql_int(db, 8 + i);
    out->occurrence = sl_sql_int(db, 19);
    out->attempt = sl_sql_int(db, 20);
    out->schedule = sl_sql_text(db, 21);
    out->outcome = sl_sql_text(db, 22);
    out->log = sl_sql_text(db, 23);
    out->sums.moved = sl_sql_null(db, 24) ? -1 : sl_sql_int(db, 24);
    out->sums.delivered = sl_sql_text(db, 25);
    out->sums.outcomes = sl_sql_text(db, 26);
    out->letters = sl_sql_null(db, 27) ? -1 : sl_sql_int(db, 27);
    out->state = SL_RUN_FINISHED;
    if (out->finished_ms) return 1;
    int alive = sl_run_alive(st, out->id, err);
    out->state = alive ? SL_RUN_RUNNING : SL_RUN_LOST;
    return alive < 0 ? -1 : 1;
}

#define SELECT                                                                                                         \
    "SELECT id, pid, started_ms, finished_ms, exit_code, recipe, args, error, read, added, sent, unchanged, skipped,"  \
    " rejected, unknown, batches, requests, waited_ms, peak_bytes, occurrence, attempt, schedule, outcome, log, moved," \
    " delivered, outcomes, letters FROM runs WHERE "
#define PAGE " AND id < $2 AND ($3 IS NULL OR schedule = $3) ORDER BY id DESC LIMIT $4"

int sl_runs_first(sl_store *st, const sl_run_filter *f, sl_run *out, sl_err *err) {
    int64_t which = f->id ? f->id : f->occurrence;
    sl_val args[] = {sl_val_int(which), sl_val_int(f->below ? f->below : INT64_MAX), sl_val_cstr(f->schedule), sl_val_int(f->most)};
    const char *sql = SELECT "$1 = 0" PAGE;
    if (f->id) sql = SELECT "id = $1" PAGE;
    else if (f->occurrence) sql = SELECT "occurrence = $1" PAGE;
    else if (f->schedule) sql = SELECT "$1 = 0 AND schedule = $3" PAGE;
    return read_row(st, sl_sql_row(st->db, sql, args, 4, err), out, err);
}

int sl_runs_next(sl_store *st, sl_run *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out, err);
}
