/* What concerns this process itself: its signals, its supervisor, its orphans. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bindings/process_parts.h"
#include "io/family.h"
#include "io/notify.h"
#include "io/signals.h"
#include "io/spawn.h"

#define SIGNALS "sluice.signals"

/* ---- signals as values ---- */

static const char *name_of(int number) {
    switch (number) {
    case SIGHUP: return "HUP";
    case SIGUSR1: return "USR1";
    case SIGTERM: return "TERM";
    case SIGINT: return "INT";
    default: return NULL;
    }
}

static int push_signal(lua_State *L, sl_op *op) {
    const sl_err *err = op ? sl_op_error(op) : NULL;
    if (err) slb_raise(L, err);
    lua_pushstring(L, name_of(sl_signals_take())); /* NULL is nil */
    return 1;
}

/* signals() -> "HUP" | "USR1" | "TERM" | "INT" | nil     (waits) */
static int signals_call(lua_State *L) {
    sl_err err;
    slb_check_task(L, "signals()");
    if (!*(bool *)luaL_checkudata(L, 1, SIGNALS)) return 0;
    lua_settop(L, 1);
    sl_op **box = slb_op_box(L);
    *box = sl_signals_start(slb_loop(L), &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push_signal);
}

/* signals:close(), and its collection */
static int signals_close(lua_State *L) {
    bool *open = luaL_checkudata(L, 1, SIGNALS);
    if (*open) sl_signals_close();
    *open = false;
    return 0;
}

/* signals() -> Signals */
static int l_signals(lua_State *L) {
    bool *open = lua_newuserdatauv(L, sizeof *open, 0);
    *open = false;
    luaL_setmetatable(L, SIGNALS);
    sl_err err;
    if (sl_signals_open(&err) < 0) slb_raise(L, &err);
    *open = true;
    return 1;
}

static int send_signal(lua_State *L, const char *what, int (*send)(pid_t, int, sl_err *)) {
    lua_Integer to = luaL_checkinteger(L, 1), number = luaL_checkinteger(L, 2);
    if (to < 2 || to > INT32_MAX) slb_usage(L, "process.%s must be a number from 2 on", what);
    if (number < 0 || number > 64) slb_usage(L, "process.%s: the signal must be a number from 0 to 64", what);
    sl_err err;
    int rc = send((pid_t)to, (int)number, &err);
    if (rc < 0) return slb_fail(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* kill_group(group, number) -> sent | nil, err */
static int l_kill_group(lua_State *L) {
    return send_signal(L, "kill_group: the group", sl_spawn_signal);
}

/* kill(pid, number) -> sent | nil, err */
static int l_kill(lua_State *L) {
    return send_signal(L, "kill: the process", sl_spawn_signal_one);
}

/* ---- the supervisor ---- */

/* notify(text) -> sent | nil, err */
static int l_notify(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (strstr(text, "RELOADING=1") && !strstr(text, "MONOTONIC_USEC="))
        text = lua_pushfstring(L, "%s\nMONOTONIC_USEC=%I", text, (LUAI_UACINT)sl_clock_awake_us());
    sl_err err;
    int rc = sl_notify(sl_str_of(text), &err);
    if (rc < 0) return slb_fail(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* watchdog() -> seconds | nil */
static int l_watchdog(lua_State *L) {
    int64_t us = sl_notify_watchdog_us();
    if (us > 0) lua_pushnumber(L, (lua_Number)us / 1e6);
    else lua_pushnil(L);
    return 1;
}

/* ---- who we are ---- */

/* take_env(name) -> value | nil */
static int l_take_env(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    lua_pushstring(L, getenv(name));
    if (unsetenv(name) < 0) slb_usage(L, "process.take_env: '%s' is no name of a variable", name);
    return 1;
}

/* pid() -> integer */
static int l_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

/* adopt_orphans() */
static int l_adopt_orphans(lua_State *L) {
    sl_err err;
    if (sl_family_adopt(slb_loop(L), &err) < 0) slb_raise(L, &err);
    return 0;
}

static const luaL_Reg functions[] = {{"adopt_orphans", l_adopt_orphans}, {"kill", l_kill}, {"kill_group", l_kill_group},
                                     {"notify", l_notify},               {"pid", l_pid},
                                     {"signals", l_signals},             {"take_env", l_take_env},
                                     {"watchdog", l_watchdog},           {NULL, NULL}};
static const luaL_Reg signals_meta[] = {
    {"__call", signals_call}, {"__gc", signals_close}, {"__close", signals_close}, {NULL, NULL}};
static const luaL_Reg signals_methods[] = {{"close", signals_close}, {NULL, NULL}};

void process_self_functions(lua_State *L) {
    luaL_setfuncs(L, functions, 0);
    slb_type(L, SIGNALS, signals_meta, signals_methods);
}
