/* Days are counted from the civil calendar by arithmetic: no C library call that knows a zone is involved. */
#include "data/time.h"

#include <math.h>

#include "data/civil.h"

typedef struct fields {
    int year, month, day, hour, minute, second;
    double fraction;
    int offset_s;
} fields;

typedef struct cursor {
    const char *p, *end;
} cursor;

static bool digits(cursor *c, int count, int *out) {
    if (c->end - c->p < count) return false;
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (c->p[i] < '0' || c->p[i] > '9') return false;
        value = 10 * value + (c->p[i] - '0');
    }
    c->p += count;
    *out = value;
    return true;
}

static bool one_of(cursor *c, const char *set) {
    if (c->p == c->end || !*c->p || !strchr(set, *c->p)) return false;
    c->p++;
    return true;
}

static bool fraction(cursor *c, double *out) {
    double scale = 0.1;
    if (!one_of(c, ".,")) return true;
    if (c->p == c->end || *c->p < '0' || *c->p > '9') return false;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, scale /= 10) *out += (*c->p - '0') * scale;
    return true;
}

static bool zone(cursor *c, int *offset_s) {
    int h, m;
    if (c->p == c->end || one_of(c, "Zz")) return true;
    bool west = *c->p == '-';
    if (!one_of(c, "+-") || !digits(c, 2, &h)) return false;
    one_of(c, ":");
    if (!digits(c, 2, &m) || h > 23 || m > 59) return false;
    *offset_s = (west ? -60 : 60) * (60 * h + m);
    return true;
}

static bool clock_time(cursor *c, fields *f) {
    return digits(c, 2, &f->hour) && one_of(c, ":") && digits(c, 2, &f->minute) && one_of(c, ":") &&
           digits(c, 2, &f->second);
}

static bool iso(cursor *c, fields *f) {
    if (!digits(c, 4, &f->year) || !one_of(c, "-") || !digits(c, 2, &f->month) || !one_of(c, "-") ||
        !digits(c, 2, &f->day))
        return false;
    if (c->p == c->end) return true;
    return one_of(c, "Tt ") && clock_time(c, f) && fraction(c, &f->fraction) && zone(c, &f->offset_s);
}

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool http(cursor *c, fields *f) {
    if (c->end - c->p != 29 || memcmp(c->p + 25, " GMT", 4) != 0) return false;
    cursor d = {c->p + 5, c->end};
    if (!digits(&d, 2, &f->day) || !one_of(&d, " ")) return false;
    for (f->month = 1; f->month <= 12 && memcmp(month_names + 3 * (f->month - 1), d.p, 3) != 0; f->month++) continue;
    d.p += 3;
    if (!one_of(&d, " ") || !digits(&d, 4, &f->year) || !one_of(&d, " ") || !clock_time(&d, f)) return false;
    c->p = c->end;
    return true;
}

static bool possible(const fields *f) {
    return f->month >= 1 && f->month <= 12 && f->day >= 1 && f->day <= sl_civil_month_days(f->year, f->month) &&
           f->hour <= 23 && f->minute <= 59 && f->second <= 60;
}

int sl_time_parse(sl_str text, double *seconds, sl_err *err) {
    text = sl_str_trim(text);
    fields f = {0};
    cursor c = {text.ptr, text.ptr + text.len};
    bool read = text.len && (text.ptr[0] >= 'A' ? http(&c, &f) : iso(&c, &f));
    if (!read || c.p != c.end || !possible(&f))
        return sl_fail(err, SL_INVALID, 0, "'%.*s' is not a time (2021-01-05 08:25:04, 2021-01-05T08:25:04Z)",
                       (int)(text.len < 60 ? text.len : 60), text.ptr);
    int64_t whole = sl_civil_days(f.year, f.month, f.day) * 86400 + f.hour * 3600 + f.minute * 60 + f.second;
    *seconds = (double)(whole - f.offset_s) + f.fraction;
    return 0;
}

int sl_time_parse_day(sl_str text, double *seconds, sl_err *err) {
    text = sl_str_trim(text);
    fields f = {0};
    cursor c = {text.ptr, text.ptr + text.len};
    bool read = digits(&c, 2, &f.day) && one_of(&c, "/") && digits(&c, 2, &f.month) && one_of(&c, "/") &&
                digits(&c, 4, &f.year);
    if (!read || c.p != c.end || !possible(&f))
        return sl_fail(err, SL_INVALID, 0, "'%.*s' is not a day (31/01/2018, day first)",
                       (int)(text.len < 60 ? text.len : 60), text.ptr);
    *seconds = (double)(sl_civil_days(f.year, f.month, f.day) * 86400);
    return 0;
}

int sl_time_format(double seconds, sl_time_form form, sl_buf *out, sl_err *err) {
    if (!(seconds >= -62167219200.0 && seconds < 253402300800.0))
        return sl_fail(err, SL_USAGE, 0, "a time must lie in the years 0 to 9999");
    int64_t ms = (int64_t)floor(seconds * 1000 + 0.5), s = ms / 1000 - (ms % 1000 < 0), rest = ms - s * 1000;
    int64_t days = s / 86400 - (s % 86400 < 0), in_day = s - days * 86400;
    int h = (int)(in_day / 3600), m = (int)(in_day / 60 % 60), sec = (int)(in_day % 60);
    sl_civil date = sl_civil_of(days);
    fields f = {.year = (int)date.year, .month = date.month, .day = date.day};
    if (form == SL_TIME_SQL)
        return sl_buf_printf(out, err, "%04d-%02d-%02d %02d:%02d:%02d", f.year, f.month, f.day, h, m, sec);
    if (form == SL_TIME_DAY) return sl_buf_printf(out, err, "%02d/%02d/%04d", f.day, f.month, f.year);
    if (form == SL_TIME_HTTP)
        return sl_buf_printf(out, err, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                             day_names + 3 * sl_civil_weekday(days), f.day, month_names + 3 * (f.month - 1), f.year,
                             h, m, sec);
    int rc = sl_buf_printf(out, err, "%04d-%02d-%02dT%02d:%02d:%02d", f.year, f.month, f.day, h, m, sec);
    if (rc == 0 && rest) rc = sl_buf_printf(out, err, ".%03d", (int)rest);
    return rc < 0 ? rc : sl_buf_put_char(out, 'Z', err);
}
