/* The database under the store, for the files of state/ alone: text of SQL in, values out, errors that name the file.
 *
 *   if (sl_sql_begin(db, SL_SQL_DURABLE, err) < 0) return -1;
 *   sl_val args[] = {sl_val_int(id), sl_val_cstr("done")};
 *   int rc = sl_sql_run(db, "UPDATE runs SET state = $2 WHERE id = $1", args, 2, err);
 *   return sl_sql_end(db, rc, err);                                   // commits where rc is 0, else rolls back
 *
 *   int rc = sl_sql_row(db, "SELECT name FROM runs WHERE id = $1", args, 1, err);      // 1 a row, 0 none, -1
 *   if (rc == 1) use(sl_sql_str(db, 0));                              // borrowed until the next call on db
 *
 * Parameters are $1, $2, … as PostgreSQL writes them. SQL is given as literals: a statement is prepared once and kept by
 * the address of its text.
 */
#ifndef SL_STATE_SQL_H
#define SL_STATE_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct sl_sql sl_sql;

/* A value to bind. Text and bytes are borrowed until the call returns. */
typedef struct sl_val {
    enum { SL_VAL_NULL, SL_VAL_INT, SL_VAL_TEXT, SL_VAL_REAL } kind;
    int64_t number;
    double real;
    sl_str text;
} sl_val;

static inline sl_val sl_val_int(int64_t n) {
    return (sl_val){.kind = SL_VAL_INT, .number = n};
}
static inline sl_val sl_val_real(double n) {
    return (sl_val){.kind = SL_VAL_REAL, .real = n};
}
static inline sl_val sl_val_str(sl_str s) {
    return (sl_val){.kind = SL_VAL_TEXT, .text = s};
}
/* NULL becomes SQL's NULL. */
static inline sl_val sl_val_cstr(const char *s) {
    return (sl_val){.kind = s ? SL_VAL_TEXT : SL_VAL_NULL, .text = sl_str_of(s)};
}

/* Opens the file, which exists (it may be empty). Waits up to busy_ms where another process writes. NULL on failure. */
sl_sql *sl_sql_open(const char *path, int busy_ms, sl_err *err);
void sl_sql_close(sl_sql *db);

/* The same for one that only looks: the file stays as it is. */
sl_sql *sl_sql_open_as_is(const char *path, int busy_ms, sl_err *err);

/* Several statements without parameters, not kept. */
int sl_sql_script(sl_sql *db, const char *sql, sl_err *err);

/* One statement that gives no rows. */
int sl_sql_run(sl_sql *db, const char *sql, const sl_val *args, int count, sl_err *err);

/* Rows that the last sl_sql_run has changed. */
int64_t sl_sql_changes(const sl_sql *db);

/* The number that the last INSERT has given to a row. For statements of which there are many: RETURNING costs a third more. */
int64_t sl_sql_last_id(const sl_sql *db);

/* Starts a query and steps to its first row: 1 a row, 0 none, -1. Ends a query that was under way. */
int sl_sql_row(sl_sql *db, const char *sql, const sl_val *args, int count, sl_err *err);

/* The next row of that query. */
int sl_sql_next(sl_sql *db, sl_err *err);

/* Columns of the row, from 0. NULL reads as 0 and as the empty string. */
int64_t sl_sql_int(const sl_sql *db, int column);
double sl_sql_real(const sl_sql *db, int column);
sl_str sl_sql_str(const sl_sql *db, int column);
bool sl_sql_null(const sl_sql *db, int column);

/* Durable: on disk when the commit returns (cursors, tokens, batches). Cheap: after a power cut the last moments may be
 * gone, all of them from one point on, and the file is whole; a process that dies loses nothing. */
typedef enum sl_sql_care { SL_SQL_CHEAP, SL_SQL_DURABLE } sl_sql_care;

/* A writing transaction; it is short, and nothing waits inside of it. */
int sl_sql_begin(sl_sql *db, sl_sql_care care, sl_err *err);

/* Commits where rc is 0, else rolls back and keeps *err as it is. Returns 0, or -1. */
int sl_sql_end(sl_sql *db, int rc, sl_err *err);

/* For transactions of thousands of rows, before the first of them: their pages stay in memory until they are committed (16 MB), and
 * what several of them change is written into the file's place once. */
int sl_sql_make_room(sl_sql *db, sl_err *err);

/* Waits a moment, for a lock of another process while a store is opened. */
void sl_sql_pause(int ms);

/* The whole database as it is now into a file that is there and empty, while others read and write. The copy is not yet
 * on disk when it returns. */
int sl_sql_copy(sl_sql *db, const char *path, sl_err *err);

/* The version of SQLite that is at work. Borrowed, for good. */
const char *sl_sql_version(void);

#endif
