/* One row per account. The generation tells a process that was refused whether somebody has logged in since. */
#include "state/token.h"

#include <stdlib.h>

#include "state/store_in.h"

struct sl_token_lock {
    sl_lock lock;
};

static int keep(char **out, sl_str text, sl_err *err) {
    *out = sl_str_dup(text);
    return *out ? 0 : sl_fail(err, SL_INTERNAL, 0, "out of memory for a token");
}

static int read_row(sl_store *st, sl_token *out, sl_err *err) {
    out->obtained_ms = sl_sql_int(st->db, 1);
    out->expires_ms = sl_sql_int(st->db, 2);
    out->before_ms = sl_sql_int(st->db, 3);
    out->generation = sl_sql_int(st->db, 4);
    return keep(&out->text, sl_sql_str(st->db, 0), err) < 0 ? -1 : keep(&out->refresh, sl_sql_str(st->db, 5), err);
}

int sl_token_get(sl_store *st, sl_str host, sl_str account, sl_token *out, sl_err *err) {
    *out = (sl_token){0};
    sl_val key[] = {sl_val_str(host), sl_val_str(account)};
    int rc = sl_sql_row(st->db,
                        "SELECT token, obtained_ms, expires_ms, before_ms, generation, refresh FROM tokens"
                        " WHERE host = $1 AND account = $2",
                        key, 2, err);
    if (rc <= 0) return rc;
    rc = read_row(st, out, err);
    if (rc == 0) rc = sl_sql_next(st->db, err);
    if (rc == 0) return 1;
    sl_token_clear(out);
    return -1;
}

static int put(sl_store *st, const sl_val row[7], int64_t *generation, sl_err *err) {
    int rc = sl_sql_row(st->db,
                        "INSERT INTO tokens (host, account, token, obtained_ms, expires_ms, refresh, before_ms, generation)"
                        " VALUES ($1, $2, $3, $4, $5, $6, 0, 1) ON CONFLICT (host, account) DO UPDATE SET"
                        " token = excluded.token, obtained_ms = excluded.obtained_ms,"
                        " expires_ms = excluded.expires_ms, refresh = excluded.refresh,"
                        " before_ms = CASE WHEN $7 <> 0 THEN 0 ELSE tokens.obtained_ms END,"
                        " generation = tokens.generation + 1 RETURNING generation",
                        row, 7, err);
    if (rc < 0) return -1;
    if (generation) *generation = sl_sql_int(st->db, 0);
    return sl_sql_next(st->db, err) < 0 ? -1 : 0;
}

int sl_token_put(sl_store *st, sl_str host, sl_str account, const sl_token_new *t, int64_t *generation, sl_err *err) {
    sl_val row[] = {sl_val_str(host),           sl_val_str(account),       sl_val_str(t->text),
                    sl_val_int(t->obtained_ms), sl_val_int(t->expires_ms), sl_val_str(t->refresh),
                    sl_val_int(t->in_time)};
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    return sl_sql_end(st->db, put(st, row, generation, err), err);
}

/* The row stays: its generation must go on counting, or a process could take a new token for the one it has; and its
 * refresh token is the only one that the server still takes. */
int sl_token_drop(sl_store *st, sl_str host, sl_str account, int64_t generation, sl_err *err) {
    sl_val args[] = {sl_val_str(host), sl_val_str(account), sl_val_int(generation)};
    if (sl_sql_begin(st->db, SL_SQL_DURABLE, err) < 0) return -1;
    int rc = sl_sql_run(st->db,
                        "UPDATE tokens SET token = '' WHERE host = $1 AND account = $2"
                        " AND (generation = $3 OR $3 = 0)",
                        args, 3, err);
    return sl_sql_end(st->db, rc, err);
}

static void wipe(char *text) {
    if (text) explicit_bzero(text, strlen(text));
    free(text);
}

void sl_token_clear(sl_token *t) {
    wipe(t->text);
    wipe(t->refresh);
    *t = (sl_token){0};
}

/* Where in the lock file an account's lock is. Two accounts in one place would only wait for each other. */
static int64_t place(sl_str host, sl_str account) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < host.len; i++) h = (h ^ (unsigned char)host.ptr[i]) * 1099511628211u;
    h = (h ^ 0xff) * 1099511628211u;
    for (size_t i = 0; i < account.len; i++) h = (h ^ (unsigned char)account.ptr[i]) * 1099511628211u;
    return SL_LOCK_TOKENS + (int64_t)(h >> 8);
}

int sl_token_lock_try(sl_store *st, sl_str host, sl_str account, sl_token_lock **out, sl_err *err) {
    *out = NULL;
    sl_token_lock *lock = malloc(sizeof *lock);
    if (!lock) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a lock");
    int rc = sl_lock_try(&lock->lock, st->lock_path, place(host, account), err);
    if (rc == 1)
        *out = lock;
    else
        free(lock);
    return rc;
}

void sl_token_unlock(sl_token_lock *lock) {
    if (!lock) return;
    sl_lock_drop(&lock->lock);
    free(lock);
}
