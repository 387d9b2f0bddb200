/* Shared helpers of the bindings: the error value, boxes, option tables. */
#include "bindings/slb.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_TYPE "sluice.error"

/* ---- errors ---- */

static void set_text(lua_State *L, const char *key, const char *text) {
    slb_set_text(L, key, text[0] ? text : NULL);
}

void slb_push_error(lua_State *L, const sl_err *err) {
    lua_createtable(L, 0, 9);
    set_text(L, "code", sl_code_name(err->code));
    set_text(L, "message", err->msg);
    set_text(L, "api", err->api);
    set_text(L, "operation", err->operation);
    set_text(L, "body", err->body);
    set_text(L, "hint", err->hint);
    if (err->status) {
        lua_pushinteger(L, err->status);
        lua_setfield(L, -2, "status");
    }
    lua_pushboolean(L, err->retryable);
    lua_setfield(L, -2, "retryable");
    if (err->retry_after_ms >= 0) {
        lua_pushnumber(L, (lua_Number)err->retry_after_ms / 1000);
        lua_setfield(L, -2, "retry_after");
    }
    luaL_setmetatable(L, ERROR_TYPE);
}

int slb_fail(lua_State *L, const sl_err *err) {
    lua_pushnil(L);
    slb_push_error(L, err);
    return 2;
}

void slb_raise(lua_State *L, const sl_err *err) {
    slb_push_error(L, err);
    lua_error(L);
    sl_assert_failed("lua_error returned", __FILE__, __LINE__);
}

void slb_usage(lua_State *L, const char *fmt, ...) {
    sl_err err;
    char msg[sizeof err.msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    sl_fail(&err, SL_USAGE, 0, "%s", msg);
    slb_raise(L, &err);
}

static void get_text(lua_State *L, int idx, const char *key, char *out, size_t size) {
    if (lua_getfield(L, idx, key) == LUA_TSTRING) snprintf(out, size, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

void slb_to_error(lua_State *L, int idx, sl_err *err) {
    idx = lua_absindex(L, idx);
    if (!luaL_testudata(L, idx, ERROR_TYPE) && lua_type(L, idx) != LUA_TTABLE) {
        sl_fail(err, SL_INTERNAL, 0, "%s", luaL_tolstring(L, idx, NULL));
        lua_pop(L, 1);
        return;
    }
    char code[32] = "";
    sl_fail(err, SL_INTERNAL, 0, "error");
    get_text(L, idx, "code", code, sizeof code);
    get_text(L, idx, "message", err->msg, sizeof err->msg);
    get_text(L, idx, "api", err->api, sizeof err->api);
    get_text(L, idx, "operation", err->operation, sizeof err->operation);
    get_text(L, idx, "body", err->body, sizeof err->body);
    get_text(L, idx, "hint", err->hint, sizeof err->hint);
    if (sl_code_of(code) != SL_OK) err->code = sl_code_of(code);
    lua_getfield(L, idx, "status");
    err->status = (int)lua_tointeger(L, -1);
    lua_getfield(L, idx, "retryable");
    err->retryable = lua_toboolean(L, -1);
    if (lua_getfield(L, idx, "retry_after") == LUA_TNUMBER) err->retry_after_ms = (int64_t)(lua_tonumber(L, -1) * 1000);
    lua_pop(L, 3);
}

/* ---- userdata ---- */

void slb_type(lua_State *L, const char *name, const luaL_Reg *meta, const luaL_Reg *methods) {
    if (!luaL_newmetatable(L, name)) {
        lua_pop(L, 1);
        return;
    }
    if (meta) luaL_setfuncs(L, meta, 0);
    if (methods) {
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}

void *slb_box(lua_State *L, const char *name) {
    void **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = NULL;
    luaL_setmetatable(L, name);
    return box;
}

void *slb_unbox(lua_State *L, int arg, const char *name) {
    void **box = luaL_testudata(L, arg, name);
    if (!box) slb_usage(L, "expected a %s, got %s (a method is called with a colon: object:method())", name,
                        luaL_typename(L, arg));
    if (!*box) slb_usage(L, "this %s is closed", name);
    return *box;
}

/* ---- fields ---- */

void slb_set_text(lua_State *L, const char *key, const char *text) {
    if (!text) return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

void slb_set_int(lua_State *L, const char *key, int64_t n) {
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, key);
}

void slb_set_seconds(lua_State *L, const char *key, int64_t ms) {
    lua_pushnumber(L, (lua_Number)ms / 1000);
    lua_setfield(L, -2, key);
}

void slb_set_time(lua_State *L, const char *key, int64_t ms) {
    if (ms != 0) slb_set_seconds(L, key, ms);
}

/* ---- options ---- */

static void unknown_option(lua_State *L, const char *what, const char *key, const char *const *known) {
    size_t count = 0;
    while (known[count]) count++;
    const char *near = sl_str_nearest(key, known, count);
    if (near) slb_usage(L, "%s: unknown option '%s' (did you mean '%s'?)", what, key, near);
    slb_usage(L, "%s: unknown option '%s'", what, key);
}

void slb_check_options(lua_State *L, int idx, const char *what, const char *const *known) {
    if (lua_isnoneornil(L, idx)) return;
    idx = lua_absindex(L, idx);
    if (!lua_istable(L, idx)) slb_usage(L, "%s: options must be a table, not a %s", what, luaL_typename(L, idx));
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            slb_usage(L, "%s: options are named values, but one has no name (position %s)", what,
                      luaL_tolstring(L, -1, NULL));
        const char *key = lua_tostring(L, -1);
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0) i++;
        if (!known[i]) unknown_option(L, what, key, known);
    }
}

/* Pushes the field; false (nothing pushed) where there is none. */
static bool field(lua_State *L, int idx, const char *key) {
    if (lua_isnoneornil(L, idx)) return false;
    if (!lua_istable(L, idx)) slb_usage(L, "options must be a table, not a %s", luaL_typename(L, idx));
    if (lua_getfield(L, idx, key) != LUA_TNIL) return true;
    lua_pop(L, 1);
    return false;
}

static void wrong_type(lua_State *L, const char *key, const char *wanted) {
    slb_usage(L, "option '%s' must be %s, not a %s", key, wanted, luaL_typename(L, -1));
}

sl_str slb_opt_str(lua_State *L, int idx, const char *key, sl_str def) {
    if (!field(L, idx, key)) return def;
    if (lua_type(L, -1) != LUA_TSTRING) wrong_type(L, key, "text");
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    lua_pop(L, 1); /* the table still holds it */
    return sl_str_make(text, len);
}

const char *slb_opt_string(lua_State *L, int idx, const char *key, const char *def) {
    sl_str s = slb_opt_str(L, idx, key, sl_str_make(def, 0));
    if (s.ptr != def && strlen(s.ptr) != s.len) slb_usage(L, "option '%s' holds a zero byte", key);
    return s.ptr;
}

int64_t slb_opt_int(lua_State *L, int idx, const char *key, int64_t def) {
    if (!field(L, idx, key)) return def;
    int exact;
    lua_Integer n = lua_tointegerx(L, -1, &exact);
    if (!exact || lua_type(L, -1) != LUA_TNUMBER) wrong_type(L, key, "a whole number");
    lua_pop(L, 1);
    return n;
}

double slb_opt_number(lua_State *L, int idx, const char *key, double def) {
    if (!field(L, idx, key)) return def;
    if (lua_type(L, -1) != LUA_TNUMBER) wrong_type(L, key, "a number");
    double n = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return n;
}

int64_t slb_opt_ms(lua_State *L, int idx, const char *key, int64_t def_ms) {
    double s = slb_opt_number(L, idx, key, NAN);
    if (isnan(s)) return def_ms;
    if (s < 0 || s > 1e12) slb_usage(L, "option '%s' must be seconds, 0 or more", key);
    return (int64_t)(s * 1000 + 0.5);
}

bool slb_opt_bool(lua_State *L, int idx, const char *key, bool def) {
    if (!field(L, idx, key)) return def;
    if (!lua_isboolean(L, -1)) wrong_type(L, key, "true or false");
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}
