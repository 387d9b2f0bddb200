/* The rule at the end of a TZif file: when the clocks change each year, for ever. Pure.
 *
 *   sl_zone_rule rule;
 *   if (sl_zone_rule_parse(SL_STR("CET-1CEST,M3.5.0,M10.5.0/3"), &rule)) …
 *   sl_zone_span span = sl_zone_rule_at(&rule, t_s);
 */
#ifndef SL_DATA_ZONE_RULE_H
#define SL_DATA_ZONE_RULE_H

#include <stdbool.h>

#include "data/zone.h"

typedef struct sl_zone_date {
    char kind; /* 'M': week `week` (5: the last) of a month; 'J': day 1 to 365 without leap days; 'N': 0 to 365 */
    int month, week, day; /* day: of the week with 'M', else of the year */
    int32_t time_s;       /* of the local day, may be negative or beyond its end */
} sl_zone_date;

typedef struct sl_zone_rule {
    int32_t offset_s;     /* without daylight saving time */
    int32_t dst_offset_s; /* with it; smaller than offset_s in Dublin */
    bool changes;         /* false: offset_s for ever */
    sl_zone_date start, end;
} sl_zone_rule;

/* POSIX's form of TZ with the extensions of RFC 9636 (<+03>, hours from -167 to 167). False for any other text. */
bool sl_zone_rule_parse(sl_str text, sl_zone_rule *rule);

/* The span that a time lies in, were the rule always in force. */
sl_zone_span sl_zone_rule_at(const sl_zone_rule *rule, int64_t t_s);

#endif
