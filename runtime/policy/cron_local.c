/* One line on the local calendar, which knows nothing of clocks that change. A month's days are one number of 32 bits, an
 * hour's minutes one of 64. */
#include <string.h>

#include "data/civil.h"
#include "policy/cron_part.h"

enum { DAY = 24 * 60 };

/* The days 1 to 31 of a month whose first is weekday `first`, of those weekdays. */
static uint32_t days_of_weekdays(uint8_t weekdays, int first) {
    uint64_t week = ((uint64_t)weekdays | (uint64_t)weekdays << 7) >> first & 0x7f; /* bit 0: day 1 */
    uint64_t month = week | week << 7 | week << 14 | week << 21 | week << 28;
    return (uint32_t)(month << 1);
}

uint32_t sl_cron_month_days(const sl_cron_line *line, int64_t year, int month) {
    if (!(line->months >> month & 1)) return 0;
    uint32_t by_weekday = days_of_weekdays(line->weekdays, sl_civil_weekday(sl_civil_days(year, month, 1)));
    uint32_t days = line->flags & SL_CRON_BOTH_DAYS ? line->days & by_weekday : line->days | by_weekday;
    return days & (uint32_t)((2ull << sl_civil_month_days(year, month)) - 2);
}

/* The first minute of the day at or after `from` that hours and minutes allow, or DAY. */
static int next_in_day(const sl_cron_line *line, int from) {
    uint32_t hours = line->hours >> (from / 60) << (from / 60);
    if (hours >> (from / 60) & 1) {
        uint64_t minutes = line->minutes >> (from % 60) << (from % 60);
        if (minutes) return from / 60 * 60 + __builtin_ctzll(minutes);
        hours &= hours - 1;
    }
    return hours ? __builtin_ctz(hours) * 60 + __builtin_ctzll(line->minutes) : DAY;
}

/* The first matching day at or after `day` (which may be of a month that does not match), below `end`; else `end`. */
static int64_t next_day(const sl_cron_line *line, int64_t day, int64_t end) {
    sl_civil date = sl_civil_of(day);
    for (int64_t first = day; first < end;) {
        uint32_t days = sl_cron_month_days(line, date.year, date.month) >> date.day;
        if (days) return first + __builtin_ctz(days);
        do { /* to the first of the next month that the line allows */
            date = (sl_civil){date.year + (date.month == 12), date.month % 12 + 1, 1};
        } while (!(line->months >> date.month & 1));
        first = sl_civil_days(date.year, date.month, 1);
    }
    return end;
}

int64_t sl_cron_local_next(const sl_cron_line *line, int64_t from, int64_t to) {
    int64_t day = sl_civil_floor_div(from, DAY), end = sl_civil_floor_div(to + DAY - 1, DAY);
    int minute = (int)(from - day * DAY);
    while (from < to && (day = next_day(line, day, end)) < end) {
        if (day * DAY > from) minute = 0;
        int at = next_in_day(line, minute);
        if (at < DAY) return day * DAY + at < to ? day * DAY + at : SL_CRON_NONE;
        day++;
        minute = 0;
    }
    return SL_CRON_NONE;
}

int64_t sl_cron_local_first(const sl_cron *cron, sl_cron_which which, int64_t from, int64_t to) {
    int64_t best = SL_CRON_NONE;
    for (size_t i = 0; i < cron->count; i++) {
        if (!sl_cron_is(&cron->lines[i], which)) continue;
        int64_t at = sl_cron_local_next(&cron->lines[i], from, best < to ? best : to);
        if (at < best) best = at;
    }
    return best;
}

/* ---- counting ---- */

/* The bits of the minutes from..to-1 (of one hour, as far as they lie in it). */
static uint64_t minutes_between(int64_t from, int64_t to) {
    uint64_t mask = (1ull << 60) - 1;
    if (to < 60) mask &= to > 0 ? (1ull << to) - 1 : 0;
    if (from > 0) mask = from < 60 ? mask >> from << from : 0;
    return mask;
}

/* Of one day, between two of its minutes. */
static int count_in_day(const sl_cron *cron, sl_cron_which which, int64_t day, int64_t from, int64_t to) {
    uint64_t hours[24] = {0};
    sl_civil date = sl_civil_of(day);
    int count = 0;
    for (size_t i = 0; i < cron->count; i++) {
        const sl_cron_line *line = &cron->lines[i];
        if (!sl_cron_is(line, which) || !(sl_cron_month_days(line, date.year, date.month) >> date.day & 1)) continue;
        for (uint32_t left = line->hours; left; left &= left - 1) hours[__builtin_ctz(left)] |= line->minutes;
    }
    for (int h = 0; h < 24; h++)
        count += __builtin_popcountll(hours[h] & minutes_between(from - h * 60, to - h * 60));
    return count;
}

/* Whole days of a single line: all its days have the same number of minutes. */
static int64_t count_days_of_one(const sl_cron_line *line, int64_t day, int64_t end) {
    int64_t days = 0;
    while (day < end) {
        sl_civil date = sl_civil_of(day);
        int length = sl_civil_month_days(date.year, date.month);
        int64_t left = end - day, last = date.day + left - 1 < length ? date.day + left - 1 : length;
        uint32_t mask = (uint32_t)((2ull << last) - (1ull << date.day));
        days += __builtin_popcount(sl_cron_month_days(line, date.year, date.month) & mask);
        day += last - date.day + 1;
    }
    return days * __builtin_popcount(line->hours) * __builtin_popcountll(line->minutes);
}

static int64_t count_days(const sl_cron *cron, sl_cron_which which, int64_t day, int64_t end) {
    int64_t count = 0;
    if (cron->count == 1) return sl_cron_is(cron->lines, which) ? count_days_of_one(cron->lines, day, end) : 0;
    for (; day < end; day++) count += count_in_day(cron, which, day, 0, DAY);
    return count;
}

int64_t sl_cron_local_count(const sl_cron *cron, sl_cron_which which, int64_t from, int64_t to) {
    if (from >= to) return 0;
    int64_t day = sl_civil_floor_div(from, DAY), last = sl_civil_floor_div(to - 1, DAY);
    if (day == last) return count_in_day(cron, which, day, from - day * DAY, to - day * DAY);
    return count_in_day(cron, which, day, from - day * DAY, DAY) + count_days(cron, which, day + 1, last) +
           count_in_day(cron, which, last, 0, to - last * DAY);
}
