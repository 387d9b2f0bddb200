/* Ctrl-C and code that does not wait: with a subscription to signals (sluice.process) and core.breakable(true), SIGINT, SIGTERM and
 * SIGHUP make the task that computes give way, so that the task which takes the signals has a turn and can end it.
 *
 *   slb_breaks_running(co);                     // the runner, around lua_resume
 *   status = lua_resume(co, …);
 *   slb_breaks_running(NULL);
 *   if (slb_breaks_came()) …                    // why it yields
 */
#ifndef SLB_BREAKS_H
#define SLB_BREAKS_H

#include <lua.h>
#include <stdbool.h>

/* The coroutine that is being resumed (forgets what has come before), NULL once it has given way. */
void slb_breaks_running(lua_State *co);

/* Whether one of these signals has come since the last coroutine was resumed. */
bool slb_breaks_came(void);

/* Puts breakable and broken into the table on top of the stack. [-0, +0, m] */
void slb_breaks_functions(lua_State *L);

/* In a hook alone, and its last act: the task waits for its next turn. (vm.c) */
void slb_give_way(lua_State *L);

#endif
