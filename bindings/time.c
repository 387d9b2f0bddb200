/* sluice.time: clocks, and times as the APIs write them. */
#include "base/clock.h"
#include "bindings/slb.h"
#include "data/time.h"
#include "io/loop.h"

/* time.now() -> seconds since 1970 UTC */
static int l_now(lua_State *L) {
    lua_pushnumber(L, (lua_Number)sl_clock_wall_ms() / 1000);
    return 1;
}

/* time.mono() -> seconds of a clock that never steps */
static int l_mono(lua_State *L) {
    lua_pushnumber(L, (lua_Number)sl_clock_mono_us() / 1e6);
    return 1;
}

/* time.cpu() -> CPU seconds of this process */
static int l_cpu(lua_State *L) {
    lua_pushnumber(L, (lua_Number)sl_clock_cpu_us() / 1e6);
    return 1;
}

/* time.peak_bytes() -> peak resident memory of this process */
static int l_peak_bytes(lua_State *L) {
    lua_pushinteger(L, sl_clock_peak_bytes());
    return 1;
}

/* time.shift(wall, mono): for specs: seconds added to both clocks */
static int l_shift(lua_State *L) {
    sl_clock_shift((int64_t)(luaL_optnumber(L, 1, 0) * 1000), (int64_t)(luaL_optnumber(L, 2, 0) * 1000));
    return 0;
}

/* time.fly(on): sleeps cost no time */
static int l_fly(lua_State *L) {
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    sl_loop_fly(slb_loop(L), lua_toboolean(L, 1));
    return 0;
}

/* time.parse(text, form) -> seconds | nil, err */
static int l_parse(lua_State *L) {
    static const char *const forms[] = {"any", "day", NULL};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int day = luaL_checkoption(L, 2, "any", forms);
    sl_str s = sl_str_make(text, len);
    double seconds;
    sl_err err;
    if ((day ? sl_time_parse_day(s, &seconds, &err) : sl_time_parse(s, &seconds, &err)) < 0) return slb_fail(L, &err);
    if (seconds == (double)(lua_Integer)seconds) lua_pushinteger(L, (lua_Integer)seconds);
    else lua_pushnumber(L, seconds);
    return 1;
}

/* time.format(seconds, form) -> text */
static int l_format(lua_State *L) {
    static const char *const forms[] = {"sql", "rfc3339", "http", "day", NULL};
    lua_Number seconds = luaL_checknumber(L, 1);
    int form = luaL_checkoption(L, 2, "rfc3339", forms);
    char space[64];
    sl_err err;
    sl_buf b;
    sl_buf_init(&b, sizeof space);
    int rc = sl_time_format(seconds, (sl_time_form)form, &b, &err);
    if (rc == 0) lua_pushlstring(L, b.data, b.len);
    sl_buf_free(&b);
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

static const luaL_Reg functions[] = {{"cpu", l_cpu},     {"fly", l_fly},       {"format", l_format}, {"mono", l_mono},
                                     {"now", l_now},     {"parse", l_parse},   {"peak_bytes", l_peak_bytes},
                                     {"shift", l_shift}, {NULL, NULL}};

int luaopen_sluice_time(lua_State *L);
int luaopen_sluice_time(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
