/* A record: the text of one JSON value that is kept as it came. Reading finds the place of a member; a change is
 * spliced into the text at once, so that all that was not touched stays byte for byte, and everything (reading, walking,
 * nested changes, writing) works on one thing: the text as it is now.
 *
 *   sl_record rec = { text, len, cap, … };                        // memory is the caller's: see sl_record_need
 *   sl_index *x = sl_index_of(&indexes, &rec, 0, &err);           // the members of the value that starts at 0
 *   ptrdiff_t i = sl_index_find(x, &rec, SL_STR("price"));        // the last of that name, or -1
 *   sl_str price = sl_index_value(x, &rec, (size_t)i);
 *   sl_record_set(&rec, &indexes, 0, SL_STR("price"), SL_STR("12.5"), &err);
 *
 * Places are offsets into the text. A view (a nested value that a script holds) notes its place and the record's
 * version; sl_record_follow brings it up to date by replaying the changes since. Where the value itself was cut out or
 * replaced meanwhile, the view gets its old text: it goes on as a record of its own, as a table would.
 */
#ifndef SL_DATA_RECORD_H
#define SL_DATA_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The most bytes of a record's text, the most changes that are kept for views, and the most bytes that were cut out. */
enum { SL_RECORD_MAX = 256 << 20, SL_RECORD_CHANGES = 65536, SL_RECORD_OLD = 64 << 20 };

/* ---- changes, as views need them ---- */

typedef struct sl_changes {
    sl_buf list;    /* of struct change, see record.c */
    sl_buf old;     /* texts that were cut out */
    uint32_t first; /* the version of the first in the list */
} sl_changes;

void sl_changes_init(sl_changes *c);
void sl_changes_free(sl_changes *c);

/* ---- records ---- */

typedef struct sl_record {
    char *text;          /* valid JSON of one value, no white space around it */
    uint32_t len, cap;
    uint64_t serial;     /* never the same twice within an sl_indexes */
    uint32_t version;    /* counts the changes that were noted for views */
    uint32_t edits;      /* counts all changes */
    sl_changes *changes; /* NULL while no view is held; the caller's */
} sl_record;

/* ---- where the members are ---- */

typedef struct sl_member {
    uint32_t key, key_len; /* content of the key's string; 0 in an array */
    uint32_t at, end;      /* the value */
    bool escaped;          /* the key has escapes */
} sl_member;

typedef struct sl_index {
    uint64_t serial; /* the record; 0: free */
    uint32_t start;  /* the opening bracket */
    uint32_t stop;   /* behind the closing one */
    bool object;
    uint32_t count, room;
    uint32_t found; /* the member that was asked for last: it is mostly asked for again */
    sl_member *members;
    uint64_t used;
} sl_index;

/* The indexes of the values that were looked at last, and in slot 0 that of the line that was read last. One for all
 * records of a Lua state. */
enum { SL_INDEXES = 8 };
typedef struct sl_indexes {
    sl_index slot[SL_INDEXES];
    size_t last; /* the slot that was asked for last */
    uint64_t tick, serial;
    sl_buf text; /* a member on its way into a record */
} sl_indexes;

void sl_indexes_free(sl_indexes *x);

/* A serial that no record had. */
uint64_t sl_indexes_serial(sl_indexes *x);

/* The slot for a new line, as the index of nothing: who fills it gives it a record's serial, unless `used` tells that
 * another line has taken it meanwhile. Borrowed until the next call of any of these. */
sl_index *sl_indexes_line(sl_indexes *all);

/* Room for so many members in all, of which there are none yet. */
int sl_index_reserve(sl_index *x, size_t count, sl_err *err);

/* The slow half of sl_index_of. */
sl_index *sl_index_search(sl_indexes *all, const sl_record *r, uint32_t start, sl_err *err);

/* The index of the array or object at `start`. Borrowed until the next call of any of these. NULL: memory is out. */
static inline sl_index *sl_index_of(sl_indexes *all, const sl_record *r, uint32_t start, sl_err *err) {
    sl_index *x = &all->slot[all->last];
    return x->serial == r->serial && x->start == start ? x : sl_index_search(all, r, start, err);
}

/* The last member of that name, -1 where there is none. */
ptrdiff_t sl_index_find(sl_index *x, const sl_record *r, sl_str key);

/* True where a later member has the same name as member i: it is as if i were not there. */
bool sl_index_shadowed(const sl_index *x, const sl_record *r, size_t i);

sl_str sl_index_value(const sl_index *x, const sl_record *r, size_t i);

/* The name of member i; escapes are undone into `into` (cleared first) where there are any. */
int sl_index_key(const sl_index *x, const sl_record *r, size_t i, sl_buf *into, sl_str *key, sl_err *err);

/* ---- changes ---- */

/* What `cap` must be before one of the changes below with these texts; they never fail for want of room. 0: too large. */
static inline size_t sl_record_need(const sl_record *r, size_t key_bytes, size_t value_bytes) {
    if (key_bytes > SL_RECORD_MAX || value_bytes > SL_RECORD_MAX) return 0;
    size_t need = r->len + value_bytes + key_bytes * 6 + 4; /* ,"\u0000…": */
    return need <= SL_RECORD_MAX ? need : 0;
}

/* Sets a member of the object at `start`; one that is there twice is there once afterwards. `value` is JSON text outside
 * of the record. The name must be UTF-8. */
int sl_record_set(sl_record *r, sl_indexes *all, uint32_t start, sl_str key, sl_str value, sl_err *err);

/* Takes a member out; fine where there is none. */
int sl_record_unset(sl_record *r, sl_indexes *all, uint32_t start, sl_str key, sl_err *err);

/* Another name for a member: 1, or 0 where there is none. What had the new name before goes. */
int sl_record_rename(sl_record *r, sl_indexes *all, uint32_t start, sl_str from, sl_str to, sl_err *err);

/* Sets element i (from 0) of the array at `start`; i = count appends. An empty object becomes an array first. */
int sl_record_set_at(sl_record *r, sl_indexes *all, uint32_t start, size_t i, sl_str value, sl_err *err);

/* Takes element or member number i (from 0) out; the ones behind it move up. */
int sl_record_unset_at(sl_record *r, sl_indexes *all, uint32_t start, size_t i, sl_err *err);

/* Replaces the one value that stands at [at, end). */
void sl_record_replace(sl_record *r, sl_indexes *all, uint32_t at, uint32_t end, sl_str value);

/* ---- views ---- */

/* Where the value is now that was at *start when the record had *version: 1, both brought up to date. 0: it is no longer
 * part of the record, *old is its text (borrowed). -1: too many changes ago to tell. */
int sl_record_follow(const sl_record *r, uint32_t *start, uint32_t *version, sl_str *old, sl_err *err);

#endif
