/* The functions of SQLite that we call, passed on: see base/library.h. */
#include "state/sqlite.h"

#include <stdarg.h>

#include "base/library.h"

static sl_library sqlite = {.file = "libsqlite3.so.0", .package = "libsqlite3-0"};

int sl_sqlite_open(sl_err *err) {
    return sl_library_open(&sqlite, err);
}

SL_LIBRARY_GIVES(sqlite, const char *, sqlite3_libversion, (void), ())
SL_LIBRARY_GIVES(sqlite, int, sqlite3_sleep, (int ms), (ms))
SL_LIBRARY_GIVES(sqlite, const char *, sqlite3_errstr, (int rc), (rc))

SL_LIBRARY_GIVES(sqlite, int, sqlite3_open_v2,
                 (const char *path, sqlite3 **db, int flags, const char *vfs),
                 (path, db, flags, vfs))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_close, (sqlite3 *db), (db))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_busy_timeout, (sqlite3 *db, int ms), (db, ms))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_extended_result_codes, (sqlite3 *db, int on), (db, on))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_exec,
                 (sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *cls, char **problem),
                 (db, sql, row, cls, problem))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_get_autocommit, (sqlite3 *db), (db))
SL_LIBRARY_GIVES(sqlite, sqlite3_int64, sqlite3_changes64, (sqlite3 *db), (db))
SL_LIBRARY_GIVES(sqlite, sqlite3_int64, sqlite3_last_insert_rowid, (sqlite3 *db), (db))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_errcode, (sqlite3 *db), (db))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_system_errno, (sqlite3 *db), (db))
SL_LIBRARY_GIVES(sqlite, const char *, sqlite3_errmsg, (sqlite3 *db), (db))

SL_LIBRARY_GIVES(sqlite, int, sqlite3_prepare_v3,
                 (sqlite3 *db, const char *sql, int len, unsigned int flags, sqlite3_stmt **stmt, const char **tail),
                 (db, sql, len, flags, stmt, tail))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_step, (sqlite3_stmt *stmt), (stmt))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_reset, (sqlite3_stmt *stmt), (stmt))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_finalize, (sqlite3_stmt *stmt), (stmt))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_bind_parameter_count, (sqlite3_stmt *stmt), (stmt))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_bind_null, (sqlite3_stmt *stmt, int at), (stmt, at))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_bind_int64, (sqlite3_stmt *stmt, int at, sqlite3_int64 value), (stmt, at, value))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_bind_double, (sqlite3_stmt *stmt, int at, double value), (stmt, at, value))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_bind_text64,
                 (sqlite3_stmt *stmt, int at, const char *text, sqlite3_uint64 len,
                  void (*drop)(void *), unsigned char encoding),
                 (stmt, at, text, len, drop, encoding))

SL_LIBRARY_GIVES(sqlite, int, sqlite3_column_type, (sqlite3_stmt *stmt, int at), (stmt, at))
SL_LIBRARY_GIVES(sqlite, sqlite3_int64, sqlite3_column_int64, (sqlite3_stmt *stmt, int at), (stmt, at))
SL_LIBRARY_GIVES(sqlite, double, sqlite3_column_double, (sqlite3_stmt *stmt, int at), (stmt, at))
SL_LIBRARY_GIVES(sqlite, const unsigned char *, sqlite3_column_text, (sqlite3_stmt *stmt, int at), (stmt, at))
SL_LIBRARY_GIVES(sqlite, int, sqlite3_column_bytes, (sqlite3_stmt *stmt, int at), (stmt, at))

/* From SQLITE_DBCONFIG_ENABLE_FKEY on every option takes an int and an int *; we use no other. */
SL_LIBRARY_OURS int sqlite3_db_config(sqlite3 *db, int option, ...) {
    SL_LIBRARY_REAL(sqlite, sqlite3_db_config);
    sl_assert(option >= SQLITE_DBCONFIG_ENABLE_FKEY);
    va_list rest;
    va_start(rest, option);
    int on = va_arg(rest, int);
    int *was = va_arg(rest, int *);
    va_end(rest);
    return real(db, option, on, was);
}
