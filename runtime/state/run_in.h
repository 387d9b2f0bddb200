/* The ledger's inside, for the files of state/ alone: rows that are part of somebody else's transaction. */
#ifndef SL_STATE_RUN_IN_H
#define SL_STATE_RUN_IN_H

#include "state/lock.h"
#include "state/run.h"

typedef struct sl_run_new {
    const char *recipe, *args;  /* secrets are masked */
    int64_t occurrence, attempt; /* 0: by hand */
    const char *schedule;       /* NULL: by hand */
} sl_run_new;

/* Makes the row of a run, and takes its lock before the row can be seen. Drop the lock where the transaction fails. */
int sl_run_make(sl_store *st, const sl_run_new *run, int64_t *id, sl_lock *lock, sl_err *err);

/* What its daemon says of its end; what the run has said itself stays. exit_code -1 and NULL: not known. */
int sl_run_close(sl_store *st, int64_t id, const char *outcome, int64_t exit_code, const char *error, sl_err *err);

#endif
