/* A name's place in the lock file is its hash: two names in one place would only keep each other waiting. */
#include "state/name_lock.h"

#include <stdlib.h>

#include "state/store_in.h"

struct sl_name_lock {
    sl_lock lock;
};

static int64_t place(sl_str name) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < name.len; i++) h = (h ^ (unsigned char)name.ptr[i]) * 1099511628211u;
    return SL_LOCK_NAMES + (int64_t)(h >> 8);
}

int sl_name_lock_try(sl_store *st, sl_str name, sl_name_lock **out, sl_err *err) {
    *out = NULL;
    sl_name_lock *lock = malloc(sizeof *lock);
    if (!lock) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a lock");
    int rc = sl_lock_try(&lock->lock, st->lock_path, place(name), err);
    if (rc == 1)
        *out = lock;
    else
        free(lock);
    return rc;
}

void sl_name_lock_drop(sl_name_lock *lock) {
    if (!lock) return;
    sl_lock_drop(&lock->lock);
    free(lock);
}
