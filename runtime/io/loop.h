/* The one place that waits. Everything that takes time is an operation (sl_op): started by an sl_x_start()
 * function, finished inside sl_loop_wait(), taken out there by whoever started it.
 *
 *   sl_op *op = sl_sleep_start(loop, 250, &err);
 *   sl_op_tag(op, 7);                               // an id of yours, never a pointer
 *   while ((op = sl_loop_wait(loop, -1)) != NULL)   // the next finished operation
 *       printf("task %llu goes on\n", (unsigned long long)sl_op_tag_get(op));
 *   sl_op_free(op);                                 // also cancels one that is still under way
 *
 * An operation belongs to its starter until sl_op_free(). One that was started by another operation (its child,
 * see op.h) is not reported; it steps its parent instead. Nothing here calls into Lua.
 */
#ifndef SL_IO_LOOP_H
#define SL_IO_LOOP_H

#include "base/err.h"

typedef struct sl_loop sl_loop;
typedef struct sl_op sl_op;

/* One per process (libcurl and the signal handlers are global). NULL on failure. */
sl_loop *sl_loop_new(sl_err *err);

/* All operations must have been freed before. */
void sl_loop_free(sl_loop *loop);

/* The next finished operation, or NULL when `timeout_ms` has passed (0: only look; -1: no bound), when nothing is
 * pending, or when a signal has arrived (sl_loop_signal). The operation stays the caller's. */
sl_op *sl_loop_wait(sl_loop *loop, int64_t timeout_ms);

/* The next operation that has finished already, without a look at the world, or NULL. */
sl_op *sl_loop_next(sl_loop *loop);

/* Operations that are started and not yet taken. */
int sl_loop_pending(const sl_loop *loop);

/* SIGINT, SIGTERM or SIGHUP once one has arrived (0 before); stays set until cleared with sl_loop_signal_clear. The
 * second SIGINT or SIGTERM ends the process at once with 130 or 143. sl_loop_signals_catch() installs the handlers. */
int sl_loop_signal(const sl_loop *loop);
void sl_loop_signal_clear(sl_loop *loop);
void sl_loop_signals_catch(sl_loop *loop);

/* From now on sleeps cost no time: where nothing but timers is under way (no transfer, no descriptor that is waited for), both clocks step to
 * the next one. For replays. */
void sl_loop_fly(sl_loop *loop, bool on);

/* Ends every sleep that a task is in with SL_CANCELLED (the first Ctrl-C). */
void sl_loop_cancel_sleeps(sl_loop *loop);

/* The caller's id for the operation; 0 at first. */
void sl_op_tag(sl_op *op, uint64_t tag);
uint64_t sl_op_tag_get(const sl_op *op);

bool sl_op_done(const sl_op *op);

/* The error of a finished operation, or NULL where it went well. Borrowed. */
const sl_err *sl_op_error(const sl_op *op);

/* Frees it; one still under way is cancelled first. NULL is fine. */
void sl_op_free(sl_op *op);

/* Finishes after so many milliseconds. */
sl_op *sl_sleep_start(sl_loop *loop, int64_t ms, sl_err *err);

/* This sleep ends so (SL_CANCELLED) even as a child of another operation, which looks at its error then. */
void sl_sleep_breakable(sl_op *sleep);

/* Finishes when the descriptor can be read (SL_FD_READ) or written (SL_FD_WRITE). The descriptor stays the caller's. */
enum { SL_FD_READ = 1, SL_FD_WRITE = 2 };
sl_op *sl_fd_start(sl_loop *loop, int fd, int events, sl_err *err);

#endif
