/* The handler sets a hook, as the stand-alone interpreter does; the only lua_State that C keeps is for it. */
#include "bindings/breaks.h"

#include <signal.h>
#include <unistd.h>

#include "bindings/slb.h"
#include "io/signals.h"

#define BREAKS_MAX 3 /* in a row that find it still computing: it is in a C function that does not end */

static lua_State *volatile running;
static volatile sig_atomic_t breaks;

void slb_breaks_running(lua_State *co) {
    if (co) breaks = 0;
    running = co;
}

bool slb_breaks_came(void) {
    return breaks > 0;
}

/* Where Lua can't yield (a comparator, a library's callback) it is an error. The hook stays until it can: a pcall that catches the
 * error is stopped behind it again. */
static void on_break(lua_State *L, lua_Debug *ar) {
    (void)ar;
    if (!lua_isyieldable(L)) luaL_error(L, "stopped");
    lua_sethook(L, NULL, 0, 0);
    slb_give_way(L);
}

static void break_running(int number) {
    if (number != SIGINT && number != SIGTERM && number != SIGHUP) return;
    if (++breaks > BREAKS_MAX) _exit(128 + number);
    lua_State *L = running;
    if (L) lua_sethook(L, on_break, LUA_MASKCOUNT, 1);
}

/* core.breakable(on) */
static int l_breakable(lua_State *L) {
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    sl_signals_told(lua_toboolean(L, 1) ? break_running : NULL);
    return 0;
}

/* core.broken() -> whether one of these signals has come since this task was resumed: for hooks of coroutines inside of it */
static int l_broken(lua_State *L) {
    lua_pushboolean(L, breaks > 0);
    return 1;
}

void slb_breaks_functions(lua_State *L) {
    static const luaL_Reg functions[] = {{"breakable", l_breakable}, {"broken", l_broken}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
