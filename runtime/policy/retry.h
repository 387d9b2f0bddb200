/* What follows a failure: once more after so long, or give up as what. Pure: time and random numbers are arguments.
 *
 *   sl_retry_policy policy = SL_RETRY_POLICY;
 *   sl_retry_case c = {.outcome = SL_OUTCOME_LIMITED, .code = SL_LIMIT, .repeat = SL_REPEAT_SAFE, .attempt = 1,
 *                      .now_ms = now, .deadline_ms = deadline, .hint_ms = -1, .random = 0.5, .budget = &budget};
 *   sl_retry_verdict v = sl_retry_decide(&policy, &c);
 *   if (v.what == SL_RETRY_AGAIN) sleep(v.wait_ms); else fail(v.code, v.reason);
 *
 *   outcome      | safe            | unsafe                         | never_automatic
 *   -------------|-----------------|--------------------------------|---------------------------
 *   ok, partial  | deliver         | deliver                        | deliver
 *   rejected     | give up         | give up                        | give up
 *   auth         | log in once     | log in once, then again        | give up
 *   limited      | again           | again                          | give up
 *   unavailable  | again           | again (nothing was done)       | give up
 *   ambiguous    | again           | body sent: give up `ambiguous` | body sent: give up `ambiguous`
 *                |                 | nothing sent: again            | nothing sent: give up
 *
 * "Again" is bounded by the number of attempts, by the deadline over all attempts, and by the connection's retry budget.
 */
#ifndef SL_POLICY_RETRY_H
#define SL_POLICY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef enum sl_outcome {
    SL_OUTCOME_OK,
    SL_OUTCOME_PARTIAL,     /* done in part: the answer tells which */
    SL_OUTCOME_REJECTED,    /* 4xx: the same request would be refused again */
    SL_OUTCOME_AUTH,        /* 401 or 403 on a token that came from a login */
    SL_OUTCOME_LIMITED,     /* 429 */
    SL_OUTCOME_UNAVAILABLE, /* certain that nothing was done: refused connection, 423, 503 that says so */
    SL_OUTCOME_AMBIGUOUS    /* it may have been done: timeout, reset, 5xx; with body_sent false it was not */
} sl_outcome;

#define SL_OUTCOMES (SL_OUTCOME_AMBIGUOUS + 1)

/* "ok", "partial", "rejected", "auth", "limited", "unavailable", "ambiguous". */
const char *sl_outcome_name(sl_outcome outcome);

/* The outcome of such a name; -1 with SL_CONFIG for anything else. */
int sl_outcome_parse(sl_outcome *out, sl_str text, sl_err *err);

typedef enum sl_repeat { SL_REPEAT_SAFE, SL_REPEAT_UNSAFE, SL_REPEAT_NEVER } sl_repeat;

/* "safe", "unsafe", "never_automatic" of a definition's row; -1 with SL_CONFIG for anything else. */
int sl_repeat_parse(sl_repeat *out, sl_str text, sl_err *err);

typedef struct sl_retry_policy {
    int attempts;            /* in all, the first one included */
    int64_t least_ms;        /* an attempt that has less time than this left is not made: its time-out says nothing */
    int limited_attempts;    /* the same for answers 429: those are about pace, not about failure */
    int64_t base_ms, cap_ms; /* attempt n waits a random part of min(cap, base * 2^(n-1)) */
    int64_t hint_extra_ms;   /* added to a server's hint: windows and dates have a grain of a second */
    int64_t hint_spread_ms;  /* and up to so much at random, so that all who were told the same do not come at once */
} sl_retry_policy;

#define SL_RETRY_POLICY                                                                                              \
    ((sl_retry_policy){.attempts = 6,                                                                                \
                       .limited_attempts = 30,                                                                       \
                       .least_ms = 150,                                                                              \
                       .base_ms = 500,                                                                               \
                       .cap_ms = 30000,                                                                              \
                       .hint_extra_ms = 50,                                                                          \
                       .hint_spread_ms = 200})

/* The retry budget of a connection: every request earns a tenth of a resend, a trickle restores the minimum. It stops a
 * server in trouble from getting several times its load. 429s are outside of it, their pace is the rate budget's. */
typedef struct sl_retry_budget {
    int64_t milli; /* thousandths of a resend that are left */
    int64_t at_ms; /* up to when the trickle was counted */
    bool started;
} sl_retry_budget;

/* A first attempt was made: earns a tenth, up to 100 resends in hand. A zeroed budget starts with the minimum of 10. */
void sl_retry_budget_earn(sl_retry_budget *b, int64_t now_ms);

/* Takes one resend; false when none is left. Below the minimum one comes back every second. */
bool sl_retry_budget_spend(sl_retry_budget *b, int64_t now_ms);

typedef struct sl_retry_case {
    sl_outcome outcome;
    sl_code code; /* the failure's own code, kept where giving up says nothing better */
    sl_repeat repeat;
    bool body_sent; /* any byte of the request may have left */
    bool refreshed; /* a login was made for this call already */
    int attempt;    /* how many were made, from 1 */
    int attempts;   /* at most so many for a failure of this kind, 0 for what the policy allows */
    int64_t now_ms;
    int64_t deadline_ms;     /* for all attempts together; INT64_MAX for none */
    int64_t hint_ms;         /* the server's wish, -1 where there is none */
    double random;           /* in [0, 1) */
    sl_retry_budget *budget; /* may be NULL */
} sl_retry_case;

typedef enum sl_retry_what { SL_RETRY_DELIVER, SL_RETRY_AGAIN, SL_RETRY_REFRESH, SL_RETRY_GIVE_UP } sl_retry_what;

typedef struct sl_retry_verdict {
    sl_retry_what what;
    int64_t wait_ms;    /* for AGAIN; a refresh goes at once */
    sl_code code;       /* for GIVE_UP */
    const char *reason; /* a literal: why it may be sent again, or why not */
} sl_retry_verdict;

/* The decision. Spends one resend of the budget where it says AGAIN for anything but a 429. */
sl_retry_verdict sl_retry_decide(const sl_retry_policy *policy, const sl_retry_case *c);

/* The backoff alone: after `attempt` attempts, with full jitter. */
int64_t sl_retry_backoff_ms(const sl_retry_policy *policy, int attempt, double random);

/* How far at_ms lies behind date_ms (the answer's own `Date`), clamped to [0, max_ms]: a reset or a Retry-After date in
 * the past is no wait, an absurd one no longer than what the caller allows. */
int64_t sl_retry_until_ms(int64_t at_ms, int64_t date_ms, int64_t max_ms);

/* `Retry-After` in seconds, clamped the same way; -1 where the text is no whole number (then it may be a date). */
int64_t sl_retry_seconds_ms(sl_str text, int64_t max_ms);

/* A reset header that is absolute Unix time in seconds (a fraction is cut, 13 digits and more are milliseconds), measured
 * and clamped as sl_retry_until_ms does. -1 where it is no such number. */
int64_t sl_retry_reset_ms(sl_str text, int64_t date_ms, int64_t max_ms);

#endif
