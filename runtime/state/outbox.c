/* One table, and a lock per row. Each step that another process may act on after our death is a durable transaction. */
#include "state/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "state/outbox_in.h"
#include "state/store_in.h"

static const char *const state_names[] = {"intended", "sent", "confirmed", "rejected", "unknown"};

const char *sl_outbox_state_name(sl_outbox_state state) {
    return state_names[state];
}

int sl_outbox_state_of(const char *name) {
    for (int i = 0; i < (int)(sizeof state_names / sizeof state_names[0]); i++)
        if (strcmp(name, state_names[i]) == 0) return i;
    return -1;
}

/* ---- the row ---- */

static int find(sl_store *st, const sl_val *key, int64_t *id, sl_err *err) {
    int rc = sl_sql_row(
        st->db,
        "SELECT id FROM outbox WHERE host = $1 AND account = $2 AND operation = $3 AND scope = $4 AND key = $5", key, 5,
        err);
    if (rc <= 0) return rc < 0 ? -1 : sl_fail(err, SL_STATE, 0, "the outbox row is not there");
    *id = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

int sl_outbox_put(sl_store *st, const sl_outbox_key *k, sl_str body, sl_str digest, int64_t run, int64_t *id, bool *is_new,
                  sl_err *err) {
    sl_val row[] = {sl_val_str(k->host),  sl_val_str(k->account), sl_val_str(k->operation),
                    sl_val_str(k->scope), sl_val_str(k->key),     sl_val_str(body),
                    sl_val_str(digest),   sl_val_int(run),        sl_val_int(sl_clock_wall_ms())};
    if (sl_sql_run(st->db,
                   "INSERT INTO outbox (host, account, operation, scope, key, state, body, digest, run, intended_ms)"
                   " VALUES ($1, $2, $3, $4, $5, 'intended', $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                   row, 9, err) < 0)
        return -1;
    *is_new = sl_sql_changes(st->db) == 1;
    if (!*is_new) return find(st, row, id, err);
    *id = sl_sql_last_id(st->db);
    return 0;
}

int sl_outbox_refresh(sl_store *st, int64_t id, sl_str body, sl_str digest, int64_t run, sl_err *err) {
    sl_val args[] = {sl_val_int(id), sl_val_str(body), sl_val_str(digest), sl_val_int(run),
                     sl_val_int(sl_clock_wall_ms())};
    return sl_sql_run(st->db,
                      "UPDATE outbox SET state = 'intended', body = $2, digest = $3, run = $4, intended_ms = $5,"
                      " settled_ms = NULL, answer = NULL, note = NULL"
                      " WHERE id = $1 AND ((state = 'rejected' AND NOT (digest = $3 AND note = '" SL_OUTBOX_BY_PERSON "'))"
                      " OR (state = 'intended' AND (digest <> $3 OR run <> $4)))",
                      args, 5, err);
}

/* ---- intents ---- */

sl_intent *sl_intent_make(sl_store *st, int64_t id, sl_err *err) {
    sl_intent *in = calloc(1, sizeof *in);
    if (!in) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for an intent");
        return NULL;
    }
    *in = (sl_intent){.st = st, .id = id, .lock = SL_LOCK_NONE, .next = st->intents};
    if (in->next) in->next->prev = in;
    st->intents = in;
    return in;
}

static int take(sl_store *st, int64_t id, sl_intent **out, sl_err *err) {
    *out = NULL;
    sl_intent *in = sl_intent_make(st, id, err);
    if (!in) return -1;
    int rc = sl_lock_try(&in->lock, st->lock_path, SL_LOCK_OUTBOX + id, err);
    if (rc <= 0) sl_intent_close(in);
    else *out = in;
    return rc;
}

int sl_intent_claim(sl_store *st, const sl_outbox_key *key, sl_str body, sl_str digest, int64_t run, sl_intent **out,
                    sl_err *err) {
    int64_t id = 0;
    bool is_new;
    *out = NULL;
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    if (sl_sql_end(st->db, sl_outbox_put(st, key, body, digest, run, &id, &is_new, err), err) < 0) return -1;
    int rc = take(st, id, out, err);
    if (rc <= 0) return rc;
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) == 0 &&
        sl_sql_end(st->db, sl_outbox_refresh(st, id, body, digest, run, err), err) == 0)
        return 1;
    sl_intent_close(*out);
    *out = NULL;
    return -1;
}

int sl_intent_claim_id(sl_store *st, int64_t id, sl_intent **out, sl_err *err) {
    sl_val args[] = {sl_val_int(id)};
    *out = NULL;
    int rc = sl_sql_row(st->db, "SELECT id FROM outbox WHERE id = $1", args, 1, err);
    if (rc == 1 && sl_sql_next(st->db, err) < 0) return -1;
    if (rc <= 0) return rc < 0 ? -1 : sl_fail(err, SL_NOT_FOUND, 0, "there is no outbox row %lld", (long long)id);
    return take(st, id, out, err);
}

static void unlink_intent(sl_intent *in) {
    if (!in->st) return;
    if (in->prev) in->prev->next = in->next;
    else in->st->intents = in->next;
    if (in->next) in->next->prev = in->prev;
    in->next = in->prev = NULL;
    in->st = NULL;
}

void sl_intent_orphan(sl_intent *in) {
    unlink_intent(in);
    sl_lock_drop(&in->lock);
    if (in->set) sl_intent_set_leave(in->set, in->id);
    in->set = NULL;
}

void sl_intent_close(sl_intent *in) {
    if (!in) return;
    sl_intent_orphan(in);
    free(in);
}

/* One statement about the row; it is durable unless nobody would act on its loss. */
static int change(sl_intent *in, sl_sql_care care, const char *sql, sl_val *args, int count, sl_err *err) {
    if (!in->st) return sl_fail(err, SL_STATE, 0, "the store of the outbox is closed");
    args[0] = sl_val_int(in->id);
    args[1] = sl_val_int(sl_clock_wall_ms());
    if (sl_sql_begin(in->st->db, care, err) < 0) return -1;
    int rc = sl_sql_run(in->st->db, sql, args, count, err);
    if (rc == 0 && sl_sql_changes(in->st->db) != 1)
        rc = sl_fail(err, SL_STATE, 0, "the outbox row %lld is gone or settled", (long long)in->id);
    return sl_sql_end(in->st->db, rc, err);
}

int sl_intent_sending(sl_intent *in, sl_err *err) {
    char boot[SL_CLOCK_BOOT_BYTES];
    sl_val args[4];
    sl_clock_boot_id(boot);
    args[2] = sl_val_int(sl_clock_mono_ms());
    args[3] = sl_val_cstr(boot);
    return change(in, SL_SQL_DURABLE,
                  "UPDATE outbox SET state = 'sent', sent_ms = $2, sent_up_ms = $3, sent_boot = $4,"
                  " attempts = attempts + 1, negatives = 0, looked_ms = NULL"
                  " WHERE id = $1 AND state IN ('intended', 'sent')",
                  args, 4, err);
}

int sl_intent_back(sl_intent *in, sl_err *err) {
    sl_val args[2];
    return change(in, SL_SQL_DURABLE,
                  "UPDATE outbox SET state = 'intended', intended_ms = $2, negatives = 0, note = NULL WHERE id = $1", args, 2,
                  err);
}

int sl_intent_settle(sl_intent *in, sl_outbox_state state, const char *answer, const char *note, sl_err *err) {
    sl_val args[5];
    args[2] = sl_val_cstr(sl_outbox_state_name(state));
    args[3] = sl_val_cstr(answer);
    args[4] = sl_val_cstr(note);
    return change(in, SL_SQL_DURABLE,
                  "UPDATE outbox SET state = $3, settled_ms = $2, answer = $4, note = $5 WHERE id = $1", args, 5, err);
}

int sl_intent_looked(sl_intent *in, bool counts, sl_err *err) {
    sl_val args[3];
    args[2] = sl_val_int(counts);
    return change(in, SL_SQL_CHEAP, "UPDATE outbox SET looked_ms = $2, negatives = negatives + $3 WHERE id = $1", args,
                  3, err);
}

/* ---- reading ---- */

#define COLUMNS                                                                                                        \
    "SELECT id, run, attempts, intended_ms, sent_ms, settled_ms, looked_ms, negatives, state, host, account, operation," \
    " key, body, digest, answer, note, scope, sent_up_ms, sent_boot FROM outbox"

static const char *text_or_null(const sl_sql *db, int column) {
    return sl_sql_null(db, column) ? NULL : sl_sql_str(db, column).ptr;
}

/* Within one boot of the machine its own clock tells. Else it is not longer ago than this machine is up, as far as the
 * wall clock agrees: that may have been wrong then or be wrong now. */
static int64_t age_ms(const sl_sql *db, int64_t sent_ms) {
    char boot[SL_CLOCK_BOOT_BYTES];
    if (sent_ms == 0) return -1;
    int64_t up = sl_clock_mono_ms(), since = sl_clock_wall_ms() - sent_ms;
    sl_clock_boot_id(boot);
    if (boot[0] && sl_str_eq(sl_sql_str(db, 19), sl_str_of(boot))) return up - sl_sql_int(db, 18);
    if (since < 0) return 0;
    return since < up ? since : up;
}

static int read_row(sl_store *st, int rc, sl_outbox_row *out) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *out = (sl_outbox_row){.id = sl_sql_int(db, 0), .run = sl_sql_int(db, 1), .attempts = sl_sql_int(db, 2)};
    out->intended_ms = sl_sql_int(db, 3);
    out->sent_ms = sl_sql_int(db, 4);
    out->settled_ms = sl_sql_int(db, 5);
    out->looked_ms = sl_sql_int(db, 6);
    out->negatives = sl_sql_int(db, 7);
    int state = sl_outbox_state_of(sl_sql_str(db, 8).ptr);
    out->state = state < 0 ? SL_OUTBOX_UNKNOWN : (sl_outbox_state)state;
    out->host = sl_sql_str(db, 9).ptr;
    out->account = sl_sql_str(db, 10).ptr;
    out->operation = sl_sql_str(db, 11).ptr;
    out->key = sl_sql_str(db, 12).ptr;
    out->body = text_or_null(db, 13);
    out->digest = sl_sql_str(db, 14).ptr;
    out->answer = text_or_null(db, 15);
    out->note = text_or_null(db, 16);
    out->scope = sl_sql_str(db, 17).ptr;
    out->age_ms = age_ms(db, out->sent_ms);
    return 1;
}

int sl_intent_row(sl_intent *in, sl_outbox_row *out, sl_err *err) {
    if (!in->st) return sl_fail(err, SL_STATE, 0, "the store of the outbox is closed");
    sl_val args[] = {sl_val_int(in->id)};
    int rc = read_row(in->st, sl_sql_row(in->st->db, COLUMNS " WHERE id = $1", args, 1, err), out);
    if (rc == 0) sl_fail(err, SL_STATE, 0, "the outbox row %lld is gone", (long long)in->id);
    return rc == 1 ? 0 : -1;
}

#define MATCH                                                                                                          \
    "($1 IS NULL OR state = $1) AND ($2 IS NULL OR host = $2) AND ($3 IS NULL OR account = $3)"                        \
    " AND ($4 IS NULL OR operation = $4) AND ($5 IS NULL OR key = $5) AND ($6 IS NULL OR scope = $6) AND id > $7"

int sl_outbox_first(sl_store *st, const sl_outbox_filter *f, sl_outbox_row *out, sl_err *err) {
    sl_val args[] = {sl_val_cstr(f->state),     sl_val_cstr(f->host), sl_val_cstr(f->account),
                     sl_val_cstr(f->operation), sl_val_cstr(f->key),  sl_val_cstr(f->scope),
                     sl_val_int(f->after),      sl_val_int(f->most > 0 ? f->most : INT64_MAX)};
    const char *sql = COLUMNS " WHERE " MATCH " ORDER BY id LIMIT $8";
    if (f->newest) sql = COLUMNS " WHERE " MATCH " ORDER BY id DESC LIMIT $8";
    else if (f->key) sql = COLUMNS " WHERE key = $5 AND " MATCH " ORDER BY id LIMIT $8";
    else if (f->state && strcmp(f->state, "confirmed") != 0)
        sql = COLUMNS " WHERE state <> 'confirmed' AND " MATCH " ORDER BY id LIMIT $8"; /* has an index */
    return read_row(st, sl_sql_row(st->db, sql, args, 8, err), out);
}

int sl_outbox_next(sl_store *st, sl_outbox_row *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out);
}

int sl_outbox_held(sl_store *st, int64_t id, sl_err *err) {
    return sl_lock_held(st->lock_path, SL_LOCK_OUTBOX + id, err);
}

static int forget(sl_store *st, int64_t before_ms, int64_t *count, sl_err *err) {
    sl_val args[] = {sl_val_int(before_ms)};
    if (sl_sql_run(st->db, "DELETE FROM outbox WHERE state = 'rejected' AND settled_ms < $1", args, 1, err) < 0) return -1;
    *count = sl_sql_changes(st->db);
    if (sl_sql_run(st->db,
                   "UPDATE outbox SET body = NULL, answer = NULL WHERE state = 'confirmed' AND settled_ms < $1"
                   " AND (body IS NOT NULL OR answer IS NOT NULL)",
                   args, 1, err) < 0)
        return -1;
    *count += sl_sql_changes(st->db);
    return 0;
}

int sl_outbox_forget(sl_store *st, int64_t before_ms, int64_t *count, sl_err *err) {
    if (sl_sql_begin(st->db, SL_SQL_CHEAP, err) < 0) return -1;
    return sl_sql_end(st->db, forget(st, before_ms, count, err), err);
}
