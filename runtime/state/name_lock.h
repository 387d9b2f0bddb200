/* A lock by name, for what one process at a time may do with a store's neighbourhood (a dead-letter file). It dies with
 * its holder.
 *
 *   sl_name_lock *lock;
 *   int rc = sl_name_lock_try(st, SL_STR("dlq/feed-12.ndjson"), &lock, &err);      // 1 ours, 0 another's, -1
 *   sl_name_lock_drop(lock);
 */
#ifndef SL_STATE_NAME_LOCK_H
#define SL_STATE_NAME_LOCK_H

#include "base/str.h"
#include "state/store.h"

typedef struct sl_name_lock sl_name_lock;

/* Never waits: 1 and *out is ours (owned), 0 somebody else has it, -1. */
int sl_name_lock_try(sl_store *st, sl_str name, sl_name_lock **out, sl_err *err);

/* NULL is fine. */
void sl_name_lock_drop(sl_name_lock *lock);

#endif
