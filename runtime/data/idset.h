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
    uint64_t *slots; /* 0: free */
    size_t count, room;
} sl_idset;

/* What the set keeps of an id, never 0. "57" and 57 are the same, and so are two spellings of a text; numbers with a
 * fraction or an exponent all are, for there are many spellings of one. */
uint64_t sl_idset_name(sl_str value);

int sl_idset_add(sl_idset *set, uint64_t name, sl_err *err);

/* True where they have a name in common. */
bool sl_idset_meet(const sl_idset *a, const sl_idset *b);

/* Takes all out, keeps the memory. */
void sl_idset_clear(sl_idset *set);
void sl_idset_free(sl_idset *set);

#endif
