/* The store's inside, for the files of state/ alone. */
#ifndef SL_STATE_STORE_IN_H
#define SL_STATE_STORE_IN_H

#include "state/lock.h"
#include "state/sql.h"
#include "state/store.h"

#define SL_STORE_RUNS_MAX 64

struct sl_store {
    sl_sql *db;
    char *path;
    char *lock_path;
    struct sl_cursor *cursors; /* those that are open on it */
    struct sl_intent *intents; /* outbox rows that are held through it */
    struct sl_intent_set *sets; /* chunks of them */
    struct {
        int64_t id;
        sl_lock lock;
    } runs[SL_STORE_RUNS_MAX]; /* runs of this process that are under way */
    int run_count;
    struct {
        int64_t id;         /* 0 once it has finished; its lock goes with the process all the same */
        sl_lock lock;
    } adopted;              /* the run that this process was started for */
    int64_t newest_version;                     /* of all schedules, inside a plan; -1 outside of one */
    struct sl_daemon *daemon;                   /* this process as one that serves schedules */
    struct { int64_t id; int alive; } owner;    /* the daemon that was looked at last, for rows of one query */
};

/* The store goes away under a daemon: gives its lock back; its owner still closes it. */
void sl_daemon_orphan(struct sl_daemon *daemon);

/* The store goes away under an open cursor: gives its lock back; the cursor's owner still closes it. */
void sl_cursor_orphan(struct sl_cursor *cursor);

/* The same for an intent. */
void sl_intent_orphan(struct sl_intent *in);

/* And for a chunk of them. */
void sl_intent_set_orphan(struct sl_intent_set *set);

/* The schema of a file, and the newest that this program knows. SL_STATE for a file of another program and for a schema
 * that is newer. */
int sl_schema_check(sl_sql *db, const char *path, int64_t *version, sl_err *err);
int64_t sl_schema_known(void);

/* Brings the schema up to date. */
int sl_schema_migrate(sl_sql *db, const char *path, sl_err *err);

#endif
