/* The budgets of a process: one bucket per (API host, account, rate class, resource), up to a ceiling. Pure.
 *
 *   sl_limits *set = sl_limits_new(10000);
 *   sl_limit_key key = {SL_STR("https://api.veeqo.com:443"), SL_STR("depot"), SL_STR("api"), SL_STR("")};
 *   sl_limit *l = sl_limits_hold(set, &key, &rates, now_us, &err);      // found or made
 *   wait_us = sl_bucket_take(&l->bucket, &l->rates, now_us);
 *   sl_limits_release(l);                                               // may be forgotten once nobody holds it
 */
#ifndef SL_POLICY_LIMITS_H
#define SL_POLICY_LIMITS_H

#include <stddef.h>

#include "policy/limit.h"

typedef struct sl_limits sl_limits;

/* What a budget is for. The strings are borrowed by calls and copied by the set. */
typedef struct sl_limit_key {
    sl_str host;     /* scheme, name and port of the base URL */
    sl_str account;  /* who is counted: user name, a digest of the key; no secret */
    sl_str rclass;   /* rate class of the definition */
    sl_str resource; /* stream id, site id, or "" */
} sl_limit_key;

typedef struct sl_limit {
    sl_limit_key key; /* owned by the set */
    sl_rates rates;
    sl_bucket bucket;
    int64_t sent, limited, waited_us; /* for `sluice limits` and summaries; the caller counts */
    int holds;
    struct sl_limit *next;
} sl_limit;

/* Empty, with a ceiling in buckets. NULL when memory is out. */
sl_limits *sl_limits_new(size_t max);
void sl_limits_free(sl_limits *set);

/* The bucket for that key, made where it is new; `rates` replaces what it had. Borrowed until the release. At the ceiling
 * the idle ones that nobody holds are forgotten first; NULL with SL_LIMIT where that frees nothing. */
sl_limit *sl_limits_hold(sl_limits *set, const sl_limit_key *key, const sl_rates *rates, int64_t now_us, sl_err *err);
void sl_limits_release(sl_limit *limit);

size_t sl_limits_count(const sl_limits *set);

/* For each bucket, in no order. `each` must not call into the set. */
void sl_limits_each(const sl_limits *set, void (*each)(const sl_limit *limit, void *arg), void *arg);

#endif
