/* What is in a store, for people and programs that look after it: its cursors; a file as it is, before anything is
 * changed; a copy of it.
 *
 *   sl_cursor_row c;
 *   for (int rc = sl_cursors_first(st, &c, &err); rc == 1; rc = sl_cursors_next(st, &c, &err)) …
 *
 *   sl_store_facts facts;
 *   if (sl_store_look(".sluice/state.db", &facts, &err) < 0) …          // damaged, another program's, a newer schema
 *   if (sl_store_export(st, "backup.db", &err) < 0) …                  // complete and on disk, or not there
 */
#ifndef SL_STATE_LOOK_H
#define SL_STATE_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "state/store.h"

typedef struct sl_cursor_row {
    int64_t id;
    const char *recipe, *name, *account, *args; /* borrowed until the next call on the store */
    const char *position;                       /* NULL where nothing was committed; borrowed too */
    int64_t remembered;                         /* deliveries that count */
    int64_t committed_ms;                       /* 0: never */
    bool locked;                                /* a living run has it open */
    int64_t holder;                             /* its process, 0 where it is not known */
} sl_cursor_row;

/* All cursors in the order of their making: 1 and *out is filled, 0 at the end, -1. */
int sl_cursors_first(sl_store *st, sl_cursor_row *out, sl_err *err);
int sl_cursors_next(sl_store *st, sl_cursor_row *out, sl_err *err);

typedef struct sl_store_facts {
    int64_t schema; /* of the file */
    int64_t known;  /* the newest that this program knows */
} sl_store_facts;

/* Looks at the file of a store, which must exist, without making, migrating or writing anything: whether it is whole, ours
 * and not newer than this program. SL_STATE where it is not. */
int sl_store_look(const char *path, sl_store_facts *out, sl_err *err);

/* Writes the store as it is now to a file (0600), while others go on with it: written aside, without login tokens, synced
 * and renamed over what was there. SL_USAGE where the path is the store's own. */
int sl_store_export(sl_store *st, const char *path, sl_err *err);

/* The version of the database library. Borrowed, for good. */
const char *sl_store_engine(void);

#endif
