/* SQLite, the only file that knows it (state/sqlite.c opens it). One connection, one thread, at most one query under way. */
#include "state/sql.h"

#include <errno.h>
#include <stdlib.h>

#include "state/sqlite.h"

#define KEPT_MAX 256
#define SQL_MAX 2000

struct sl_sql {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *open; /* the query under way, one of the kept statements */
    sl_sql_care care;
    int busy_ms;
    bool roomy;
    int kept;
    const char *text[KEPT_MAX];
    sqlite3_stmt *stmt[KEPT_MAX];
};

/* ---- errors ---- */

/* What SQLite says, as what the user can do about it. */
static int fail_rc(const sl_sql *db, int rc, sl_err *err) {
    const char *path = db->path;
    int os = db->db ? sqlite3_system_errno(db->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        sl_fail(err, SL_STATE, rc, "the disk is full: cannot write %s", path);
        return sl_hint(err, "free some space and run again: nothing that was committed is lost");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        sl_fail(err, SL_STATE, rc, "%s is busy: another process has been writing for %d s", path, db->busy_ms / 1000);
        if (err) err->retryable = true;
        return sl_hint(err, "run again; if it stays, see who has the file open (fuser %s)", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        sl_fail(err, SL_STATE, rc, "%s cannot be written: it or its folder is read-only", path);
        return sl_hint(err, "give the user that runs sluice write access, or set `store:` to another place");
    case SQLITE_CANTOPEN:
        sl_fail(err, SL_STATE, rc, "%s cannot be opened: %s", path, os ? strerror(os) : sqlite3_errmsg(db->db));
        return sl_hint(err, "the folder must exist and be writable, for the files beside it as well");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        sl_fail(err, SL_STATE, rc, "%s is damaged or no store of sluice: %s", path, sqlite3_errstr(rc));
        return sl_hint(err,
                       "restore it from a backup, or move it away (with -wal and -shm): cursors then start over");
    case SQLITE_IOERR:
        sl_fail(err, SL_STATE, rc, "cannot read or write %s: %s", path, os ? strerror(os) : sqlite3_errstr(rc));
        return sl_hint(err, "look at the disk and its quota: nothing that was committed is lost");
    case SQLITE_NOMEM:
        return sl_fail(err, SL_INTERNAL, rc, "out of memory in the store");
    default:
        return sl_fail(err, SL_STATE, rc, "%s: %s", path, db->db ? sqlite3_errmsg(db->db) : sqlite3_errstr(rc));
    }
}

/* ---- opening ---- */

static int set_up(sl_sql *db, sl_err *err) {
    sqlite3_extended_result_codes(db->db, 1);
    sqlite3_busy_timeout(db->db, db->busy_ms);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sl_sql_script(
        db,
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
        "PRAGMA cache_size = -4000; PRAGMA journal_size_limit = 16777216; PRAGMA cell_size_check = ON;",
        err);
}

/* The switch needs the file alone for a moment and does not use the busy handler. */
static int write_ahead(sl_sql *db, sl_err *err) {
    for (int waited = 0;; waited += 10) {
        int rc = sl_sql_row(db, "PRAGMA journal_mode = WAL", NULL, 0, err);
        if (rc == 1 && sl_str_eq(sl_sql_str(db, 0), SL_STR("wal"))) return sl_sql_next(db, err) < 0 ? -1 : 0;
        if (rc >= 0)
            return sl_fail(err, SL_STATE, 0, "%s: this file system has no shared memory for a write-ahead log",
                           db->path);
        int code = sqlite3_errcode(db->db);
        if ((code != SQLITE_BUSY && code != SQLITE_LOCKED) || waited >= db->busy_ms) return -1;
        sl_sql_pause(10);
    }
}

static sl_sql *open_file(const char *path, int busy_ms, sl_err *err) {
    if (sl_sqlite_open(err) < 0) return NULL;
    sl_sql *db = calloc(1, sizeof *db);
    if (!db || !(db->path = sl_str_dup(sl_str_of(path)))) {
        free(db);
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a store");
        return NULL;
    }
    db->busy_ms = busy_ms;
    int rc = sqlite3_open_v2(path, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) fail_rc(db, rc, err);
    if (rc == SQLITE_OK && set_up(db, err) == 0) return db;
    sl_sql_close(db);
    return NULL;
}

sl_sql *sl_sql_open_as_is(const char *path, int busy_ms, sl_err *err) {
    return open_file(path, busy_ms, err);
}

sl_sql *sl_sql_open(const char *path, int busy_ms, sl_err *err) {
    sl_sql *db = open_file(path, busy_ms, err);
    if (db && write_ahead(db, err) == 0) return db;
    sl_sql_close(db);
    return NULL;
}

void sl_sql_close(sl_sql *db) {
    if (!db) return;
    for (int i = 0; i < db->kept; i++) sqlite3_finalize(db->stmt[i]);
    sqlite3_close(db->db);
    free(db->path);
    free(db);
}

void sl_sql_pause(int ms) {
    sqlite3_sleep(ms);
}

/* ---- statements ---- */

/* Also ends the read transaction of a query that its caller left early. */
static void finish_open(sl_sql *db) {
    if (db->open) sqlite3_reset(db->open);
    db->open = NULL;
}

static sqlite3_stmt *prepare(sl_sql *db, const char *sql, sl_err *err) {
    for (int i = 0; i < db->kept; i++)
        if (db->text[i] == sql) return db->stmt[i];
    char own[SQL_MAX];
    size_t len = strlen(sql);
    sl_assert(db->kept < KEPT_MAX && len < sizeof own);
    for (size_t i = 0; i <= len; i++)
        own[i] = sql[i] == '$' ? '?' : sql[i]; /* $1 is a name to SQLite, ?1 the first */
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(db->db, own, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK) {
        fail_rc(db, rc, err);
        return NULL;
    }
    db->text[db->kept] = sql;
    db->stmt[db->kept++] = stmt;
    return stmt;
}

static int bind_one(sqlite3_stmt *stmt, int at, const sl_val *v) {
    switch (v->kind) {
    case SL_VAL_NULL:
        return sqlite3_bind_null(stmt, at);
    case SL_VAL_INT:
        return sqlite3_bind_int64(stmt, at, v->number);
    case SL_VAL_REAL:
        return sqlite3_bind_double(stmt, at, v->real);
    case SL_VAL_TEXT:
        break;
    }
    return sqlite3_bind_text64(stmt, at, v->text.ptr, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static sqlite3_stmt *ready(sl_sql *db, const char *sql, const sl_val *args, int count, sl_err *err) {
    finish_open(db);
    sqlite3_stmt *stmt = prepare(db, sql, err);
    if (!stmt) return NULL;
    sl_assert(sqlite3_bind_parameter_count(stmt) == count);
    for (int i = 0; i < count; i++) {
        int rc = bind_one(stmt, i + 1, &args[i]);
        if (rc == SQLITE_OK) continue;
        fail_rc(db, rc, err);
        return NULL;
    }
    return stmt;
}

int sl_sql_script(sl_sql *db, const char *sql, sl_err *err) {
    finish_open(db);
    int rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail_rc(db, rc, err);
}

int sl_sql_run(sl_sql *db, const char *sql, const sl_val *args, int count, sl_err *err) {
    sqlite3_stmt *stmt = ready(db, sql, args, count, err);
    if (!stmt) return -1;
    int rc = sqlite3_step(stmt);
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : fail_rc(db, rc, err);
    sqlite3_reset(stmt);
    return result;
}

int64_t sl_sql_changes(const sl_sql *db) {
    return sqlite3_changes64(db->db);
}

int64_t sl_sql_last_id(const sl_sql *db) {
    return sqlite3_last_insert_rowid(db->db);
}

int sl_sql_row(sl_sql *db, const char *sql, const sl_val *args, int count, sl_err *err) {
    sqlite3_stmt *stmt = ready(db, sql, args, count, err);
    if (!stmt) return -1;
    db->open = stmt;
    return sl_sql_next(db, err);
}

int sl_sql_next(sl_sql *db, sl_err *err) {
    if (!db->open) return 0;
    int rc = sqlite3_step(db->open);
    if (rc == SQLITE_ROW) return 1;
    if (rc != SQLITE_DONE) fail_rc(db, rc, err);
    finish_open(db);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* ---- columns ---- */

int64_t sl_sql_int(const sl_sql *db, int column) {
    return sqlite3_column_int64(db->open, column);
}

double sl_sql_real(const sl_sql *db, int column) {
    return sqlite3_column_double(db->open, column);
}

sl_str sl_sql_str(const sl_sql *db, int column) {
    const char *text = (const char *)sqlite3_column_text(db->open, column);
    return sl_str_make(text ? text : "", text ? (size_t)sqlite3_column_bytes(db->open, column) : 0);
}

bool sl_sql_null(const sl_sql *db, int column) {
    return sqlite3_column_type(db->open, column) == SQLITE_NULL;
}

/* ---- transactions ---- */

int sl_sql_begin(sl_sql *db, sl_sql_care care, sl_err *err) {
    if (db->care != care) {
        const char *sql = care == SL_SQL_DURABLE ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
        if (sl_sql_script(db, sql, err) < 0) return -1;
        db->care = care;
    }
    return sl_sql_run(db, "BEGIN IMMEDIATE", NULL, 0, err);
}

int sl_sql_end(sl_sql *db, int rc, sl_err *err) {
    if (rc == 0 && sl_sql_run(db, "COMMIT", NULL, 0, err) == 0) return 0;
    finish_open(db);
    if (!sqlite3_get_autocommit(db->db)) sl_sql_run(db, "ROLLBACK", NULL, 0, NULL);
    return -1;
}

int sl_sql_make_room(sl_sql *db, sl_err *err) {
    if (db->roomy) return 0;
    if (sl_sql_script(db, "PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000", err) < 0) return -1;
    db->roomy = true;
    return 0;
}

/* ---- copies ---- */

/* One reading transaction of SQLite's own: writers go on, and the copy is as of its beginning. */
int sl_sql_copy(sl_sql *db, const char *path, sl_err *err) {
    sl_val args[] = {sl_val_cstr(path)};
    return sl_sql_run(db, "VACUUM INTO $1", args, 1, err);
}

const char *sl_sql_version(void) {
    return sl_sqlite_open(NULL) == 0 ? sqlite3_libversion() : "missing";
}
