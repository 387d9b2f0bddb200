/* A line in English, said from the values that it allows and not from its text: what H became is in it. */
#include <inttypes.h>

#include "policy/cron_part.h"

typedef struct set {
    uint64_t bits;
    int min, max;
    const char *names; /* nine letters each, padded with blanks; NULL: numbers */
} set;

static const char months[] =
    "January  February March    April    May      June     July     August   SeptemberOctober  November December ";
static const char weekdays[] = "Sunday   Monday   Tuesday  WednesdayThursday Friday   Saturday ";

static uint64_t full(int min, int max) {
    return (2ull << max) - (1ull << min);
}

static int put_value(const set *s, int n, sl_buf *out, sl_err *err) {
    if (!s->names) return sl_buf_printf(out, err, "%d", n);
    const char *name = s->names + 9 * (n - s->min);
    int len = 9;
    while (name[len - 1] == ' ') len--;
    return sl_buf_printf(out, err, "%.*s", len, name);
}

/* The distance of all neighbours, 0 where they differ. */
static int even_step(uint64_t bits) {
    int first = __builtin_ctzll(bits), step = 0, last = first;
    for (uint64_t left = bits & (bits - 1); left; left &= left - 1) {
        int n = __builtin_ctzll(left);
        if (step && n - last != step) return 0;
        step = n - last;
        last = n;
    }
    return step;
}

/* "3", "1 and 15", "1 to 5, 9 and 12", "1, 3, 5, … and 31". */
static int put_set(const set *s, sl_buf *out, sl_err *err) {
    bool even = __builtin_popcountll(s->bits) > 6 && even_step(s->bits) > 1;
    int last = 63 - __builtin_clzll(s->bits), written = 0;
    for (uint64_t left = s->bits; left;) {
        int n = __builtin_ctzll(left), end = n;
        while (end < 63 && left >> (end + 1) & 1) end++;
        if (end - n < 2) end = n;
        if (even && written == 3) {
            n = end = last;
            if (sl_buf_printf(out, err, ", …") < 0) return -1;
        }
        const char *before = !written ? "" : end == last ? " and " : ", ";
        if (sl_buf_printf(out, err, "%s", before) < 0 || put_value(s, n, out, err) < 0) return -1;
        if (end > n && (sl_buf_printf(out, err, " to ") < 0 || put_value(s, end, out, err) < 0)) return -1;
        written++;
        left = end < 63 ? left >> (end + 1) << (end + 1) : 0;
    }
    return 0;
}

/* "at 02:17, 06:17 and 19:17" */
static int put_times(const sl_cron_line *line, int count, sl_buf *out, sl_err *err) {
    if (sl_buf_printf(out, err, "at ") < 0) return -1;
    int at = 0;
    for (uint32_t hours = line->hours; hours; hours &= hours - 1)
        for (uint64_t minutes = line->minutes; minutes; minutes &= minutes - 1, at++) {
            const char *before = at == 0 ? "" : at + 1 == count ? " and " : ", ";
            if (sl_buf_printf(out, err, "%s%02d:%02d", before, __builtin_ctz(hours), __builtin_ctzll(minutes)) < 0)
                return -1;
        }
    return 0;
}

static int put_minutes(const sl_cron_line *line, sl_buf *out, sl_err *err) {
    int count = __builtin_popcountll(line->minutes), step = count > 1 ? even_step(line->minutes) : 0;
    if (count == 60) return sl_buf_printf(out, err, "every minute");
    if (step > 1 && step * count == 60) {
        int first = __builtin_ctzll(line->minutes);
        if (sl_buf_printf(out, err, "every %d minutes", step) < 0) return -1;
        return first ? sl_buf_printf(out, err, " from minute %d on", first) : 0;
    }
    if (sl_buf_printf(out, err, "at minute%s ", count > 1 ? "s" : "") < 0) return -1;
    return put_set(&(set){line->minutes, 0, 59, NULL}, out, err);
}

static int put_clock(const sl_cron_line *line, sl_buf *out, sl_err *err) {
    int hours = __builtin_popcount(line->hours), times = hours * __builtin_popcountll(line->minutes);
    if (times <= 6) return put_times(line, times, out, err);
    if (put_minutes(line, out, err) < 0) return -1;
    if (hours == 24) return line->minutes == full(0, 59) ? 0 : sl_buf_printf(out, err, " of every hour");
    if (sl_buf_printf(out, err, " of hour%s ", hours > 1 ? "s" : "") < 0) return -1;
    return put_set(&(set){line->hours, 0, 23, NULL}, out, err);
}

static int put_days(const sl_cron_line *line, sl_buf *out, sl_err *err) {
    set days = {line->days & 0xfffffffe, 1, 31, NULL}, of_week = {line->weekdays, 0, 6, weekdays};
    bool any_day = days.bits == full(1, 31), any_weekday = of_week.bits == full(0, 6);
    bool both = line->flags & SL_CRON_BOTH_DAYS;
    if (both ? any_day && any_weekday : any_day || any_weekday) return sl_buf_printf(out, err, ", every day");
    if (sl_buf_printf(out, err, ", on ") < 0) return -1;
    if (!any_day) {
        if (sl_buf_printf(out, err, "day%s ", days.bits & (days.bits - 1) ? "s" : "") < 0) return -1;
        if (put_set(&days, out, err) < 0 || sl_buf_printf(out, err, " of the month") < 0) return -1;
        if (any_weekday) return 0;
        if (sl_buf_printf(out, err, both ? " if that is a " : " and on each ") < 0) return -1;
    }
    return put_set(&of_week, out, err);
}

static int put_line(const sl_cron_line *line, sl_buf *out, sl_err *err) {
    set in_year = {line->months, 1, 12, months};
    if (put_clock(line, out, err) < 0 || put_days(line, out, err) < 0) return -1;
    if (in_year.bits != full(1, 12) && (sl_buf_printf(out, err, ", in ") < 0 || put_set(&in_year, out, err) < 0))
        return -1;
    const char *how = line->flags & SL_CRON_WILD ? "; follows real time when the clocks change" : "";
    return sl_buf_printf(out, err, "%s", how);
}

int sl_cron_describe(const sl_cron *cron, size_t line, sl_buf *out, sl_err *err) {
    if (cron->interval_s)
        return sl_buf_printf(out, err, "every %" PRId64 " seconds since 1970, %" PRId64 " seconds later",
                             cron->interval_s, cron->shift_s);
    return put_line(&cron->lines[line], out, err);
}

size_t sl_cron_lines(const sl_cron *cron) {
    return cron->interval_s ? 1 : cron->count;
}
