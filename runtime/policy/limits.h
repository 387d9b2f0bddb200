/* Who may send next: budgets (one bucket per API host, account, rate class and resource) and those who wait for them, in
 * one block of memory that all processes of a machine can share. Pure: the time is an argument, and so is who died.
 *
 *   int limit = sl_limits_find(t, &key, now_us, &err);                    // found or made
 *   int w = sl_limits_join(t, limit, owner, false, now_us, &err);         // into the line
 *   sl_turn turn = sl_limits_ask(t, w, &rates, now_us);
 *   if (turn.wait_us == 0) …                                              // taken: send now
 *   … else ask again after turn.wait_us
 *   sl_limits_leave(t, w);                                                // once the answer has been judged, or to give up
 *
 * Order. Who joins gets a number; the lowest one is next. A process joins with the head of its own queue alone, so that
 * all processes of an account get the same share. Interactive waiters go before the others, but in turns with them: a
 * person waits one slot behind a bulk job at most, and a bulk job goes on beside any number of people.
 *
 * The dead and the slow. Nobody waits for one who does not come: who is next and does not take the slot within a moment is
 * passed over (and keeps its number). The caller finds out which owners are alive (sl_limits_ahead names those in the
 * way) and buries the others (sl_limits_bury): what they held is free at once.
 *
 * Callers exclude each other by a lock of their own. A process may die between any two stores in here and leave nothing
 * that would let a send go too early; leaving and burying need no lock.
 */
#ifndef SL_POLICY_LIMITS_H
#define SL_POLICY_LIMITS_H

#include <stdatomic.h>
#include <stddef.h>

#include "policy/limit.h"

enum { SL_LIMITS_WAITERS = 4096, SL_LIMITS_OWNERS = 1024 };

/* What a budget is for. The strings are borrowed by calls and copied, cut where they are long. */
typedef struct sl_limit_key {
    sl_str host;     /* scheme, name and port of the base URL */
    sl_str account;  /* who is counted: user name, a digest of the key; no secret */
    sl_str rclass;   /* rate class of the definition */
    sl_str resource; /* stream id, site id, endpoint, or "" */
} sl_limit_key;

typedef struct sl_limit {
    _Atomic uint64_t tag;        /* of the key; 0: this place is free */
    uint64_t tag2;
    char host[120], account[80], rclass[32], resource[80]; /* to be looked at */
    sl_bucket bucket;
    sl_rates rates;              /* those it was asked with last */
    int64_t used_us;             /* when it was asked last */
    int64_t sent, limited, waited_us;
    bool own;                    /* the rates are the connection's, not the definition's */
    bool last_interactive;
} sl_limit;

typedef struct sl_waiter {
    _Atomic uint64_t ticket; /* its number in the line; 0: this place is free */
    uint32_t limit, owner;
    int64_t since_us;
    bool interactive, sending;
} sl_waiter;

/* The block. It starts as zeros. */
typedef struct sl_limits {
    uint64_t magic;
    uint32_t max, high;      /* budgets it has room for; waiters are below `high` */
    uint64_t next_ticket;
    char boot[40];           /* the three belong to who keeps the block (state/budget) */
    int64_t offset_us, last_us;
    sl_waiter waiters[SL_LIMITS_WAITERS];
    sl_limit limits[];
} sl_limits;

/* How large a block for so many budgets is. */
size_t sl_limits_bytes(uint32_t max);

/* Makes a block of zeros one for `max` budgets. */
void sl_limits_init(sl_limits *t, uint32_t max);

/* Whether these bytes are such a block. */
bool sl_limits_valid(const sl_limits *t, size_t bytes);

/* The budget of that key, made where it is new; its place, or -1 with SL_LIMIT where all places are in use. Idle ones that
 * nobody waits for are forgotten, the longest idle first. */
int sl_limits_find(sl_limits *t, const sl_limit_key *key, int64_t now_us, sl_err *err);

/* Into the line of a budget; the waiter's place, or -1 with SL_LIMIT. */
int sl_limits_join(sl_limits *t, int limit, uint32_t owner, bool interactive, int64_t now_us, sl_err *err);

typedef struct sl_turn {
    int64_t wait_us; /* 0: the slot is taken, send now; else ask again after so long at most */
    int64_t due_us;  /* how long it will take in all, as it looks now */
    int ahead;       /* how many are in the way, or were passed over */
    bool late;       /* they should have gone by now: are they alive? */
} sl_turn;

/* Is it this waiter's turn? `rates` are those of the caller's definition. */
sl_turn sl_limits_ask(sl_limits *t, int waiter, const sl_rates *rates, int64_t now_us);

/* Out of the line, or done with sending. */
void sl_limits_leave(sl_limits *t, int waiter);

/* The owners of those in the way of this waiter, each once; their number, `max` at most. */
int sl_limits_ahead(const sl_limits *t, int waiter, uint32_t *owners, int max);

/* An owner is dead: all its places are free. */
void sl_limits_bury(sl_limits *t, uint32_t owner);

/* How many wait for a budget, and how many are sending. */
void sl_limits_count(const sl_limits *t, int limit, int *waiting, int *sending);

#endif
