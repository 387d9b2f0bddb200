/* The changes of five years around a time are computed and put in order; two of them are what is asked for. */
#include "data/zone_rule.h"

#include <string.h>

#include "data/civil.h"

#define DAY 86400

/* ---- reading ---- */

typedef struct reader {
    const char *p, *end;
} reader;

static bool take(reader *r, char c) {
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static bool number(reader *r, int min, int max, int *out) {
    int n = 0, digits = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9' && digits < 4; digits++) n = n * 10 + (*r->p++ - '0');
    *out = n;
    return digits > 0 && n >= min && n <= max;
}

static bool letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* CEST, or <+03> */
static bool abbreviation(reader *r) {
    const char *from = r->p;
    if (take(r, '<')) {
        while (r->p < r->end && (letter(*r->p) || (*r->p >= '0' && *r->p <= '9') || *r->p == '+' || *r->p == '-'))
            r->p++;
        return take(r, '>');
    }
    while (r->p < r->end && letter(*r->p)) r->p++;
    return r->p - from >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(reader *r, int max_hours, int32_t *out_s) {
    bool minus = take(r, '-');
    int h, m = 0, s = 0;
    if (!minus) take(r, '+');
    if (!number(r, 0, max_hours, &h)) return false;
    if (take(r, ':') && (!number(r, 0, 59, &m) || (take(r, ':') && !number(r, 0, 59, &s)))) return false;
    int32_t total = h * 3600 + m * 60 + s;
    *out_s = minus ? -total : total;
    return true;
}

static bool date(reader *r, sl_zone_date *d) {
    *d = (sl_zone_date){.kind = 'N', .time_s = 2 * 3600};
    if (!take(r, ',')) return false;
    if (take(r, 'M')) {
        d->kind = 'M';
        if (!number(r, 1, 12, &d->month) || !take(r, '.') || !number(r, 1, 5, &d->week) || !take(r, '.') ||
            !number(r, 0, 6, &d->day))
            return false;
    } else if (take(r, 'J')) {
        d->kind = 'J';
        if (!number(r, 1, 365, &d->day)) return false;
    } else if (!number(r, 0, 365, &d->day)) {
        return false;
    }
    return !take(r, '/') || clock_time(r, 167, &d->time_s);
}

/* ---- the changes of a year ---- */

/* The local second at which a date of the rule falls in a year. */
static int64_t local_second(const sl_zone_date *d, int64_t year) {
    if (d->kind == 'M') {
        int64_t first = sl_civil_days(year, d->month, 1);
        int day = (d->day - sl_civil_weekday(first) + 7) % 7 + 7 * (d->week - 1);
        if (day >= sl_civil_month_days(year, d->month)) day -= 7;
        return (first + day) * DAY + d->time_s;
    }
    int64_t days = sl_civil_days(year, 1, 1) + d->day;
    if (d->kind == 'J') days += d->day > 59 && sl_civil_month_days(year, 2) == 29 ? 0 : -1;
    return days * DAY + d->time_s;
}

/* Daylight saving time all year round is written as one that ends when the next one starts. */
static bool all_year(const sl_zone_rule *rule) {
    for (int64_t y = 2000; y < 2004; y++) {
        int64_t end_s = local_second(&rule->end, y) - rule->dst_offset_s;
        if (end_s != local_second(&rule->start, y + 1) - rule->offset_s) return false;
    }
    return true;
}

bool sl_zone_rule_parse(sl_str text, sl_zone_rule *rule) {
    reader r = {text.ptr, text.ptr + text.len};
    int32_t west;
    *rule = (sl_zone_rule){0};
    if (!abbreviation(&r) || !clock_time(&r, 24, &west)) return false;
    rule->offset_s = rule->dst_offset_s = -west;
    if (r.p == r.end) return true;
    rule->changes = true;
    rule->dst_offset_s += 3600;
    if (!abbreviation(&r)) return false;
    if (r.p < r.end && *r.p != ',') {
        if (!clock_time(&r, 24, &west)) return false;
        rule->dst_offset_s = -west;
    }
    if (!date(&r, &rule->start) || !date(&r, &rule->end) || r.p != r.end) return false;
    if (all_year(rule)) *rule = (sl_zone_rule){.offset_s = rule->dst_offset_s};
    return true;
}

/* ---- the span of a time ---- */

typedef struct change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
    bool to_dst;
} change;

static bool before(const change *a, const change *b) {
    return a->at_s < b->at_s || (a->at_s == b->at_s && !a->to_dst && b->to_dst);
}

enum { YEARS = 5 };

static int changes_around(const sl_zone_rule *rule, int64_t year, change out[2 * YEARS]) {
    int n = 0;
    for (int64_t y = year - YEARS / 2; y <= year + YEARS / 2; y++) {
        change both[2] = {{local_second(&rule->start, y) - rule->offset_s, rule->dst_offset_s, true},
                          {local_second(&rule->end, y) - rule->dst_offset_s, rule->offset_s, false}};
        for (int i = 0; i < 2; i++) {
            int at = n++;
            for (; at > 0 && before(&both[i], &out[at - 1]); at--) out[at] = out[at - 1];
            out[at] = both[i];
        }
    }
    return n;
}

sl_zone_span sl_zone_rule_at(const sl_zone_rule *rule, int64_t t_s) {
    sl_zone_span span = {INT64_MIN, INT64_MAX, rule->offset_s};
    if (!rule->changes || rule->offset_s == rule->dst_offset_s) return span;
    change list[2 * YEARS];
    int n = changes_around(rule, sl_civil_of(sl_civil_floor_div(t_s + rule->offset_s, DAY)).year, list);
    span.offset_s = list[0].to_dst ? rule->offset_s : rule->dst_offset_s;
    for (int i = 0; i < n; i++) {
        if (i + 1 < n && list[i + 1].at_s == list[i].at_s) continue; /* undone at once */
        if (list[i].offset_s == span.offset_s) continue;
        if (list[i].at_s > t_s) {
            span.end_s = list[i].at_s;
            break;
        }
        span.start_s = list[i].at_s;
        span.offset_s = list[i].offset_s;
    }
    return span;
}
