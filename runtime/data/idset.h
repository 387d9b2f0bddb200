/* Which ids were seen, to tell whether two chunks may have one in common. Each is kept as 64 bits of a hash: two that differ
 * are taken for the same once in many billions, and "perhaps" is all that is asked.
 *
 *   sl_idset seen = {0};
 *   sl_idset_add(&seen, sl_idset_name(value), &err);     // value as JSON: "475-SHIRT-XL" or 57
 *   if (sl_idset_meet(&seen, &other)) …                  // wait for the other one first
 *   sl_idset_free(&seen);
 */
#ifndef SL_DATA_IDSET_H
#define SL_DATA_IDSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct sl_idset {
    uint64_t *names;      /* in the order in which they came, with duplicates */
    size_t count, room;
    uint64_t *slots;      /* the first `found` of them by value, 0: free; made when it is first asked */
    size_t found, slot_count;
} sl_idset;

/* What the set keeps of an id, never 0. "57" and 57 are the same, and so are two spellings of a text; numbers with a
 * fraction or an exponent all are, for there are many spellings of one. */
uint64_t sl_idset_name(sl_str value);

int sl_idset_add(sl_idset *set, uint64_t name, sl_err *err);

/* True where they have a name in common, or where memory is out. */
bool sl_idset_meet(sl_idset *a, sl_idset *b);

/* Takes all out, keeps the memory. */
void sl_idset_clear(sl_idset *set);
void sl_idset_free(sl_idset *set);

#endif
