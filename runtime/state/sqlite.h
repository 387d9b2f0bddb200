/* SQLite, opened when it is first used. In place of <sqlite3.h>:
 *
 *   if (sl_sqlite_open(err) < 0) return NULL;     // it is missing
 *   int rc = sqlite3_open_v2(path, &db, flags, NULL);
 */
#ifndef SL_STATE_SQLITE_H
#define SL_STATE_SQLITE_H

#include <sqlite3.h>

#include "base/err.h"

/* Before the first call of SQLite's functions: 0, or SL_STATE where the library is missing. */
int sl_sqlite_open(sl_err *err);

#endif
