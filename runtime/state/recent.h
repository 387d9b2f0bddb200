/* The deliveries of the last moments, in memory, until they go to disk together: a set of (modified, id, digest).
 *
 *   sl_recent set = {0};
 *   if (!sl_recent_has(&set, &d) && sl_recent_add(&set, &d, &err) == 0 && sl_recent_full(&set)) write_down(&set);
 *   for (size_t i = 0; i < set.count; i++) use(sl_recent_at(&set, i));
 *   sl_recent_clear(&set);
 */
#ifndef SL_STATE_RECENT_H
#define SL_STATE_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define SL_RECENT_MAX 4096

typedef struct sl_delivery {
    sl_str modified, id, digest;
} sl_delivery;

typedef struct sl_recent {
    size_t count;
    sl_buf bytes;
    struct {
        uint32_t hash, at, modified, id, digest; /* where the text is, and the lengths of its three parts */
    } row[SL_RECENT_MAX];
    uint16_t slot[2 * SL_RECENT_MAX]; /* row + 1, or 0 */
} sl_recent;

/* Tells deliveries apart, mostly. */
uint32_t sl_recent_hash(const sl_delivery *d);

bool sl_recent_has(const sl_recent *set, const sl_delivery *d);

/* Copies it in. It must not be in there, and the set not be full. */
int sl_recent_add(sl_recent *set, const sl_delivery *d, sl_err *err);

/* No room for one more. */
bool sl_recent_full(const sl_recent *set);

/* The i-th, in the order of adding. Borrowed until the set changes. */
sl_delivery sl_recent_at(const sl_recent *set, size_t i);

/* Empties it; free gives the memory back as well. */
void sl_recent_clear(sl_recent *set);
void sl_recent_free(sl_recent *set);

#endif
