/* When a schedule is due: cron texts with time zones and `H`, and intervals. Pure: no clock, no file, no zone of the process.
 *
 *   sl_cron_options o = {.name = SL_STR("delta"), .zone = SL_STR("UTC"), .find_zone = find, .self = zones};
 *   sl_cron *cron = sl_cron_parse(text, &o, &place, &err);           // NULL: err and the place in the text
 *   for (int64_t t = now_s; sl_cron_next(cron, t, &t);) printf("%" PRId64 "\n", t);
 *   int64_t missed = sl_cron_count(cron, down_since_s, now_s);
 *   sl_cron_free(cron);
 *
 * The grammar and the rules for clock changes are those of docs/schedules.md. Times are seconds since 1970 UTC.
 */
#ifndef SL_POLICY_CRON_H
#define SL_POLICY_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "data/zone.h"

/* Longer texts are refused at once. */
enum { SL_CRON_TEXT_MAX = 64 * 1024 };

/* The longest interval: 100 years. */
#define SL_CRON_INTERVAL_MAX ((int64_t)36525 * 86400)

typedef struct sl_cron sl_cron;

typedef struct sl_cron_place {
    int line, column; /* from 1; columns count characters */
} sl_cron_place;

typedef struct sl_cron_options {
    sl_str name;                                                 /* of the schedule: what H is drawn from */
    sl_str zone;                                                 /* where the text has no TZ= line */
    sl_zone *(*find_zone)(void *self, sl_str name, sl_err *err); /* a share of the zone, or NULL with err */
    void *self;
} sl_cron_options;

/* Owned by the caller; keeps nothing of text and options. NULL with SL_CONFIG: err->msg is the reason, err->hint what to
 * write instead, *place where. */
sl_cron *sl_cron_parse(sl_str text, const sl_cron_options *options, sl_cron_place *place, sl_err *err);

/* Every so many seconds since 1970, shifted by the hash of the name. SL_USAGE for none or more than the maximum. */
sl_cron *sl_cron_every(int64_t seconds, sl_str name, sl_zone *utc, sl_err *err);

void sl_cron_free(sl_cron *cron);

/* The text had no lines: never due. */
bool sl_cron_empty(const sl_cron *cron);

/* Seconds of sl_cron_every, 0 for a text. */
int64_t sl_cron_interval(const sl_cron *cron);

/* Borrowed. */
const sl_zone *sl_cron_zone(const sl_cron *cron);

/* The earliest due time after after_s. False where there is none in the next 400 years or before the year 10000. */
bool sl_cron_next(const sl_cron *cron, int64_t after_s, int64_t *out_s);

/* How many due times lie in (after_s, upto_s]. Costs steps for months (one line) or days (several), never for minutes. */
int64_t sl_cron_count(const sl_cron *cron, int64_t after_s, int64_t upto_s);

/* Where the newest n due times of (after_s, upto_s] begin: they are those of (result, upto_s]. */
int64_t sl_cron_before_last(const sl_cron *cron, int64_t after_s, int64_t upto_s, int64_t n);

typedef enum sl_cron_effect {
    SL_CRON_MOVED,      /* a time that does not exist runs behind the gap */
    SL_CRON_MERGED,     /* several do, or one and a time that is due then anyway: one run */
    SL_CRON_SKIPPED,    /* times of a line that follows real time do not exist */
    SL_CRON_FIRST_ONLY, /* a time that comes twice runs the first time */
    SL_CRON_BOTH        /* it follows real time: both times */
} sl_cron_effect;

/* "moved", "merged", "skipped", "first_only", "both". */
const char *sl_cron_effect_name(sl_cron_effect effect);

enum { SL_CRON_SHOWN = 10 };

/* What a clock change does to the due times. */
typedef struct sl_cron_change {
    sl_cron_effect effect;
    int64_t at_s;                   /* of the run (MOVED, MERGED, FIRST_ONLY: the first one) or of the clock change */
    int64_t change_s;               /* when the clocks change */
    int32_t before_s, after_s;      /* the offsets */
    int64_t count;                  /* local minutes that are missing or come twice */
    int64_t minutes[SL_CRON_SHOWN]; /* the first of them, counted from 1970-01-01T00:00 local */
} sl_cron_change;

/* Calls fn for each effect that the clock changes of (after_s, upto_s] have, in order. */
void sl_cron_changes(const sl_cron *cron, int64_t after_s, int64_t upto_s,
                     void (*fn)(void *self, const sl_cron_change *change), void *self);

/* Appends a sentence for people. */
int sl_cron_change_text(const sl_cron_change *change, sl_buf *out, sl_err *err);

/* How many lines sl_cron_describe knows: those that run; 1 for an interval. */
size_t sl_cron_lines(const sl_cron *cron);

/* Appends what a line means, in English, with the values that H became. `line` is below sl_cron_lines. */
int sl_cron_describe(const sl_cron *cron, size_t line, sl_buf *out, sl_err *err);

/* Appends "2026-03-29T03:00:00+02:00", the time in the spec's zone. SL_USAGE outside of the years 0 to 9999. */
int sl_cron_format(const sl_cron *cron, int64_t t_s, sl_buf *out, sl_err *err);

#endif
