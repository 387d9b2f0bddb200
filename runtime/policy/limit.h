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
 * burst in its definition the spacing is strict: two sends are never closer than one interval, and a send that is late
 * is not made up for. Times are microseconds of one clock that the caller picks: the monotonic one within a process,
 * the wall clock where the bucket is to outlive the machine's uptime.
 *
 * Waiting in turn is done by reservations. sl_bucket_reserve() hands out the next slot, an absolute time, to whoever
 * asks first; at that time sl_bucket_claim() looks at what was really sent in between: 0 is the permission to send now,
 * anything else how long to wait on (an earlier holder was late, or there has been a 429). Who dies or gives up between
 * the two has cost a slot at most and blocks nobody; sl_bucket_cancel() gives the newest reservation back.
 * Reservations far ahead are at the mercy of what is learnt later, so that a process reserves for the head of its queue
 * alone: then the others' waiters come in between, in order of asking.
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
    sl_rate at[SL_RATES_MAX];
} sl_rates;

/* The state of one budget. */
typedef struct sl_bucket {
    int64_t reserved_us[SL_RATES_MAX]; /* theoretical arrival times: counting reservations */
    int64_t sent_us[SL_RATES_MAX];     /* the same, counting what was really sent */
    int64_t blocked_us;                /* nothing before this time */
    int64_t learnt_count;              /* what headers say, where it is less than the definition; 0: nothing learnt */
    int64_t learnt_window_us;
    int64_t slow_permille; /* extra distance after 429s, shrinking with time from slow_at_us on */
    int64_t slow_at_us;
} sl_bucket;

/* "30/s", "60/min", "1/5min", "2/500ms", "1000/h", "5/s burst 50". SL_CONFIG with the text and an example in it. */
int sl_rate_parse(sl_rate *out, sl_str text, sl_err *err);

/* One rate or several with commas between. */
int sl_rates_parse(sl_rates *out, sl_str text, sl_err *err);

/* Appends the text that sl_rates_parse would read as the same. */
int sl_rates_print(const sl_rates *rates, sl_buf *out, sl_err *err);

/* 0 and the slot is taken: send now. Otherwise nothing is taken and the result is how many microseconds to wait. */
int64_t sl_bucket_take(sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* How long a caller who came now would wait; takes nothing. */
int64_t sl_bucket_wait(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* Takes the next free slot and returns its time, now_us or later. */
int64_t sl_bucket_reserve(sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* At the time of a reservation: 0 is the permission to send now, counted from now_us; else microseconds to wait on. */
int64_t sl_bucket_claim(sl_bucket *b, const sl_rates *rates, int64_t slot_us, int64_t now_us);

/* Gives a reservation that was not claimed back; true where it was the newest, otherwise its slot is lost. */
bool sl_bucket_cancel(sl_bucket *b, const sl_rates *rates, int64_t slot_us, int64_t now_us);

/* A header named the limit: `count` per `window_us`. Lower than the definition slows the first window down, a later
 * higher one speeds it up again, never above the definition. Counts below 1 are ignored. True where it changed. */
bool sl_bucket_learn(sl_bucket *b, const sl_rates *rates, int64_t count, int64_t window_us, int64_t now_us);

/* A 429: nothing before until_us, no burst after it, and a wider spacing (10 % at first, doubling, 300 % at most), that
 * goes down by ten points of percent every 10 s. Several within a second (or an interval) widen once. */
void sl_bucket_penalty(sl_bucket *b, const sl_rates *rates, int64_t until_us, int64_t now_us);

/* The distance between two sends in microseconds, as it is now: definition, percent, learnt, widened. */
int64_t sl_bucket_interval_us(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* 0 (a send could go now, with the whole burst behind it) to 1000 and more (reserved ahead by that many permille). */
int64_t sl_bucket_fill_permille(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* Nothing in it that would make a caller wait, and nothing learnt: the bucket may be forgotten. */
bool sl_bucket_idle(const sl_bucket *b, const sl_rates *rates, int64_t now_us);

/* The caller's clock was stepped by delta_us: all times of the bucket follow. */
void sl_bucket_shift(sl_bucket *b, int64_t delta_us);

#endif
