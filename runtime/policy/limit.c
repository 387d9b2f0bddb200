/* The generic cell rate algorithm, once per window. */
#include "policy/limit.h"

#define SECOND_US 1000000
#define WINDOW_MAX_US (31 * 86400 * (int64_t)SECOND_US)
#define COUNT_MAX 1000000
#define MARGIN_PERMILLE 10
#define SLACK_PART 400 /* of a window: a quarter of the margin */
#define CONCURRENT_MAX 1000
#define SLOW_FIRST 100
#define SLOW_MAX 3000
#define SLOW_STEP 100
#define SLOW_STEP_US (10 * (int64_t)SECOND_US)

static int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* ---- rates as text ---- */

static const struct {
    const char *name;
    int64_t us;
} units[] = {
    {"ms", 1000},
    {"s", SECOND_US},
    {"sec", SECOND_US},
    {"second", SECOND_US},
    {"m", 60 * (int64_t)SECOND_US},
    {"min", 60 * (int64_t)SECOND_US},
    {"minute", 60 * (int64_t)SECOND_US},
    {"h", 3600 * (int64_t)SECOND_US},
    {"hour", 3600 * (int64_t)SECOND_US},
    {"d", 86400 * (int64_t)SECOND_US},
    {"day", 86400 * (int64_t)SECOND_US},
};

/* Digits at the front of *s, taken off it; `none` where there are none, -1 past the ceiling. */
static int64_t take_number(sl_str *s, int64_t none) {
    int64_t n = 0;
    size_t used = 0;
    while (used < s->len && s->ptr[used] >= '0' && s->ptr[used] <= '9') {
        n = n * 10 + (s->ptr[used++] - '0');
        if (n > COUNT_MAX) return -1;
    }
    *s = sl_str_trim(sl_str_make(s->ptr + used, s->len - used));
    return used ? n : none;
}

static int64_t take_unit(sl_str *s) {
    size_t len = 0;
    while (len < s->len && s->ptr[len] != ' ') len++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (sl_str_ieq(sl_str_make(s->ptr, len), sl_str_of(units[i].name))) {
            *s = sl_str_trim(sl_str_make(s->ptr + len, s->len - len));
            return units[i].us;
        }
    return 0;
}

static int bad_rate(sl_str text, sl_err *err) {
    int shown = text.len > 60 ? 60 : (int)text.len;
    sl_fail(err, SL_CONFIG, 0, "'%.*s' is not a rate", shown, text.ptr);
    return sl_hint(err, "a rate is written like 30/s, 60/min, 1/5min, 5/s burst 50 or 60/min, concurrent 1");
}

static int parse_rate(sl_rate *out, sl_str text, sl_err *err) {
    sl_str s = sl_str_trim(text);
    sl_rate r = {.burst = 1};
    r.count = take_number(&s, 0);
    if (r.count < 1 || s.len == 0 || s.ptr[0] != '/') return bad_rate(text, err);
    s = sl_str_trim(sl_str_make(s.ptr + 1, s.len - 1));
    int64_t times = take_number(&s, 1), unit = take_unit(&s);
    if (times < 1 || unit == 0 || times > WINDOW_MAX_US / unit) return bad_rate(text, err);
    r.window_us = times * unit;
    if (sl_str_starts(s, SL_STR("burst "))) {
        s = sl_str_trim(sl_str_make(s.ptr + 6, s.len - 6));
        r.burst = take_number(&s, 0);
    }
    if (s.len > 0 || r.burst < 1 || r.count > r.window_us) return bad_rate(text, err);
    *out = r;
    return 0;
}

/* "concurrent 1": 1 where it is that, 0 where it is something else, -1. */
static int parse_concurrent(sl_rates *all, sl_str text, sl_err *err) {
    sl_str s = sl_str_trim(text);
    if (!sl_str_starts(s, SL_STR("concurrent "))) return 0;
    s = sl_str_trim(sl_str_make(s.ptr + 11, s.len - 11));
    int64_t n = take_number(&s, 0);
    if (s.len > 0 || n < 1 || n > CONCURRENT_MAX || all->concurrent) return bad_rate(text, err);
    all->concurrent = (int)n;
    return 1;
}

static int parse_part(sl_rates *all, sl_str text, sl_err *err) {
    int rc = parse_concurrent(all, text, err);
    if (rc != 0) return rc < 0 ? -1 : 0;
    if (all->count == SL_RATES_MAX)
        return sl_fail(err, SL_CONFIG, 0, "more than %d rates in one class", SL_RATES_MAX);
    return parse_rate(&all->at[all->count++], text, err);
}

int sl_rates_parse(sl_rates *out, sl_str text, sl_err *err) {
    sl_rates all = {0};
    sl_str rest = text;
    for (ptrdiff_t comma = 0; comma >= 0;) {
        comma = sl_str_find(rest, SL_STR(","));
        sl_str one = comma < 0 ? rest : sl_str_make(rest.ptr, (size_t)comma);
        if (parse_part(&all, one, err) < 0) return -1;
        if (comma >= 0) rest = sl_str_make(rest.ptr + comma + 1, rest.len - (size_t)comma - 1);
    }
    if (all.count == 0) return bad_rate(text, err);
    *out = all;
    return 0;
}

static int print_rate(const sl_rate *r, sl_buf *out, sl_err *err) {
    static const struct {
        const char *name;
        int64_t us;
    } best[] = {{"d", 86400 * (int64_t)SECOND_US},
                {"h", 3600 * (int64_t)SECOND_US},
                {"min", 60 * (int64_t)SECOND_US},
                {"s", SECOND_US},
                {"ms", 1000}};
    size_t i = 0;
    while (i < 4 && r->window_us % best[i].us) i++;
    long long times = r->window_us / best[i].us;
    if (sl_buf_printf(out, err, "%lld/", (long long)r->count) < 0) return -1;
    if (times != 1 && sl_buf_printf(out, err, "%lld", times) < 0) return -1;
    if (sl_buf_printf(out, err, "%s", best[i].name) < 0) return -1;
    return r->burst > 1 ? sl_buf_printf(out, err, " burst %lld", (long long)r->burst) : 0;
}

int sl_rates_print(const sl_rates *rates, sl_buf *out, sl_err *err) {
    for (int i = 0; i < rates->count; i++) {
        if (i > 0 && sl_buf_put_str(out, SL_STR(", "), err) < 0) return -1;
        if (print_rate(&rates->at[i], out, err) < 0) return -1;
    }
    return rates->concurrent ? sl_buf_printf(out, err, ", concurrent %d", rates->concurrent) : 0;
}

/* ---- one window ---- */

static int64_t slow_now(const sl_bucket *b, int64_t now_us) {
    if (b->slow_permille == 0) return 0;
    int64_t steps = max64(0, now_us - b->slow_at_us) / SLOW_STEP_US;
    return steps >= SLOW_MAX / SLOW_STEP ? 0 : max64(0, b->slow_permille - steps * SLOW_STEP);
}

/* Rounded up: never faster than the rate. */
static int64_t spaced(int64_t count, int64_t window_us, int64_t slow) {
    int64_t permille = 1000 + MARGIN_PERMILLE + slow;
    int64_t whole = window_us / count, rest = window_us % count;
    return whole * permille / 1000 + (rest * permille + count * 1000 - 1) / (count * 1000) + 1;
}

static int64_t interval(const sl_bucket *b, const sl_rates *rates, int i, int64_t now_us) {
    int64_t slow = slow_now(b, now_us);
    int64_t t = spaced(rates->at[i].count, rates->at[i].window_us, slow);
    if (i == 0 && b->learnt_count > 0) t = max64(t, spaced(b->learnt_count, b->learnt_window_us, slow));
    return t;
}

/* How much earlier than the theoretical arrival time a send may be: the burst. */
static int64_t tolerance(const sl_bucket *b, const sl_rates *rates, int i, int64_t now_us) {
    int64_t burst = rates->at[i].burst;
    if (i == 0 && b->learnt_count > 0) burst = min64(burst, b->learnt_count);
    return (burst - 1) * interval(b, rates, i, now_us);
}

int64_t sl_bucket_free_us(const sl_bucket *b, const sl_rates *rates, int64_t now_us) {
    int64_t at = b->blocked_us;
    for (int i = 0; i < rates->count; i++) at = max64(at, b->sent_us[i] - tolerance(b, rates, i, now_us));
    return at;
}

/* ---- taking ---- */

int64_t sl_bucket_wait(const sl_bucket *b, const sl_rates *rates, int64_t now_us) {
    return max64(0, sl_bucket_free_us(b, rates, now_us) - now_us);
}

int64_t sl_bucket_take(sl_bucket *b, const sl_rates *rates, int64_t now_us) {
    int64_t wait = sl_bucket_wait(b, rates, now_us);
    if (wait > 0) return wait;
    for (int i = 0; i < rates->count; i++) {
        int64_t from = now_us - rates->at[i].window_us / SLACK_PART;
        b->sent_us[i] = max64(b->sent_us[i], from) + interval(b, rates, i, now_us);
    }
    return 0;
}

/* ---- learning ---- */

bool sl_bucket_learn(sl_bucket *b, const sl_rates *rates, int64_t count, int64_t window_us, int64_t now_us) {
    if (count < 1 || count > COUNT_MAX || window_us < count || window_us > WINDOW_MAX_US || rates->count < 1)
        return false;
    const sl_rate *def = &rates->at[0];
    bool lower = spaced(count, window_us, 0) > spaced(def->count, def->window_us, 0);
    /* What a slower definition of its own can't tell from its own may still be less than what others go by. */
    bool less = b->learnt_count > 0 && spaced(count, window_us, 0) >= spaced(b->learnt_count, b->learnt_window_us, 0);
    if (!lower && less) return false;
    int64_t new_count = lower ? count : 0, new_window = lower ? window_us : 0;
    if (b->learnt_count == new_count && b->learnt_window_us == new_window) return false;
    int64_t before = interval(b, rates, 0, now_us);
    b->learnt_count = 0; /* whoever dies between these leaves no count with another's window */
    b->learnt_window_us = new_window;
    b->learnt_count = new_count;
    /* The send that brought this news was spaced by the old interval: widen the distance to the next one now. */
    int64_t wider = interval(b, rates, 0, now_us) - before;
    if (wider > 0 && b->sent_us[0] > now_us) b->sent_us[0] += wider;
    return true;
}

void sl_bucket_penalty(sl_bucket *b, const sl_rates *rates, int64_t until_us, int64_t now_us) {
    int64_t slow = slow_now(b, now_us);
    bool news = b->slow_permille == 0 || now_us - b->slow_at_us >= max64(SECOND_US, interval(b, rates, 0, now_us));
    if (news) {
        b->slow_permille = min64(slow ? slow * 2 : SLOW_FIRST, SLOW_MAX);
        b->slow_at_us = now_us;
    }
    b->blocked_us = max64(b->blocked_us, until_us);
    int64_t from = max64(now_us, b->blocked_us);
    for (int i = 0; i < rates->count; i++) /* the burst is gone: one at a time from there on */
        b->sent_us[i] = max64(b->sent_us[i], from + tolerance(b, rates, i, now_us));
}

/* ---- looking ---- */

int64_t sl_bucket_interval_us(const sl_bucket *b, const sl_rates *rates, int64_t now_us) {
    int64_t t = 0;
    for (int i = 0; i < rates->count; i++) t = max64(t, interval(b, rates, i, now_us));
    return t;
}

int64_t sl_bucket_fill_permille(const sl_bucket *b, const sl_rates *rates, int64_t now_us) {
    int64_t fill = 0;
    for (int i = 0; i < rates->count; i++) {
        int64_t whole = tolerance(b, rates, i, now_us) + interval(b, rates, i, now_us);
        fill = max64(fill, max64(0, b->sent_us[i] - now_us) * 1000 / whole);
    }
    return b->blocked_us > now_us ? max64(fill, 1000) : fill;
}

bool sl_bucket_idle(const sl_bucket *b, const sl_rates *rates, int64_t now_us) {
    return sl_bucket_fill_permille(b, rates, now_us) == 0 && b->learnt_count == 0 && slow_now(b, now_us) == 0;
}
