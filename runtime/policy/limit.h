/* How fast: GCRA buckets. Pure: time is an argument, a bucket is a plain struct that can be stored as one row.
 *
 *   sl_rates rates;
 *   sl_rates_parse(&rates, SL_STR("30/s"), &err);            // "100/min burst 20", "5/s, 1000/h"
 *   sl_bucket b = {0};                                       // all zero: never used
 *   int64_t wait = sl_bucket_take(&b, &rates, now_us);       // 0: send now, it is taken; else ask again after that
 *   sl_bucket_learn(&b, &rates, 10, SECOND, now_us);         // a header said: 10 a second
 *   sl_bucket_penalty(&b, &rates, until_us, now_us);         // a 429 said: nothing before that
 *
 * A bucket is paced one percent under its rate, because windows of servers and our scheduling are never exact. Without a
 * burst in its definition the spacing is strict: a send that is late is not made up for, but for a quarter of that
 * percent, which is what a loaded machine's wake-ups cost and what no window of the rate can notice. Times are
 * microseconds of one clock that the caller picks and that never steps back. Who takes a slot sends now; who is to ask
 * first, over all processes, is policy/limits.
 */
#ifndef SL_POLICY_LIMIT_H
#define SL_POLICY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SL_RATES_MAX 4

/* At most `count` in any `window_us`; up to `burst` (at least 1) of them at once. */
typedef struct sl_rate {
    int64_t count, window_us, burst;
} sl_rate;

/* All windows of a rate class. Headers of servers speak about the first. */
typedef struct sl_rates {
    int count;
    int concurrent; /* under way at most, 0 for any number: kept by who counts them (policy/limits) */
    sl_rate at[SL_RATES_MAX];
} sl_rates;

/* The state of one budget. It may lie in memory that a dying process leaves behind in the middle of a change: every state
 * between two stores is one that sends later, never sooner. */
typedef struct sl_bucket {
    int64_t sent_us[SL_RATES_MAX]; /* theoretical arrival times */
    int64_t blocked_us;            /* nothing before this time */
    int64_t learnt_count;          /* what headers say, where it is less than the definition; 0: nothing learnt */
    int64_t learnt_window_us;
    int64_t slow_permille; /* extra distance after 429s, shrinking with time from slow_at_us on */
    int64_t slow_at_us;
} sl_bucket;

/* One rate or several with commas between: "30/s", "60/min", "1/5min", "2/500ms", "5/s burst 50, 1000/h", and
 * "60/min, concurrent 1" where so many may be under way at once. SL_CONFIG with the text and an example in it. */
int sl_rates_parse(sl_rates *out, sl_str text, sl_err *err);

/* Appends the text that sl_rates_parse would read as the same. */
int sl_rates_print(const sl_rates *rates, sl_buf *out, sl_err *err);

/* 0 and the slot is taken: send now. Otherwise nothing is taken and the result is how many microseconds to wait. */
int64_t sl_bucket_take(sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* From when on a send may go; in the past where one could go now. */
int64_t sl_bucket_free_us(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* How long a caller who came now would wait; takes nothing. */
int64_t sl_bucket_wait(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* A header named the limit: `count` per `window_us`. Lower than the definition slows the first window down, a later
 * higher one speeds it up again, never above the definition. Counts below 1 are ignored. True where it changed. */
bool sl_bucket_learn(sl_bucket *b, const sl_rates *rates, int64_t count, int64_t window_us, int64_t now_us);

/* A 429: nothing before until_us, no burst after it, and a wider spacing (10 % at first, doubling, 300 % at most), that
 * goes down by ten points of percent every 10 s. Several within a second (or an interval) widen once. */
void sl_bucket_penalty(sl_bucket *b, const sl_rates *rates, int64_t until_us, int64_t now_us);

/* The distance between two sends in microseconds, as it is now: definition, percent, learnt, widened. */
int64_t sl_bucket_interval_us(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* 0 (a send could go now, with the whole burst behind it) to 1000 and more (nothing could go for that many permille of it). */
int64_t sl_bucket_fill_permille(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* Nothing in it that would make a caller wait, and nothing learnt: the bucket may be forgotten. */
bool sl_bucket_idle(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

#endif
