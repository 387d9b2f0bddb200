/* zlib, opened when it is first used. In place of <zlib.h>:
 *
 *   if (sl_libz_open(err) < 0) return NULL;     // it is missing
 *   inflateInit2(&stream, bits);
 */
#ifndef SL_DATA_LIBZ_H
#define SL_DATA_LIBZ_H

#include <zlib.h>

#include "base/err.h"

/* Before the first call of zlib's functions: 0, or SL_STATE where the library is missing. */
int sl_libz_open(sl_err *err);

#endif
