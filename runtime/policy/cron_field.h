/* One field of a cron line, read into the bits of the values that it allows.
 *
 *   sl_cron_field f = {.unit = SL_CRON_MINUTE, .text = SL_STR("H(0-29)/10,45"), .name = schedule};
 *   if (sl_cron_field_read(&f, &err) < 0) …                       // f.wrong is where
 */
#ifndef SL_POLICY_CRON_FIELD_H
#define SL_POLICY_CRON_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef enum sl_cron_unit { SL_CRON_MINUTE, SL_CRON_HOUR, SL_CRON_DAY, SL_CRON_MONTH, SL_CRON_WEEKDAY } sl_cron_unit;

typedef struct sl_cron_field {
    sl_cron_unit unit;
    sl_str text;
    sl_str name;       /* what H is drawn from */
    uint64_t allowed;  /* bit n: the value n; Sunday is 0 */
    bool star;         /* it begins with *, or with H/n */
    const char *wrong; /* after -1: the place in text */
} sl_cron_field;

/* "minute", "hour", "day of the month", "month", "weekday". */
const char *sl_cron_unit_name(sl_cron_unit unit);

/* -1 with SL_CONFIG, a reason and a hint. */
int sl_cron_field_read(sl_cron_field *field, sl_err *err);

#endif
