/* What the files of policy/cron share: cron_parse.c (text), cron_local.c (one line on the local calendar), cron.c (lines and
 * clock changes), cron_changes.c (what the changes do), cron_describe.c (words).
 *
 *   int64_t minute = sl_cron_local_next(line, from, to);            // local minutes since 1970-01-01T00:00
 */
#ifndef SL_POLICY_CRON_PART_H
#define SL_POLICY_CRON_PART_H

#include "policy/cron.h"

#define SL_CRON_NONE INT64_MAX

/* The years 0 to 9999, as far as any zone sees them. */
#define SL_CRON_MIN_S (-62167219200 - SL_ZONE_OFFSET_MAX)
#define SL_CRON_MAX_S 253402300800

enum {
    SL_CRON_WILD = 1,     /* minute or hour begins with *: follows real time */
    SL_CRON_BOTH_DAYS = 2 /* day of the month or weekday begins with *: both must match */
};

/* Bit n is set where the field allows n; weekdays 0 to 6. */
typedef struct sl_cron_line {
    uint64_t minutes;
    uint32_t hours, days;
    uint16_t months;
    uint8_t weekdays, flags;
} sl_cron_line;

struct sl_cron {
    sl_zone *zone;
    int64_t interval_s, shift_s; /* of sl_cron_every */
    size_t count;
    sl_cron_line lines[];
};

/* Which lines are meant. */
typedef enum sl_cron_which { SL_CRON_ALL, SL_CRON_WILD_ONES, SL_CRON_FIXED_ONES } sl_cron_which;

static inline bool sl_cron_is(const sl_cron_line *line, sl_cron_which which) {
    return which == SL_CRON_ALL || ((line->flags & SL_CRON_WILD) != 0) == (which == SL_CRON_WILD_ONES);
}

/* The first minute of [from, to) that the line matches, or SL_CRON_NONE. Looks at months and days, not at minutes. */
int64_t sl_cron_local_next(const sl_cron_line *line, int64_t from, int64_t to);

/* The same of several lines. */
int64_t sl_cron_local_first(const sl_cron *cron, sl_cron_which which, int64_t from, int64_t to);

/* How many minutes of [from, to) one of the lines matches. */
int64_t sl_cron_local_count(const sl_cron *cron, sl_cron_which which, int64_t from, int64_t to);

/* The days of a month that the line matches, bits 1 to 31. */
uint32_t sl_cron_month_days(const sl_cron_line *line, int64_t year, int month);

/* A stretch of time with one offset, as a fixed-time line sees it. Each local minute that the clocks pass or jump over is
 * run once, at the first instant at which they show it or more: [missing, from) was jumped over, [from, fresh) is shown
 * for the second time. */
typedef struct sl_cron_stretch {
    sl_zone_span span;
    int64_t from, to; /* local minutes */
    int64_t missing, fresh;
} sl_cron_stretch;

sl_cron_stretch sl_cron_stretch_at(const sl_cron *cron, int64_t t_s);

/* The first whole local minute at or after t_s with that offset. */
int64_t sl_cron_minute_from(int64_t t_s, int32_t offset_s);

/* A number of 64 bits from a name, another one for each salt; the same on every machine and for good. */
uint64_t sl_cron_hash(sl_str name, int salt);

#endif
