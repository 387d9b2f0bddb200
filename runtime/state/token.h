/* Login tokens that all processes of an account share, and the duty to refresh one, which only one of them has.
 *
 *   sl_store *st = sl_store_open_shared(config_shared, &err);
 *   sl_token t;
 *   int rc = sl_token_get(st, SL_STR("https://app.stock2shop.com:443"), SL_STR("user"), &t, &err);   // 1, 0 none, -1
 *   …                                                       // refused with 401, and t.generation is what was sent:
 *   rc = sl_token_lock_try(st, host, account, &lock, &err);  // 1 log in now; 0 another is at it: look again soon
 *   rc = sl_token_get(…)                                     // under the lock: has another one refreshed meanwhile?
 *   rc = sl_token_put(st, host, account, &(sl_token_new){.text = …}, &generation, &err);
 *   sl_token_unlock(lock);
 *   sl_token_clear(&t);
 *
 * The lock dies with its process, so that the duty passes on at once when the one who has it is killed.
 */
#ifndef SL_STATE_TOKEN_H
#define SL_STATE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "state/store.h"

typedef struct sl_token {
    char *text;          /* owned; "" where it was dropped */
    char *refresh;       /* owned; the refresh token that came with it, "" where there is none */
    int64_t obtained_ms; /* wall clock, when it was put here */
    int64_t expires_ms;  /* 0 where that is not known */
    int64_t before_ms;   /* when the one before it was obtained that was refused, 0 for none: two logins within a minute
                            are a fight */
    int64_t generation;  /* 1 for the first of this account, one more for each after it */
} sl_token;

/* 1 and *out is filled (clear it), 0 where there is none, -1. */
int sl_token_get(sl_store *st, sl_str host, sl_str account, sl_token *out, sl_err *err);

typedef struct sl_token_new {
    sl_str text, refresh; /* borrowed; refresh "" for none */
    int64_t obtained_ms, expires_ms;
    bool in_time;         /* the former one was renewed because of its age, not because it was refused */
} sl_token_new;

/* Puts a token in the place of the former one, and its refresh token with it in the same transaction. On disk when it
 * returns, so that neither is used before it is known. `generation` (may be NULL) gets its number. */
int sl_token_put(sl_store *st, sl_str host, sl_str account, const sl_token_new *t, int64_t *generation, sl_err *err);

/* Forgets the token where it is still that generation (0: whichever). A refresh token stays. */
int sl_token_drop(sl_store *st, sl_str host, sl_str account, int64_t generation, sl_err *err);

/* Wipes and frees the texts. */
void sl_token_clear(sl_token *t);

typedef struct sl_token_lock sl_token_lock;

/* The duty to log in for that account, never waiting: 1 and *out is ours (owned), 0 somebody else has it, -1. */
int sl_token_lock_try(sl_store *st, sl_str host, sl_str account, sl_token_lock **out, sl_err *err);

/* NULL is fine. */
void sl_token_unlock(sl_token_lock *lock);

#endif
