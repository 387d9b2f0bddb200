/* libdeflate, opened when it is first used. In place of <libdeflate.h>:
 *
 *   if (sl_libdeflate_open(err) < 0) return NULL;     // it is missing
 *   libdeflate_alloc_compressor(1);
 */
#ifndef SL_DATA_LIBDEFLATE_H
#define SL_DATA_LIBDEFLATE_H

#include <libdeflate.h>

#include "base/err.h"

/* Before the first call of libdeflate's functions: 0, or SL_STATE where the library is missing. Any thread may call. */
int sl_libdeflate_open(sl_err *err);

#endif
