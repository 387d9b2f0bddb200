/* The budgets of a machine: policy/limits in a file that all processes of a user map, with the lock, the clock and the
 * list of the living that go with it. No server, no row per request: a slot costs two system calls.
 *
 *   sl_budget *b = sl_budget_open(NULL, &err);               // the per-user folder; sl_budget_alone(): this process only
 *   int64_t now_us;
 *   if (sl_budget_lock(b, &now_us) == 1) {                   // 0: another process is at it, ask again in a moment
 *       … sl_limits_ask(sl_budget_limits(b), waiter, &rates, now_us) …
 *       sl_budget_unlock(b);
 *   }
 *   sl_budget_close(b);
 *
 * The clock is the machine's boot time plus an offset from the file, so that it goes on over restarts of the machine,
 * counts the time it was suspended and does not follow a stepped wall clock. It never steps back: a process whose own
 * clock is behind what the file has seen goes by the file.
 *
 * Each process has a number, whose byte of the file it keeps locked for its life. The kernel gives the lock back when the
 * process ends in whatever way, so that the living are told from the dead at once and never by age.
 */
#ifndef SL_STATE_BUDGET_H
#define SL_STATE_BUDGET_H

#include "base/err.h"
#include "policy/limits.h"

typedef struct sl_budget sl_budget;

/* The file `budgets` in that folder (NULL: the per-user one, see sl_store_shared_dir). NULL on failure: SL_STATE with path
 * and cure. */
sl_budget *sl_budget_open(const char *folder, sl_err *err);

/* Budgets of this process alone, in memory. */
sl_budget *sl_budget_alone(sl_err *err);

/* Gives up all places of this process. NULL is fine. */
void sl_budget_close(sl_budget *b);

/* 1: locked, and *now_us is the common clock; 0: another process has it, which takes microseconds. Never waits. */
int sl_budget_lock(sl_budget *b, int64_t *now_us);
void sl_budget_unlock(sl_budget *b);

/* The common clock without the lock: for what only makes budgets slower. */
int64_t sl_budget_now_us(const sl_budget *b);

/* The block, and the number of this process in it. Borrowed. */
sl_limits *sl_budget_limits(sl_budget *b);
uint32_t sl_budget_owner(const sl_budget *b);

/* Buries the dead among those in the way of a waiter; true where there were any. Under the lock. */
bool sl_budget_bury(sl_budget *b, int waiter);

/* Puts a budget on the disk: for windows that must outlast a power cut. */
void sl_budget_sync(sl_budget *b, int limit);

#endif
