/* Lines and clock changes: the local calendar, stretch by stretch of one offset. */
#include "policy/cron.h"

#include <stdlib.h>

#include "data/civil.h"
#include "policy/cron_part.h"

/* The Gregorian calendar repeats itself after 400 years, and so do the zones' rules. */
#define SEARCH_S ((int64_t)400 * 366 * 86400)

/* ---- hash ---- */

static uint64_t scramble(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* FNV-1a, stirred: once for each salt, so that two of them say nothing about each other. */
uint64_t sl_cron_hash(sl_str name, int salt) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.len; i++) h = (h ^ (unsigned char)name.ptr[i]) * 0x100000001b3u;
    return scramble(scramble(h) + (uint64_t)(salt + 1) * 0x9e3779b97f4a7c15u);
}

/* ---- making ---- */

sl_cron *sl_cron_every(int64_t seconds, sl_str name, sl_zone *utc, sl_err *err) {
    if (seconds < 1 || seconds > SL_CRON_INTERVAL_MAX) {
        sl_fail(err, SL_USAGE, 0, "an interval is 1 second to 100 years");
        return NULL;
    }
    sl_cron *cron = calloc(1, sizeof *cron);
    if (!cron) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a schedule");
        return NULL;
    }
    cron->zone = sl_zone_share(utc);
    cron->interval_s = seconds;
    cron->shift_s = (int64_t)(sl_cron_hash(name, 5) % (uint64_t)seconds);
    return cron;
}

void sl_cron_free(sl_cron *cron) {
    if (!cron) return;
    sl_zone_free(cron->zone);
    free(cron);
}

bool sl_cron_empty(const sl_cron *cron) {
    return cron->count == 0 && cron->interval_s == 0;
}

int64_t sl_cron_interval(const sl_cron *cron) {
    return cron->interval_s;
}

const sl_zone *sl_cron_zone(const sl_cron *cron) {
    return cron->zone;
}

/* ---- stretches ---- */

int64_t sl_cron_minute_from(int64_t t_s, int32_t offset_s) {
    if (t_s < SL_CRON_MIN_S) t_s = SL_CRON_MIN_S;
    if (t_s > SL_CRON_MAX_S) t_s = SL_CRON_MAX_S;
    return sl_civil_floor_div(t_s + offset_s + 59, 60);
}

/* The first local minute that the clocks have not shown before a span: offsets differ by two days at most, so that spans
 * that ended earlier have no say. */
static int64_t reached_before(const sl_zone *zone, const sl_zone_span *span) {
    int64_t reached = INT64_MIN, since_s = span->start_s - 2 * SL_ZONE_OFFSET_MAX;
    for (int64_t t_s = span->start_s; t_s > since_s;) {
        sl_zone_span before = sl_zone_at(zone, t_s - 1);
        int64_t to = sl_cron_minute_from(before.end_s, before.offset_s);
        if (to > reached) reached = to;
        t_s = before.start_s;
    }
    return reached;
}

sl_cron_stretch sl_cron_stretch_at(const sl_cron *cron, int64_t t_s) {
    sl_zone_span span = sl_zone_at(cron->zone, t_s);
    int64_t from = sl_cron_minute_from(span.start_s, span.offset_s);
    int64_t to = sl_cron_minute_from(span.end_s, span.offset_s), reached = from;
    if (span.start_s > SL_CRON_MIN_S) reached = reached_before(cron->zone, &span);
    int64_t fresh = reached > from ? reached : from;
    return (sl_cron_stretch){span, from, to, reached < from ? reached : from, fresh < to ? fresh : to};
}

/* Whether jumping over [missing, from) makes lines run at `from`. */
static bool runs_behind_gap(const sl_cron *cron, const sl_cron_stretch *s) {
    return s->missing < s->from && s->from < s->to &&
           sl_cron_local_first(cron, SL_CRON_FIXED_ONES, s->missing, s->from) != SL_CRON_NONE;
}

/* ---- next ---- */

/* The first minute of a stretch, at or after `low`, at which something runs. */
static int64_t first_in_stretch(const sl_cron *cron, const sl_cron_stretch *s, int64_t low) {
    if (low <= s->from && runs_behind_gap(cron, s)) return s->from;
    int64_t repeated_to = low < s->fresh ? s->fresh : low;
    int64_t wild = sl_cron_local_first(cron, SL_CRON_WILD_ONES, low, repeated_to);
    return wild != SL_CRON_NONE ? wild : sl_cron_local_first(cron, SL_CRON_ALL, repeated_to, s->to);
}

static bool next_of_lines(const sl_cron *cron, int64_t after_s, int64_t *out_s) {
    int64_t until_s = after_s < SL_CRON_MAX_S - SEARCH_S ? after_s + SEARCH_S : SL_CRON_MAX_S;
    for (int64_t t_s = after_s + 1; t_s < until_s;) {
        sl_cron_stretch s = sl_cron_stretch_at(cron, t_s);
        int64_t low = sl_cron_minute_from(t_s, s.span.offset_s);
        int64_t minute = first_in_stretch(cron, &s, low < s.from ? s.from : low);
        if (minute != SL_CRON_NONE) {
            *out_s = minute * 60 - s.span.offset_s;
            return *out_s < SL_CRON_MAX_S;
        }
        t_s = s.span.end_s;
    }
    return false;
}

bool sl_cron_next(const sl_cron *cron, int64_t after_s, int64_t *out_s) {
    if (after_s < SL_CRON_MIN_S) after_s = SL_CRON_MIN_S;
    if (after_s >= SL_CRON_MAX_S || sl_cron_empty(cron)) return false;
    if (!cron->interval_s) return next_of_lines(cron, after_s, out_s);
    *out_s = (sl_civil_floor_div(after_s - cron->shift_s, cron->interval_s) + 1) * cron->interval_s + cron->shift_s;
    return *out_s < SL_CRON_MAX_S;
}

/* ---- counting ---- */

static int64_t count_in_stretch(const sl_cron *cron, const sl_cron_stretch *s, int64_t low, int64_t high) {
    int64_t repeated_to = high < s->fresh ? high : s->fresh, fresh = low < s->fresh ? s->fresh : low;
    int64_t count = sl_cron_local_count(cron, SL_CRON_WILD_ONES, low, repeated_to) +
                    sl_cron_local_count(cron, SL_CRON_ALL, fresh, high);
    if (low > s->from || high <= s->from || !runs_behind_gap(cron, s)) return count;
    return count + (sl_cron_local_count(cron, SL_CRON_ALL, s->from, s->from + 1) == 0);
}

static int64_t count_of_lines(const sl_cron *cron, int64_t after_s, int64_t upto_s) {
    int64_t count = 0;
    for (int64_t t_s = after_s + 1; t_s <= upto_s;) {
        sl_cron_stretch s = sl_cron_stretch_at(cron, t_s);
        int64_t low = sl_cron_minute_from(t_s, s.span.offset_s),
                high = sl_cron_minute_from(upto_s + 1, s.span.offset_s);
        count += count_in_stretch(cron, &s, low < s.from ? s.from : low, high < s.to ? high : s.to);
        t_s = s.span.end_s;
    }
    return count;
}

int64_t sl_cron_count(const sl_cron *cron, int64_t after_s, int64_t upto_s) {
    if (after_s < SL_CRON_MIN_S) after_s = SL_CRON_MIN_S;
    if (upto_s >= SL_CRON_MAX_S) upto_s = SL_CRON_MAX_S - 1;
    if (after_s >= upto_s || sl_cron_empty(cron)) return 0;
    if (!cron->interval_s) return count_of_lines(cron, after_s, upto_s);
    return sl_civil_floor_div(upto_s - cron->shift_s, cron->interval_s) -
           sl_civil_floor_div(after_s - cron->shift_s, cron->interval_s);
}

/* Doubles the time looked back on until it has n, then halves the doubt. */
int64_t sl_cron_before_last(const sl_cron *cron, int64_t after_s, int64_t upto_s, int64_t n) {
    int64_t low = upto_s, high = upto_s;
    if (after_s < SL_CRON_MIN_S) after_s = SL_CRON_MIN_S;
    for (int64_t back_s = 3600; low > after_s; back_s *= 2) {
        low = upto_s - back_s > after_s ? upto_s - back_s : after_s;
        if (sl_cron_count(cron, low, upto_s) >= n) break;
        high = low;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (sl_cron_count(cron, middle, upto_s) >= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}
