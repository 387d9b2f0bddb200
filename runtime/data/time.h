/* Times as the APIs write them. Pure.
 *
 *   double t;
 *   if (sl_time_parse(SL_STR("2021-01-05 08:25:04"), &t, &err) == 0) …      // no zone: UTC
 */
#ifndef SL_DATA_TIME_H
#define SL_DATA_TIME_H

#include "base/buf.h"

/* Seconds since 1970 UTC of "Y-m-d H:i:s[.u]" (UTC), RFC 3339 with "T" or a blank and Z, +hh:mm or +hhmm, "Y-m-d", or
 * an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT"). -1 with SL_INVALID for anything else, impossible dates included. */
int sl_time_parse(sl_str text, double *seconds, sl_err *err);

/* The same of "31/01/2018", day first: a form of its own, because 02/03 would be something else in another country. */
int sl_time_parse_day(sl_str text, double *seconds, sl_err *err);

typedef enum sl_time_form { SL_TIME_SQL, SL_TIME_RFC3339, SL_TIME_HTTP, SL_TIME_DAY } sl_time_form;

/* Prints UTC: "2021-01-05 08:25:04", "2021-01-05T08:25:04Z" (with .123 where there is a fraction), an HTTP date or
 * "05/01/2021". Years 0 to 9999. */
int sl_time_format(double seconds, sl_time_form form, sl_buf *out, sl_err *err);

#endif
