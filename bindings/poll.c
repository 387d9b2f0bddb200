/* sluice.poll: when to ask about which of many jobs. Ids are any Lua value; C knows numbers, two tables translate. */
#include <math.h>

#include "base/clock.h"
#include "bindings/slb.h"
#include "policy/poll.h"

#define POLL "sluice.poll"

/* User values of the box: the last number given out, ids by number, numbers by id. */
enum { ID_OF = 1, NUMBER_OF = 2 };

typedef struct poll {
    sl_poll *p;
    sl_poll_pace pace;
    uint64_t last;
} poll;

static poll *check(lua_State *L) {
    return luaL_checkudata(L, 1, POLL);
}

/* The time at `arg` in seconds, the monotonic clock where it is left out. */
static int64_t opt_now(lua_State *L, int arg) {
    if (lua_isnoneornil(L, arg)) return sl_clock_mono_ms();
    lua_Number s = luaL_checknumber(L, arg);
    luaL_argcheck(L, s > -1e12 && s < 1e12, arg, "a time in seconds expected");
    return (int64_t)llround(s * 1000);
}

static void read_pace(lua_State *L, int idx, sl_poll_pace *pace) {
    pace->start_ms = slb_opt_ms(L, idx, "start", pace->start_ms);
    pace->factor = slb_opt_number(L, idx, "factor", pace->factor);
    int64_t cap = pace->cap_ms < pace->start_ms ? pace->start_ms : pace->cap_ms;
    pace->cap_ms = slb_opt_ms(L, idx, "cap", cap);
    pace->jitter = slb_opt_number(L, idx, "jitter", pace->jitter);
    pace->deadline_ms = slb_opt_ms(L, idx, "deadline", pace->deadline_ms);
}

/* The table { status = "ok"|"partial"|"failed" } on top of the stack; its strings stay there. */
static size_t read_terminals(lua_State *L, sl_poll_terminal *out) {
    size_t n = 0;
    if (!lua_istable(L, -1)) slb_usage(L, "poll.new: terminal must be a table of status = ok, partial or failed");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (n == SL_POLL_TERMINALS_MAX) slb_usage(L, "poll.new: more than %d terminal states", SL_POLL_TERMINALS_MAX);
        size_t len;
        const char *status = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        const char *name = lua_tostring(L, -1);
        int v = SL_POLL_OK;
        while (name && v <= SL_POLL_FAILED && strcmp(name, sl_poll_verdict_name((sl_poll_verdict)v)) != 0) v++;
        if (!status || !name || v > SL_POLL_FAILED)
            slb_usage(L, "poll.new: a terminal state is status = ok, partial or failed");
        out[n++] = (sl_poll_terminal){sl_str_make(status, len), (sl_poll_verdict)v};
    }
    return n;
}

/* poll.new{terminal=, start=, factor=, cap=, jitter=, deadline=, max=, seed=} -> poll */
static int l_new(lua_State *L) {
    static const char *const known[] = {"terminal", "start", "factor", "cap", "jitter",
                                        "deadline", "max",   "seed",   NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    slb_check_options(L, 1, "poll.new", known);
    sl_poll_terminal terminals[SL_POLL_TERMINALS_MAX];
    sl_poll_options o = {.terminals = terminals};
    int64_t max = slb_opt_int(L, 1, "max", 1000000);
    if (max < 1) slb_usage(L, "poll.new: max must be above 0");
    o.max = (size_t)max;
    o.seed = (uint64_t)slb_opt_int(L, 1, "seed", (lua_Integer)(uintptr_t)lua_topointer(L, 1));
    poll *b = lua_newuserdatauv(L, sizeof *b, 2);
    *b = (poll){NULL, SL_POLL_PACE, 0};
    luaL_setmetatable(L, POLL);
    lua_newtable(L);
    lua_setiuservalue(L, -2, ID_OF);
    lua_newtable(L);
    lua_setiuservalue(L, -2, NUMBER_OF);
    read_pace(L, 1, &b->pace);
    lua_getfield(L, 1, "terminal");
    o.terminal_count = read_terminals(L, terminals);
    sl_err err;
    b->p = sl_poll_new(&o, &err);
    if (!b->p) slb_raise(L, &err);
    lua_pop(L, 1);
    return 1;
}

static int l_gc(lua_State *L) {
    poll *b = check(L);
    sl_poll_free(b->p);
    b->p = NULL;
    return 0;
}

/* The number of the id at `arg`, 0 where there is none. */
static uint64_t number_of(lua_State *L, int arg) {
    luaL_checkany(L, arg);
    if (lua_isnil(L, arg)) return 0;
    lua_getiuservalue(L, 1, NUMBER_OF);
    lua_pushvalue(L, arg);
    lua_rawget(L, -2);
    uint64_t n = (uint64_t)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return n;
}

/* Sets or (number 0) clears the two ways of an id. */
static void name(lua_State *L, int arg, uint64_t n, bool there) {
    lua_getiuservalue(L, 1, NUMBER_OF);
    lua_pushvalue(L, arg);
    if (there)
        lua_pushinteger(L, (lua_Integer)n);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_getiuservalue(L, 1, ID_OF);
    if (there)
        lua_pushvalue(L, arg);
    else
        lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)n);
    lua_pop(L, 2);
}

/* poll:add(id, {start=, factor=, cap=, jitter=, deadline=}, now) -> true | nil, err */
static int l_add(lua_State *L) {
    static const char *const known[] = {"start", "factor", "cap", "jitter", "deadline", NULL};
    poll *b = check(L);
    luaL_argcheck(L, !lua_isnoneornil(L, 2) && !(lua_isnumber(L, 2) && lua_tonumber(L, 2) != lua_tonumber(L, 2)), 2,
                  "an id expected");
    slb_check_options(L, 3, "poll:add", known);
    int64_t now = opt_now(L, 4);
    sl_poll_pace pace = b->pace;
    read_pace(L, 3, &pace);
    if (number_of(L, 2)) slb_usage(L, "poll:add: %s is being polled already", luaL_tolstring(L, 2, NULL));
    sl_err err;
    name(L, 2, b->last + 1, true); /* may run out of memory: before the job is there */
    if (sl_poll_add(b->p, b->last + 1, &pace, now, &err) == 0) {
        b->last++;
        lua_pushboolean(L, 1);
        return 1;
    }
    name(L, 2, b->last + 1, false);
    if (err.code == SL_USAGE) slb_raise(L, &err);
    return slb_fail(L, &err);
}

/* poll:next(now) -> id | nil, seconds to wait | nil, nil (none waits) */
static int l_next(lua_State *L) {
    poll *b = check(L);
    uint64_t n;
    int64_t wait;
    if (sl_poll_next(b->p, opt_now(L, 2), &n, &wait)) {
        lua_getiuservalue(L, 1, ID_OF);
        lua_rawgeti(L, -1, (lua_Integer)n);
        return 1;
    }
    lua_pushnil(L);
    if (wait < 0) return 1;
    lua_pushnumber(L, (lua_Number)wait / 1000);
    return 2;
}

/* poll:report(id, status, now) -> "ok" | "partial" | "failed" | "stalled" | nil (it comes up again) */
static int l_report(lua_State *L) {
    poll *b = check(L);
    size_t len;
    const char *status = luaL_optlstring(L, 3, "", &len);
    int64_t now = opt_now(L, 4);
    uint64_t n = number_of(L, 2);
    if (!n) slb_usage(L, "poll:report: %s is not being polled", luaL_tolstring(L, 2, NULL));
    sl_poll_verdict verdict = sl_poll_report(b->p, n, sl_str_make(status, len), now);
    if (verdict == SL_POLL_AGAIN) return 0;
    name(L, 2, n, false);
    lua_pushstring(L, sl_poll_verdict_name(verdict));
    return 1;
}

/* poll:remove(id) -> boolean */
static int l_remove(lua_State *L) {
    poll *b = check(L);
    uint64_t n = number_of(L, 2);
    if (n) {
        sl_poll_remove(b->p, n);
        name(L, 2, n, false);
    }
    lua_pushboolean(L, n != 0);
    return 1;
}

/* poll:count() -> jobs, those being asked about */
static int l_count(lua_State *L) {
    const poll *b = check(L);
    lua_pushinteger(L, (lua_Integer)sl_poll_count(b->p));
    lua_pushinteger(L, (lua_Integer)sl_poll_asked(b->p));
    return 2;
}

static const luaL_Reg methods[] = {{"add", l_add},       {"next", l_next},   {"report", l_report},
                                   {"remove", l_remove}, {"count", l_count}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__gc", l_gc}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};

int luaopen_sluice_poll(lua_State *L);
int luaopen_sluice_poll(lua_State *L) {
    slb_type(L, POLL, meta, methods);
    luaL_newlib(L, functions);
    return 1;
}
