/* One table of rows (outcome by repeat class) and the three bounds that every "again" has to pass. */
#include "policy/retry.h"

#define EARN_MILLI 100
#define SPEND_MILLI 1000
#define MINIMUM_MILLI 10000
#define MOST_MILLI 100000

const char *sl_outcome_name(sl_outcome outcome) {
    static const char *const names[] = {"ok", "partial", "rejected", "auth", "limited", "unavailable", "ambiguous"};
    return names[outcome];
}

int sl_outcome_parse(sl_outcome *out, sl_str text, sl_err *err) {
    for (int i = SL_OUTCOME_OK; i <= SL_OUTCOME_AMBIGUOUS; i++)
        if (sl_str_eq(text, sl_str_of(sl_outcome_name((sl_outcome)i)))) {
            *out = (sl_outcome)i;
            return 0;
        }
    return sl_fail(err, SL_CONFIG, 0,
                   "outcome must be ok, partial, rejected, auth, limited, unavailable or ambiguous, not '%.*s'",
                   text.len > 40 ? 40 : (int)text.len, text.ptr);
}

int sl_repeat_parse(sl_repeat *out, sl_str text, sl_err *err) {
    static const char *const names[] = {"safe", "unsafe", "never_automatic"};
    for (int i = 0; i < 3; i++)
        if (sl_str_eq(text, sl_str_of(names[i]))) {
            *out = (sl_repeat)i;
            return 0;
        }
    return sl_fail(err, SL_CONFIG, 0, "repeat must be safe, unsafe or never_automatic, not '%.*s'",
                   text.len > 40 ? 40 : (int)text.len, text.ptr);
}

/* ---- the budget ---- */

static void budget_trickle(sl_retry_budget *b, int64_t now_ms) {
    if (!b->started) *b = (sl_retry_budget){MINIMUM_MILLI, now_ms, true};
    int64_t passed = now_ms - b->at_ms;
    b->at_ms = now_ms;
    if (passed <= 0 || b->milli >= MINIMUM_MILLI) return;
    b->milli = passed >= MINIMUM_MILLI - b->milli ? MINIMUM_MILLI : b->milli + passed;
}

void sl_retry_budget_earn(sl_retry_budget *b, int64_t now_ms) {
    budget_trickle(b, now_ms);
    if (b->milli < MOST_MILLI) b->milli += EARN_MILLI;
}

bool sl_retry_budget_spend(sl_retry_budget *b, int64_t now_ms) {
    budget_trickle(b, now_ms);
    if (b->milli < SPEND_MILLI) return false;
    b->milli -= SPEND_MILLI;
    return true;
}

/* ---- the decision ---- */

int64_t sl_retry_backoff_ms(const sl_retry_policy *policy, int attempt, double random) {
    int64_t top = policy->base_ms;
    for (int i = 1; i < attempt && top < policy->cap_ms; i++) top *= 2;
    if (top > policy->cap_ms) top = policy->cap_ms;
    return (int64_t)((double)top * random);
}

static sl_retry_verdict give_up(sl_code code, const char *reason) {
    return (sl_retry_verdict){SL_RETRY_GIVE_UP, 0, code ? code : SL_INTERNAL, reason};
}

/* The wait before the next attempt. A 429 without a hint waits half of the backoff at least: what is short here would be
 * the next 429. */
static int64_t wait_for(const sl_retry_policy *p, const sl_retry_case *c) {
    if (c->hint_ms >= 0) return c->hint_ms + p->hint_extra_ms + (int64_t)((double)p->hint_spread_ms * c->random);
    if (c->outcome == SL_OUTCOME_LIMITED) return sl_retry_backoff_ms(p, c->attempt, 0.5 + c->random / 2);
    return sl_retry_backoff_ms(p, c->attempt, c->random);
}

static sl_retry_verdict again(const sl_retry_policy *p, const sl_retry_case *c, sl_code code, const char *reason) {
    bool limited = c->outcome == SL_OUTCOME_LIMITED;
    int most = c->attempts > 0 ? c->attempts : limited ? p->limited_attempts : p->attempts;
    if (c->attempt >= most) return give_up(code, "all attempts were made");
    int64_t wait = wait_for(p, c);
    if (c->deadline_ms != INT64_MAX && wait + p->least_ms > c->deadline_ms - c->now_ms)
        return give_up(code, c->hint_ms >= 0 ? "the server asks for a longer wait than the deadline leaves"
                                             : "the deadline leaves no time for another attempt");
    if (!limited && c->budget && !sl_retry_budget_spend(c->budget, c->now_ms))
        return give_up(code, "the connection's retry budget is used up: too many of its requests fail");
    return (sl_retry_verdict){SL_RETRY_AGAIN, wait, SL_OK, reason};
}

static sl_retry_verdict decide_auth(const sl_retry_case *c) {
    if (c->repeat == SL_REPEAT_NEVER) return give_up(c->code, "the operation is never sent twice on its own");
    if (c->refreshed) return give_up(c->code, "the credentials were refused again after a fresh login");
    return (sl_retry_verdict){SL_RETRY_REFRESH, 0, SL_OK, "the token was refused: a fresh login, once"};
}

static sl_retry_verdict decide_ambiguous(const sl_retry_policy *p, const sl_retry_case *c) {
    if (c->repeat == SL_REPEAT_SAFE)
        return again(p, c, c->code, c->body_sent ? "the operation is safe to repeat" : "nothing was sent");
    if (c->body_sent) return give_up(SL_AMBIGUOUS, "it may have been done, and doing it twice is not safe");
    if (c->repeat == SL_REPEAT_NEVER) return give_up(c->code, "the operation is never sent twice on its own");
    return again(p, c, c->code, "nothing was sent");
}

sl_retry_verdict sl_retry_decide(const sl_retry_policy *policy, const sl_retry_case *c) {
    switch (c->outcome) {
    case SL_OUTCOME_OK:
    case SL_OUTCOME_PARTIAL:
        return (sl_retry_verdict){SL_RETRY_DELIVER, 0, SL_OK, "done"};
    case SL_OUTCOME_REJECTED:
        return give_up(c->code, "the server refused it, and would again");
    case SL_OUTCOME_AUTH:
        return decide_auth(c);
    case SL_OUTCOME_AMBIGUOUS:
        return decide_ambiguous(policy, c);
    case SL_OUTCOME_LIMITED:
    case SL_OUTCOME_UNAVAILABLE:
        break;
    }
    if (c->repeat == SL_REPEAT_NEVER) return give_up(c->code, "the operation is never sent twice on its own");
    if (c->outcome == SL_OUTCOME_LIMITED) return again(policy, c, SL_LIMIT, "over the limit: nothing was done");
    return again(policy, c, c->code, "certain that nothing was done");
}

/* ---- hints ---- */

int64_t sl_retry_until_ms(int64_t at_ms, int64_t date_ms, int64_t max_ms) {
    if (at_ms <= date_ms) return 0;
    return at_ms - date_ms > max_ms ? max_ms : at_ms - date_ms;
}

/* All digits; more than 15 of them count as 15 nines. -1 otherwise. */
static int64_t digits(sl_str s) {
    int64_t n = 0;
    if (s.len == 0) return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return -1;
        n = n > 99999999999999 ? 999999999999999 : n * 10 + (s.ptr[i] - '0');
    }
    return n;
}

int64_t sl_retry_seconds_ms(sl_str text, int64_t max_ms) {
    int64_t seconds = digits(sl_str_trim(text));
    return seconds < 0 ? -1 : sl_retry_until_ms(seconds * 1000, 0, max_ms);
}

int64_t sl_retry_reset_ms(sl_str text, int64_t date_ms, int64_t max_ms) {
    sl_str s = sl_str_trim(text);
    ptrdiff_t dot = sl_str_find(s, SL_STR("."));
    if (dot > 0) {
        if (digits(sl_str_make(s.ptr + dot + 1, s.len - (size_t)dot - 1)) < 0) return -1;
        s.len = (size_t)dot;
    }
    int64_t at = digits(s);
    if (at < 0) return -1;
    return sl_retry_until_ms(at >= 1000000000000 ? at : at * 1000, date_ms, max_ms);
}
