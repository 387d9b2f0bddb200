/* The outbox's inside, for outbox.c and outbox_set.c alone. */
#ifndef SL_STATE_OUTBOX_IN_H
#define SL_STATE_OUTBOX_IN_H

#include "state/lock.h"
#include "state/outbox.h"
#include "state/outbox_set.h"

struct sl_intent {
    sl_store *st; /* NULL once the store is closed */
    int64_t id;
    sl_lock lock;       /* of an intent of its own */
    sl_intent_set *set; /* of one that came out of a set, which has the lock; else NULL */
    struct sl_intent *next, *prev;
};

/* An intent for the row, among those of the store, still without a lock. NULL on failure. */
sl_intent *sl_intent_make(sl_store *st, int64_t id, sl_err *err);

/* The row of that key, made where it is new (*is_new), within the caller's transaction: its id. */
int sl_outbox_put(sl_store *st, const sl_outbox_key *key, sl_str body, sl_str digest, int64_t run, int64_t *id, bool *is_new,
                  sl_err *err);

/* What was not done yet goes with this content, within the caller's transaction. A person's no to this content stays. */
int sl_outbox_refresh(sl_store *st, int64_t id, sl_str body, sl_str digest, int64_t run, sl_err *err);

/* The set's lock on the row is given back, and an intent that had it is gone. */
void sl_intent_set_leave(sl_intent_set *set, int64_t id);

#endif
