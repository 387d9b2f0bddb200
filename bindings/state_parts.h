/* What the files of sluice.state share; nobody else includes it. */
#ifndef SLB_STATE_PARTS_H
#define SLB_STATE_PARTS_H

#include "bindings/slb.h"
#include "state/lock.h"
#include "state/schedule.h"

#define STATE_STORE "sluice.store"

/* Adds the store's sent_… methods to the table on top of the stack. [-0, +0, m] */
void state_sent_methods(lua_State *L);

/* The same for its outbox_… methods; makes the type of intents. [-0, +0, m] */
void state_outbox_methods(lua_State *L);

/* The same for chunks of it. */
void state_outbox_set_methods(lua_State *L);

/* Adds the store's methods of state_look.c to the table on top of the stack. [-0, +0, m] */
void state_look_methods(lua_State *L);

/* The same for the ledger of runs, for daemons (and the types of daemons and of locks of runs), for schedules, for their
 * occurrences. [-0, +0, m] */
void state_run_methods(lua_State *L);
void state_daemon_methods(lua_State *L);
void state_schedule_methods(lua_State *L);
void state_plan_methods(lua_State *L);
void state_occurrence_methods(lua_State *L);

/* The store that a method was called on. [-0, +0, v] */
sl_store *state_store(lua_State *L);

/* The id of the daemon at arg; raises where it is closed. [-0, +0, v] */
int64_t state_daemon_id(lua_State *L, int arg);

/* Pushes an object for the lock of a run, SL_LOCK_NONE at first. [-0, +1, m] */
sl_lock *state_run_lock(lua_State *L);

/* The args at key of the options table at idx as JSON: text as it is, a table encoded. Leaves them on the stack; NULL (and nil)
 * where there are none. [-0, +1, v] */
const char *state_push_args(lua_State *L, int idx, const char *key);

/* A time of the options table at idx; SL_TIME_NONE where there is none. [-0, +0, v] */
int64_t state_opt_time(lua_State *L, int idx, const char *key);

/* Sets a time in seconds, a whole number where it is one; nothing for SL_TIME_NONE. [-0, +0, m] */
void state_set_time(lua_State *L, const char *key, int64_t ms);

/* A change of a schedule from the table at idx (fields beside `name` and `version`); false takes a value away. Keys that are not
 * known are not looked for. [-0, +0, v] */
sl_schedule_change state_schedule_fields(lua_State *L, int idx, sl_str name);

/* The whole numbers of the list at arg, in memory of its own that is left on the stack. [-0, +1, v] */
int64_t *state_ids(lua_State *L, int arg, size_t most, const char *what, size_t *count);

/* state.look(path) -> { schema =, known = } */
int state_look(lua_State *L);

#endif
