/* What the files of base/log share: log.c (lines), log_mask.c (secrets and their masks).
 *
 *   sl_log_put_json(&line, message, 0);
 */
#ifndef SL_BASE_LOG_PART_H
#define SL_BASE_LOG_PART_H

#include "base/buf.h"

/* How JSON is written differs: "/" as \/ (PHP), all but ASCII as \u… (PHP, Python), < > & as \u… (Go),
 * with upper-case digits (.NET). */
enum { SL_JSON_SLASH = 1, SL_JSON_ASCII = 2, SL_JSON_HTML = 4, SL_JSON_UPPER = 8 };

/* Appends text as it stands between the quotes of a JSON string; what does not fit is left out. */
void sl_log_put_json(sl_buf *b, sl_str text, int how);

#endif
