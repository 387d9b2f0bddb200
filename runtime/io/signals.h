/* Signals as values, for a process that deals with all of them itself (a daemon). Without a subscription they do what
 * io/loop says.
 *
 *   sl_signals_open(&err);
 *   sl_op *op = sl_signals_start(loop, &err);       // finishes when one has come
 *   int number = sl_signals_take();                 // SIGHUP, SIGUSR1, SIGTERM or SIGINT in the order in which they came; 0: none
 *   sl_signals_close();
 */
#ifndef SL_IO_SIGNALS_H
#define SL_IO_SIGNALS_H

#include "io/loop.h"

/* Subscribes this process; SL_USAGE where it has subscribed already. */
int sl_signals_open(sl_err *err);

/* An operation that finishes when one can be taken. */
sl_op *sl_signals_start(sl_loop *loop, sl_err *err);

/* The next one, or 0. */
int sl_signals_take(void);

/* What is called in the handler itself, with the number, for each signal of a subscription: async-signal-safe, and NULL for
 * nothing. */
void sl_signals_told(void (*told)(int number));

/* Ends the subscription: the handlers from before are back, what was not taken is forgotten, operations finish. */
void sl_signals_close(void);

#endif
