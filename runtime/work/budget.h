/* Who may send when: waiters of one budget (host, account, rate class, resource) are served in order, over all processes
 * of the machine. How fast, and who is next, is decided by policy/limit and policy/limits in the block that state/budget
 * keeps; here are this process's queues and the waiting.
 *
 *   sl_op *op = sl_slot_start(book, &key, &rates, own, &err);   // finishes when it is our turn: send now
 *   waited += sl_slot_waited_ms(op);
 *   sl_slot_penalty(op, 1200);                                  // the answer was a 429: nothing before that for all
 *   sl_op_free(op);                                             // once the answer has been judged
 *
 * A process stands in the common line with the head of its own queue alone: every process gets the same share, however
 * many tasks it has.
 */
#ifndef SL_WORK_BUDGET_H
#define SL_WORK_BUDGET_H

#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "policy/limits.h"

typedef struct sl_budgets sl_budgets; /* the book of this process */

/* NULL when memory is out. */
sl_budgets *sl_budgets_new(sl_loop *loop, sl_err *err);

/* All slots must have been freed before. */
void sl_budgets_free(sl_budgets *book);

/* Where the budgets are from now on: in a folder, NULL for the per-user one (the default), or `alone` in this process.
 * They are looked for there when the first slot is asked for. SL_USAGE while a slot is held. */
int sl_budgets_share(sl_budgets *book, const char *folder, bool alone, sl_err *err);

/* From now on this process's slots are for a person who waits (or no longer): they go in turns with all others. */
void sl_budgets_interactive(sl_budgets *book, bool interactive);

/* Waits longer than this end with SL_CANCELLED when a signal asks the process to stop. */
enum { SL_CALL_PATIENCE_MS = 5000 };

/* Finishes when it is the caller's turn; the slot counts from that moment. Freed before, it leaves the queue. Rates
 * with a count of 0 let everybody through. `own`: the rates are the connection's, not the definition's. */
sl_op *sl_slot_start(sl_budgets *book, const sl_limit_key *key, const sl_rates *rates, bool own, sl_err *err);

/* How long the slot was waited for. */
int64_t sl_slot_waited_ms(const sl_op *op);

/* The answer's header named the limit: `count` requests per `window_ms`. True where that changed the pace. */
bool sl_slot_learn(const sl_op *op, int64_t count, int64_t window_ms);

/* The answer was a 429: nothing before so much time has passed, and slower for a while after. */
void sl_slot_penalty(const sl_op *op, int64_t wait_ms);

#endif
