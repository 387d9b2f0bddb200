/* What survives a crash, in one file (SQLite). Several processes may have it open at once.
 *
 *   sl_store *st = sl_store_open("sqlite:.sluice/state.db", &err);      // makes the folder (0700) and the file (0600)
 *   if (!st) …                                                         // SL_STATE with path and cure, SL_CONFIG
 *   sl_cursor *c = sl_cursor_open(st, &key, &err);
 *   …
 *   sl_store_close(st);
 */
#ifndef SL_STATE_STORE_H
#define SL_STATE_STORE_H

#include "base/buf.h"
#include "base/err.h"

typedef struct sl_store sl_store;

/* `where` is a path, or sqlite:PATH. The file is made, and its schema brought up to date, where needed; a schema newer
 * than this program's is refused. NULL on failure. */
sl_store *sl_store_open(const char *where, sl_err *err);

/* Gives the locks back. Cursors that are still open lose what they have not committed, and fail from now on; they are
 * closed by their owner as ever. NULL is fine. */
void sl_store_close(sl_store *st);

/* The path of the file. Borrowed. */
const char *sl_store_path(const sl_store *st);

/* The per-user folder for what processes and projects share (tokens, budgets): `override` where it is not NULL or empty,
 * else $XDG_STATE_HOME/sluice, else ~/.local/state/sluice. Made with mode 0700; refused with SL_STATE where it belongs to
 * somebody else or others can enter it. Puts the path into out. */
int sl_store_shared_dir(const char *override, sl_buf *out, sl_err *err);

/* The store in that folder. */
sl_store *sl_store_open_shared(const char *override, sl_err *err);

#endif
