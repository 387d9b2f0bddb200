/* Processes that serve schedules. Each has a row and a lock that dies with it: what it has claimed is free once the lock is.
 *
 *   sl_daemon *d = sl_daemon_start(st, "host 1", &err);
 *   sl_occurrence_claim(st, sl_daemon_id(d), id, &fence, &err);
 *   sl_daemon_close(d);                                        // in good order: the row says when
 */
#ifndef SL_STATE_DAEMON_H
#define SL_STATE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "state/store.h"

/* So many rows of daemons that are gone are kept. */
#define SL_DAEMONS_KEPT 20

typedef struct sl_daemon sl_daemon;

/* Makes the row and takes its lock before it can be seen. One per store and process; owned by the caller. NULL on failure. */
sl_daemon *sl_daemon_start(sl_store *st, const char *note, sl_err *err);

int64_t sl_daemon_id(const sl_daemon *d);

/* Notes that it stopped in good order, as far as the store can be written, and gives the lock back. NULL is fine. */
void sl_daemon_close(sl_daemon *d);

typedef struct sl_daemon_row {
    int64_t id, pid, started_ms, stopped_ms; /* stopped_ms 0 where it has not */
    const char *note;                        /* NULL; borrowed until the next call on the store */
    bool alive;
} sl_daemon_row;

/* The newest first: 1 and *out is filled, 0 at the end, -1. */
int sl_daemons_first(sl_store *st, sl_daemon_row *out, sl_err *err);
int sl_daemons_next(sl_store *st, sl_daemon_row *out, sl_err *err);

/* Whether its process is there: 1, 0, -1. */
int sl_daemon_alive(sl_store *st, int64_t id, sl_err *err);

#endif
