/* gzip of a whole body in a thread of its own, as an operation: the loop and the scripts go on meanwhile. Four bodies are
 * compressed at once; more wait their turn.
 *
 *   sl_op *op = sl_pack_start(loop, body, &err);       // NULL: the library or a thread is not to be had
 *   … once it has finished without an error:
 *   sl_buf packed = sl_pack_take(op);                  // the caller frees it
 *   sl_op_free(op);
 *
 * The same bytes give the same bytes.
 */
#ifndef SL_IO_PACK_H
#define SL_IO_PACK_H

#include "base/buf.h"
#include "io/loop.h"

/* `bytes` are borrowed until the operation has finished or is freed; freeing it waits for its thread, where one is at work
 * (a few milliseconds for each megabyte). NULL with SL_STATE where libdeflate is missing or no thread can be started. */
sl_op *sl_pack_start(sl_loop *loop, sl_str bytes, sl_err *err);

/* Moves the result out of an operation that has finished well. */
sl_buf sl_pack_take(sl_op *op);

#endif
