/* The cursor's inside: cursor.c has the life of a cursor, seen.c and sweep.c the rows of what it has delivered. */
#ifndef SL_STATE_CURSOR_IN_H
#define SL_STATE_CURSOR_IN_H

#include "state/cursor.h"
#include "state/recent.h"
#include "state/store_in.h"

struct sl_cursor {
    sl_store *st; /* NULL once the store is closed */
    struct sl_cursor *next;
    sl_lock lock;
    int64_t id;
    char *position;     /* committed */
    int64_t generation; /* committed; rows of this run have one more */
    int64_t first;      /* committed; rows of generations before it don't count, though they may still be there */
    bool restarted;     /* only rows of this run count */
    bool dirty;         /* rows of this run are on disk */
    char *next_position;
    char *keep_from;
    int64_t keep_max, committed_rows, run_rows, forgotten;
    char *newest;    /* no row on disk has a later `modified`; NULL where there are no rows */
    uint32_t absent; /* hash of what was last looked for on disk in vain */
    sl_recent recent;
};

/* Rows on disk or in memory: 1, 0, -1. */
int sl_seen_has(sl_cursor *c, const sl_delivery *d, sl_err *err);

/* Adds one, and writes the recent ones down where there are enough of them. */
int sl_seen_add(sl_cursor *c, const sl_delivery *d, sl_err *err);

/* Inside a transaction: writes the recent ones down. */
int sl_seen_write(sl_cursor *c, sl_err *err);

/* After a commit: forgets what is too old or too much, in transactions of its own. */
int sl_seen_prune(sl_cursor *c, sl_err *err);

/* Removes all rows of the generations first to last. */
int sl_seen_sweep(sl_cursor *c, int64_t first, int64_t last, sl_err *err);

/* Reads `newest` from disk. */
int sl_seen_look(sl_cursor *c, sl_err *err);

/* The first generation whose rows count now. */
int64_t sl_cursor_first(const sl_cursor *c);

/* Puts a copy of `text` in the place of *slot. */
int sl_cursor_set_text(char **slot, sl_str text, sl_err *err);

#endif
