/* The outbox: writes that must not be doubled. A row per (host, account, operation, scope, key) says how far a write is; the
 * key is the record's own, scope what tells records of one key apart (the channel of an order), so that the same record handed in twice, by whomever, is one row.
 *
 *   sl_outbox_key key = {host, account, SL_STR("post_order"), SL_STR("channel_id=47"), SL_STR("A-1001")};
 *   sl_intent *in;
 *   int rc = sl_intent_claim(st, &key, body, digest, run, &in, &err);    // on disk; 1 ours, 0 somebody works on it, -1
 *   sl_intent_row(in, &row, &err);                                       // row.state says what to do
 *   sl_intent_sending(in, &err);                                         // on disk, then the first byte may go
 *   sl_intent_settle(in, SL_OUTBOX_CONFIRMED, answer, NULL, &err);
 *   sl_intent_close(in);
 *
 *   intended -> sent -> confirmed | rejected | unknown
 *      ^---------+  certainly nothing was done, or absence is proven
 *
 * `intended`: certainly nothing went out. `sent`: it may have. Who holds an intent has a lock on its row that dies with
 * the process: a row that is `sent` and that nobody holds was left by one who died in the middle.
 */
#ifndef SL_STATE_OUTBOX_H
#define SL_STATE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "state/store.h"

typedef enum sl_outbox_state {
    SL_OUTBOX_INTENDED,
    SL_OUTBOX_SENT,
    SL_OUTBOX_CONFIRMED,
    SL_OUTBOX_REJECTED,
    SL_OUTBOX_UNKNOWN
} sl_outbox_state;

/* "intended", "sent", "confirmed", "rejected", "unknown". */
const char *sl_outbox_state_name(sl_outbox_state state);

/* The state of that name, or -1. */
int sl_outbox_state_of(const char *name);

typedef struct sl_outbox_key {
    sl_str host, account, operation, scope, key;
} sl_outbox_key;

typedef struct sl_outbox_row {
    int64_t id, run, attempts;
    int64_t intended_ms, sent_ms, settled_ms; /* 0 where it has not come to that; of the last attempt */
    int64_t age_ms;                           /* since the last send at least, whatever the wall clock did; -1: never sent */
    int64_t looked_ms, negatives;             /* the last search for it, and those in a row that count as not found */
    sl_outbox_state state;
    const char *host, *account, *operation, *scope, *key; /* borrowed until the next call on the store */
    const char *body, *digest; /* the arguments as JSON, NULL once forgotten; what they were */
    const char *answer, *note; /* the server's answer, why it is so; NULL where there is none */
} sl_outbox_row;

typedef struct sl_intent sl_intent;

/* The note of what a person has settled. */
#define SL_OUTBOX_BY_PERSON "settled by a person"

/* The row of that key, made where it is new (on disk when it returns), and the lock on it. Where nothing was done yet
 * (`intended`, `rejected`) the row takes this body and is `intended`. 1: ours (owned), 0: somebody works on it, -1. */
int sl_intent_claim(sl_store *st, const sl_outbox_key *key, sl_str body, sl_str digest, int64_t run, sl_intent **out,
                    sl_err *err);

/* The same for a row that is there; SL_NOT_FOUND where it is not. */
int sl_intent_claim_id(sl_store *st, int64_t id, sl_intent **out, sl_err *err);

/* How far it is. */
int sl_intent_row(sl_intent *in, sl_outbox_row *out, sl_err *err);

/* Before the first byte of each attempt: it may have been done from here on. On disk when it returns. */
int sl_intent_sending(sl_intent *in, sl_err *err);

/* Certainly nothing was done: `intended` again. */
int sl_intent_back(sl_intent *in, sl_err *err);

/* The end of it: confirmed, rejected or unknown. `answer` and `note` may be NULL. On disk when it returns. */
int sl_intent_settle(sl_intent *in, sl_outbox_state state, const char *answer, const char *note, sl_err *err);

/* A search did not find it; `counts` where it came late enough to say something. */
int sl_intent_looked(sl_intent *in, bool counts, sl_err *err);

/* Gives the lock back. NULL is fine. */
void sl_intent_close(sl_intent *in);

/* What to list: members with a NULL pointer match all. */
typedef struct sl_outbox_filter {
    const char *state, *host, *account, *operation, *scope, *key;
    int64_t after; /* only rows with a higher id */
    int64_t most;  /* so many rows, 0 for all */
    bool newest;   /* newest first */
} sl_outbox_filter;

/* Rows, oldest first: 1 and *out is filled, 0 at the end, -1. No other call on the store in between. */
int sl_outbox_first(sl_store *st, const sl_outbox_filter *filter, sl_outbox_row *out, sl_err *err);
int sl_outbox_next(sl_store *st, sl_outbox_row *out, sl_err *err);

/* Whether somebody works on it: 1, 0, -1. */
int sl_outbox_held(sl_store *st, int64_t id, sl_err *err);

/* Forgets bodies and answers of what was settled before that time, and rejected rows whole. Confirmed rows stay: their
 * keys are what keeps a record from being written again. *count gets how many rows that were. */
int sl_outbox_forget(sl_store *st, int64_t before_ms, int64_t *count, sl_err *err);

#endif
