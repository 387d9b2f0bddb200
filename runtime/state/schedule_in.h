/* What the files about schedules share, for the files of state/ alone. */
#ifndef SL_STATE_SCHEDULE_IN_H
#define SL_STATE_SCHEDULE_IN_H

#include "state/schedule.h"
#include "state/store_in.h"

/* A time that may be SL_TIME_NONE as SQL's value, and back. */
static inline sl_val sl_val_time(int64_t ms) {
    return ms == SL_TIME_NONE ? sl_val_cstr(NULL) : sl_val_int(ms);
}
static inline int64_t sl_sql_time(const sl_sql *db, int column) {
    return sl_sql_null(db, column) ? SL_TIME_NONE : sl_sql_int(db, column);
}
static inline const char *sl_sql_text(const sl_sql *db, int column) {
    return sl_sql_null(db, column) ? NULL : sl_sql_str(db, column).ptr;
}

/* Within a transaction: makes the change and gives the new version: 1, 0 where the version is another one or there is no
 * such schedule, -1. */
int sl_schedule_write(sl_store *st, const sl_schedule_change *change, int64_t *version, sl_err *err);

/* The highest version of all schedules, 0 where there is none. */
int sl_schedule_newest(sl_store *st, int64_t *version, sl_err *err);

/* Within a transaction: raises the version; SL_NOT_FOUND where the store does not know the schedule. */
int sl_schedule_bump(sl_store *st, sl_str name, int64_t *version, sl_err *err);

/* The one answer to an unknown name. Returns -1. */
int sl_schedule_unknown(sl_str name, sl_err *err);

#endif
