/* Days and dates of the proleptic Gregorian calendar. Pure, and small enough to be inline.
 *
 *   int64_t days = sl_civil_days(2026, 3, 29);                  // since 1970-01-01
 *   sl_civil date = sl_civil_of(days);                          // { 2026, 3, 29 }
 *   int sunday = sl_civil_weekday(days) == 0;
 */
#ifndef SL_DATA_CIVIL_H
#define SL_DATA_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sl_civil {
    int64_t year;
    int month, day; /* from 1 */
} sl_civil;

/* Days from 1970-01-01 to a date. Years are counted from March, so that the leap day is the last one. */
static inline int64_t sl_civil_days(int64_t year, int month, int day) {
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static inline sl_civil sl_civil_of(int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    return (sl_civil){yoe + era * 400 + (month <= 2), month, (int)(doy - (153 * mp + 2) / 5 + 1)};
}

/* 28 to 31. */
static inline int sl_civil_month_days(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* 0 is Sunday. */
static inline int sl_civil_weekday(int64_t days) {
    return (int)(((days + 4) % 7 + 7) % 7);
}

/* Rounded towards the past, unlike /. */
static inline int64_t sl_civil_floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

#endif
