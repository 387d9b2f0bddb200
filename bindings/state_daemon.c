/* Daemons and the locks of runs as Lua has them; what the other files about schedules share. */
#include "state/daemon.h"

#include <math.h>
#include <stdlib.h>

#include "bindings/state_parts.h"

#define DAEMON "sluice.daemon"
#define RUN_LOCK "sluice.runlock"

/* ---- shared ---- */

sl_store *state_store(lua_State *L) {
    return slb_unbox(L, 1, STATE_STORE);
}

int64_t state_opt_time(lua_State *L, int idx, const char *key) {
    double s = slb_opt_number(L, idx, key, NAN);
    if (isnan(s)) return SL_TIME_NONE;
    if (fabs(s) > 1e12) slb_usage(L, "option '%s' must be a time in seconds since 1970", key);
    return (int64_t)llround(s * 1000);
}

void state_set_time(lua_State *L, const char *key, int64_t ms) {
    if (ms == SL_TIME_NONE) return;
    if (ms % 1000 == 0) slb_set_int(L, key, ms / 1000);
    else slb_set_seconds(L, key, ms);
}

int64_t *state_ids(lua_State *L, int arg, size_t most, const char *what, size_t *count) {
    luaL_checktype(L, arg, LUA_TTABLE);
    size_t n = (size_t)luaL_len(L, arg);
    if (n > most) slb_usage(L, "%s: more than %d ids", what, (int)most);
    int64_t *ids = lua_newuserdatauv(L, (n + 1) * sizeof *ids, 0);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        if (!lua_isinteger(L, -1)) slb_usage(L, "%s: ids are whole numbers, not a %s", what, luaL_typename(L, -1));
        ids[i] = lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    *count = n;
    return ids;
}

/* ---- daemons ---- */

int64_t state_daemon_id(lua_State *L, int arg) {
    return sl_daemon_id(slb_unbox(L, arg, DAEMON));
}

/* store:daemon_start(note) -> daemon */
static int store_daemon_start(lua_State *L) {
    sl_store *st = state_store(L);
    const char *note = luaL_optstring(L, 2, NULL);
    sl_daemon **box = slb_box(L, DAEMON);
    sl_err err;
    *box = sl_daemon_start(st, note, &err);
    if (!*box) slb_raise(L, &err);
    return 1;
}

/* daemon.id; its methods are in the upvalue */
static int daemon_index(lua_State *L) {
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "id") == 0) {
        lua_pushinteger(L, state_daemon_id(L, 1));
        return 1;
    }
    lua_settop(L, 2);
    lua_gettable(L, lua_upvalueindex(1));
    return 1;
}

/* daemon:close(), and its collection */
static int daemon_close(lua_State *L) {
    sl_daemon **box = luaL_checkudata(L, 1, DAEMON);
    sl_daemon_close(*box);
    *box = NULL;
    return 0;
}

/* store:daemons() -> { newest, … } */
static int store_daemons(lua_State *L) {
    sl_store *st = state_store(L);
    sl_daemon_row d;
    sl_err err;
    lua_Integer n = 0;
    lua_newtable(L);
    int rc = sl_daemons_first(st, &d, &err);
    for (; rc == 1; rc = sl_daemons_next(st, &d, &err)) {
        lua_createtable(L, 0, 6);
        slb_set_int(L, "id", d.id);
        slb_set_int(L, "pid", d.pid);
        slb_set_time(L, "started", d.started_ms);
        slb_set_time(L, "stopped", d.stopped_ms);
        slb_set_text(L, "note", d.note);
        lua_pushboolean(L, d.alive);
        lua_setfield(L, -2, "alive");
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

/* ---- locks of runs ---- */

sl_lock *state_run_lock(lua_State *L) {
    sl_lock *lock = lua_newuserdatauv(L, sizeof *lock, 0);
    *lock = SL_LOCK_NONE;
    luaL_setmetatable(L, RUN_LOCK);
    return lock;
}

/* lock:fd() -> descriptor */
static int lock_fd(lua_State *L) {
    const sl_lock *lock = luaL_checkudata(L, 1, RUN_LOCK);
    if (lock->fd < 0) slb_usage(L, "this lock is closed");
    lua_pushinteger(L, lock->fd);
    return 1;
}

/* lock:close(), and its collection */
static int lock_close(lua_State *L) {
    sl_lock_leave(luaL_checkudata(L, 1, RUN_LOCK));
    return 0;
}

void state_daemon_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"daemon_start", store_daemon_start}, {"daemons", store_daemons}, {NULL, NULL}};
    static const luaL_Reg daemon_methods[] = {{"close", daemon_close}, {NULL, NULL}};
    static const luaL_Reg daemon_meta[] = {{"__gc", daemon_close}, {"__close", daemon_close}, {NULL, NULL}};
    static const luaL_Reg lock_methods[] = {{"fd", lock_fd}, {"close", lock_close}, {NULL, NULL}};
    static const luaL_Reg lock_meta[] = {{"__gc", lock_close}, {"__close", lock_close}, {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
    slb_type(L, DAEMON, daemon_meta, NULL);
    luaL_getmetatable(L, DAEMON);
    luaL_newlib(L, daemon_methods);
    lua_pushcclosure(L, daemon_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    slb_type(L, RUN_LOCK, lock_meta, lock_methods);
}
