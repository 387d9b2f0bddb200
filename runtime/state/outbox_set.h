/* A chunk of the outbox: writes of one operation that are handed in, sent and settled together. Each step is one durable
 * transaction, however many they are: all of the chunk or nothing.
 *
 *   sl_outbox_item items[] = {{SL_STR(""), SL_STR("A-1001"), body, digest}, …};
 *   sl_intent_set *set = sl_intent_set_claim(st, &where, items, 10000, run, &err);   // NULL: nothing was handed in
 *   for (i …) if (sl_intent_set_state(set, i) != SL_OUTBOX_INTENDED) sl_intent_set_release(set, i);    // written before, or held
 *   sl_intent_set_sending(set, &err);                        // then the first byte of the request with all of them may go
 *   sl_intent_set_settle(set, fates, &err);
 *   sl_intent_set_close(set);
 *
 * The rows are those of outbox.h, with a lock on each, and all that is said there holds for them: a row that another process
 * works on is not ours, one that was `sent` by one who died is to be asked for and not to be sent.
 */
#ifndef SL_STATE_OUTBOX_SET_H
#define SL_STATE_OUTBOX_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/outbox.h"

/* So many rows are a chunk at most: a transaction is short. */
#define SL_INTENT_SET_MAX 100000

/* A write to hand in. Borrowed until the call returns. */
typedef struct sl_outbox_item {
    sl_str scope, key, body, digest;
} sl_outbox_item;

/* How a write of the chunk ended: state SL_OUTBOX_INTENDED leaves it as it is. `answer` and `note` may be NULL. */
typedef struct sl_outbox_fate {
    sl_outbox_state state;
    const char *answer, *note;
} sl_outbox_fate;

typedef struct sl_intent_set sl_intent_set;

/* The rows of those keys, made where they are new, and the locks on them; the scope and the key of `where` are not looked at. NULL on failure, and
 * then nothing of the chunk is there: SL_USAGE names the item (from 1) that has no key, or the key of another one. */
sl_intent_set *sl_intent_set_claim(sl_store *st, const sl_outbox_key *where, const sl_outbox_item *items, size_t count,
                                   int64_t run, sl_err *err);

size_t sl_intent_set_count(const sl_intent_set *set);

/* How far an item (from 0) is: a sl_outbox_state, or -1 where it is not ours (another process has it, or it was given back). */
int sl_intent_set_state(const sl_intent_set *set, size_t at);

/* Which row it is. */
int64_t sl_intent_set_id(const sl_intent_set *set, size_t at);

/* Before the first byte of each attempt of the request with all that is ours. SL_USAGE names an item that must not be sent: one
 * that is not `intended`, unless this set has sent it. */
int sl_intent_set_sending(sl_intent_set *set, sl_err *err);

/* The end of them: as many fates as items. SL_USAGE for an item that is not ours, or that is settled. */
int sl_intent_set_settle(sl_intent_set *set, const sl_outbox_fate *fates, sl_err *err);

/* Certainly nothing was done of what this set has sent: `intended` again. */
int sl_intent_set_back(sl_intent_set *set, sl_err *err);

/* Gives one row back. Nothing where it is not ours. */
void sl_intent_set_release(sl_intent_set *set, size_t at);

/* One row out of the set, as an intent of its own that holds it from now on. 1, 0 where it is not ours, -1. */
int sl_intent_set_take(sl_intent_set *set, size_t at, sl_intent **out, sl_err *err);

/* Gives the locks back, but those that were taken out. NULL is fine. */
void sl_intent_set_close(sl_intent_set *set);

#endif
