/* Locks that die with their holder: byte ranges of a lock file, given back by the kernel when a process ends in whatever
 * way. Never by age. Each lock has its own descriptor, so that two holders within one process exclude each other too.
 *
 *   sl_lock lock = SL_LOCK_NONE;
 *   int rc = sl_lock_try(&lock, "state.db.lock", SL_LOCK_CURSORS + id, &err);     // 1 ours, 0 another's, -1
 *   sl_lock_drop(&lock);
 */
#ifndef SL_STATE_LOCK_H
#define SL_STATE_LOCK_H

#include <stdint.h>

#include "base/err.h"

typedef struct sl_lock {
    int fd;
    int64_t at;
} sl_lock;

#define SL_LOCK_NONE ((sl_lock){-1, 0})

/* What is locked: places in the file, of which only the first few have bytes (the holders' process ids). */
#define SL_LOCK_OPEN INT64_C(0)
#define SL_LOCK_CURSORS INT64_C(1)
#define SL_LOCK_RUNS (INT64_C(1) << 40)
#define SL_LOCK_OUTBOX (INT64_C(1) << 50)
#define SL_LOCK_DAEMONS (INT64_C(1) << 52)
#define SL_LOCK_NAMES (INT64_C(1) << 57)
#define SL_LOCK_TOKENS (INT64_C(1) << 58)

/* Takes the lock and leaves the holder's process id where sl_lock_holder() finds it (below SL_LOCK_RUNS only).
 * 1 it is ours, 0 another has it, -1. */
int sl_lock_try(sl_lock *lock, const char *path, int64_t at, sl_err *err);

/* Whether anyone has the lock: 1, 0, -1. */
int sl_lock_held(const char *path, int64_t at, sl_err *err);

/* The process that has the lock at `at`, 0 where that is not known. */
int64_t sl_lock_holder(const char *path, int64_t at);

/* Gives it back. Nothing for SL_LOCK_NONE. */
void sl_lock_drop(sl_lock *lock);

/* Closes our descriptor. A child that has inherited it keeps the lock; where none has, it is given back. */
void sl_lock_leave(sl_lock *lock);

/* Many locks by one descriptor (lock->fd): opened without one of them; takes `count` from `at` on, all or none (1, 0 another has one
 * of them, -1); gives them back. sl_lock_leave gives all of them back. */
int sl_lock_open(sl_lock *lock, const char *path, sl_err *err);
int sl_lock_add(const sl_lock *lock, int64_t at, int64_t count, sl_err *err);
void sl_lock_take_away(const sl_lock *lock, int64_t at, int64_t count);

/* Takes over a descriptor that a parent has left to this process: it must be one of that lock file and hold that lock.
 * Programs that are started from here do not get it. SL_USAGE where it is something else; it is left alone then. */
int sl_lock_inherit(sl_lock *lock, const char *path, int64_t at, int fd, sl_err *err);

#endif
