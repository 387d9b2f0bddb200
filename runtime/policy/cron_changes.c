/* What clock changes do to the due times, for people who want to know before it happens. */
#include <inttypes.h>

#include "data/civil.h"
#include "policy/cron_part.h"

typedef struct changes {
    const sl_cron *cron;
    void (*fn)(void *self, const sl_cron_change *change);
    void *self;
} changes;

const char *sl_cron_effect_name(sl_cron_effect effect) {
    static const char *const names[] = {"moved", "merged", "skipped", "first_only", "both"};
    return names[effect];
}

/* Minutes of [from, to) that lines of one kind match, and (but) lines of the other kind don't. */
static void collect(const sl_cron *cron, sl_cron_which which, sl_cron_which but, int64_t from, int64_t to,
                    sl_cron_change *out) {
    for (int64_t at = from; (at = sl_cron_local_first(cron, which, at, to)) != SL_CRON_NONE; at++) {
        if (but != SL_CRON_ALL && sl_cron_local_first(cron, but, at, at + 1) != SL_CRON_NONE) continue;
        if (out->count < SL_CRON_SHOWN) out->minutes[out->count] = at;
        out->count++;
    }
}

static void report(const changes *c, sl_cron_change *change, sl_cron_effect effect, int64_t at_s) {
    if (change->count == 0) return;
    change->effect = effect;
    change->at_s = at_s;
    c->fn(c->self, change);
}

static void gap(const changes *c, const sl_cron_stretch *s, const sl_cron_change *clock) {
    sl_cron_change fixed = *clock, wild = *clock;
    collect(c->cron, SL_CRON_FIXED_ONES, SL_CRON_ALL, s->missing, s->from, &fixed);
    collect(c->cron, SL_CRON_WILD_ONES, SL_CRON_FIXED_ONES, s->missing, s->from, &wild);
    bool alone = fixed.count == 1 && sl_cron_local_first(c->cron, SL_CRON_ALL, s->from, s->from + 1) == SL_CRON_NONE;
    report(c, &fixed, alone ? SL_CRON_MOVED : SL_CRON_MERGED, s->from * 60 - clock->after_s);
    report(c, &wild, SL_CRON_SKIPPED, clock->change_s);
}

static void repeat(const changes *c, const sl_cron_stretch *s, const sl_cron_change *clock) {
    sl_cron_change fixed = *clock, wild = *clock;
    collect(c->cron, SL_CRON_FIXED_ONES, SL_CRON_WILD_ONES, s->from, s->fresh, &fixed);
    collect(c->cron, SL_CRON_WILD_ONES, SL_CRON_ALL, s->from, s->fresh, &wild);
    report(c, &fixed, SL_CRON_FIRST_ONLY, fixed.minutes[0] * 60 - clock->before_s);
    report(c, &wild, SL_CRON_BOTH, clock->change_s);
}

void sl_cron_changes(const sl_cron *cron, int64_t after_s, int64_t upto_s,
                     void (*fn)(void *self, const sl_cron_change *change), void *self) {
    changes c = {cron, fn, self};
    if (after_s < SL_CRON_MIN_S) after_s = SL_CRON_MIN_S;
    if (upto_s >= SL_CRON_MAX_S) upto_s = SL_CRON_MAX_S - 1;
    for (int64_t t_s = sl_zone_at(cron->zone, after_s).end_s; cron->count > 0 && t_s <= upto_s;) {
        sl_cron_stretch s = sl_cron_stretch_at(cron, t_s);
        sl_cron_change clock = {.change_s = t_s, .after_s = s.span.offset_s};
        clock.before_s = sl_zone_at(cron->zone, t_s - 1).offset_s;
        gap(&c, &s, &clock);
        repeat(&c, &s, &clock);
        t_s = s.span.end_s;
    }
}

/* ---- words ---- */

static int put_clock(int64_t local_s, sl_buf *out, sl_err *err) {
    int64_t in_day = local_s - sl_civil_floor_div(local_s, 86400) * 86400;
    return sl_buf_printf(out, err, "%02d:%02d", (int)(in_day / 3600), (int)(in_day / 60 % 60));
}

static int put_day(int64_t local_s, sl_buf *out, sl_err *err) {
    sl_civil date = sl_civil_of(sl_civil_floor_div(local_s, 86400));
    return sl_buf_printf(out, err, "%04" PRId64 "-%02d-%02d", date.year, date.month, date.day);
}

/* "02:00, 02:20 and 02:40", or "02:00, 02:01 and 58 more", on their day. */
static int put_minutes(const sl_cron_change *c, sl_buf *out, sl_err *err) {
    int64_t shown = c->count <= 4 ? c->count : 3;
    for (int64_t i = 0; i < shown; i++) {
        const char *before = i == 0 ? "" : i + 1 == c->count ? " and " : ", ";
        if (sl_buf_printf(out, err, "%s", before) < 0 || put_clock(c->minutes[i] * 60, out, err) < 0) return -1;
    }
    if (shown < c->count && sl_buf_printf(out, err, " and %" PRId64 " more", c->count - shown) < 0) return -1;
    if (sl_buf_printf(out, err, " on ") < 0) return -1;
    return put_day(c->minutes[0] * 60, out, err);
}

/* " (the clocks go from 02:00 to 03:00)", with the days where these differ. */
static int put_reason(const sl_cron_change *c, sl_buf *out, sl_err *err) {
    int64_t from = c->change_s + c->before_s, to = c->change_s + c->after_s;
    bool other_day = sl_civil_floor_div(from, 86400) != sl_civil_floor_div(to, 86400);
    if (sl_buf_printf(out, err, " (the clocks go %sfrom ", to < from ? "back " : "") < 0) return -1;
    if (put_clock(from, out, err) < 0 || sl_buf_printf(out, err, " to ") < 0) return -1;
    if (put_clock(to, out, err) < 0) return -1;
    if (other_day && (sl_buf_printf(out, err, " on ") < 0 || put_day(to, out, err) < 0)) return -1;
    return sl_buf_put_char(out, ')', err);
}

int sl_cron_change_text(const sl_cron_change *c, sl_buf *out, sl_err *err) {
    bool gap_kind = c->effect == SL_CRON_MOVED || c->effect == SL_CRON_MERGED || c->effect == SL_CRON_SKIPPED;
    const char *verb = gap_kind ? (c->count == 1 ? " does not exist" : " do not exist")
                                : (c->count == 1 ? " comes twice" : " come twice");
    if (put_minutes(c, out, err) < 0 || sl_buf_printf(out, err, "%s", verb) < 0 || put_reason(c, out, err) < 0)
        return -1;
    switch (c->effect) {
    case SL_CRON_MOVED:
        return sl_buf_printf(out, err, ": runs at the end of the gap");
    case SL_CRON_MERGED:
        return sl_buf_printf(out, err, ": one run at the end of the gap, with what is due then");
    case SL_CRON_SKIPPED:
        return sl_buf_printf(out, err, ": no run");
    case SL_CRON_FIRST_ONLY:
        return sl_buf_printf(out, err, ": runs the first time only");
    default:
        return sl_buf_printf(out, err, ": runs both times");
    }
}

/* ---- times ---- */

int sl_cron_format(const sl_cron *cron, int64_t t_s, sl_buf *out, sl_err *err) {
    if (t_s < SL_CRON_MIN_S + SL_ZONE_OFFSET_MAX || t_s >= SL_CRON_MAX_S)
        return sl_fail(err, SL_USAGE, 0, "a time must lie in the years 0 to 9999");
    int offset = sl_zone_at(cron->zone, t_s).offset_s, size = offset < 0 ? -offset : offset;
    int64_t local = t_s + offset;
    if (put_day(local, out, err) < 0 || sl_buf_put_char(out, 'T', err) < 0 || put_clock(local, out, err) < 0)
        return -1;
    int second = (int)(local - sl_civil_floor_div(local, 60) * 60);
    if (sl_buf_printf(out, err, ":%02d%c%02d:%02d", second, offset < 0 ? '-' : '+', size / 3600, size / 60 % 60) < 0)
        return -1;
    return size % 60 ? sl_buf_printf(out, err, ":%02d", size % 60) : 0; /* local mean times of the 19th century */
}
