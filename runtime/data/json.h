/* JSON text, written piece by piece into a buffer.
 *
 *   sl_buf out;
 *   sl_buf_init(&out, 1 << 20);
 *   sl_buf_put_char(&out, '[', err);
 *   if (sl_json_put_string(&out, SL_STR("a \"b\""), err) < 0) …      // "a \"b\"", or SL_INVALID: not UTF-8
 *   sl_buf_put_char(&out, ',', err);
 *   sl_json_put_double(&out, 100, err);                               // 100.0
 *
 * Only what must be escaped is: quote, backslash and control characters. "/" and everything beyond ASCII stand as they
 * are. All return 0, or -1 with the buffer as it was.
 */
#ifndef SL_DATA_JSON_H
#define SL_DATA_JSON_H

#include <stdint.h>

#include "base/buf.h"

/* The string with its quotes; SL_INVALID names the offset of the first byte that is not UTF-8. */
int sl_json_put_string(sl_buf *out, sl_str text, sl_err *err);

/* The shortest text that reads back the same; SL_INVALID for infinity and NaN, which JSON does not have. */
int sl_json_put_double(sl_buf *out, double value, sl_err *err);

int sl_json_put_int(sl_buf *out, int64_t value, sl_err *err);

#endif
