/* sluice.err: the one error value as Lua sees it: a table that is also text. */
#include "bindings/slb.h"

#include <string.h>

#define ERROR_TYPE "sluice.error"

static const char *field_text(lua_State *L, int idx, const char *key) {
    lua_getfield(L, idx, key); /* stays on the stack as long as the caller uses it */
    return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

/* tostring(err) -> "shop.search_products: message" */
static int err_tostring(lua_State *L) {
    const char *api = field_text(L, 1, "api"), *operation = field_text(L, 1, "operation");
    const char *message = field_text(L, 1, "message");
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    if (api) luaL_addstring(&b, api);
    if (api && operation) luaL_addchar(&b, '.');
    if (operation) luaL_addstring(&b, operation);
    if (api || operation) luaL_addstring(&b, ": ");
    luaL_addstring(&b, message ? message : "unknown error");
    luaL_pushresult(&b);
    return 1;
}

/* err .. "text", "text" .. err */
static int err_concat(lua_State *L) {
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

static const luaL_Reg err_meta[] = {{"__tostring", err_tostring}, {"__concat", err_concat}, {NULL, NULL}};

void slb_error_type(lua_State *L) {
    slb_type(L, ERROR_TYPE, err_meta, NULL);
}

/* err.new{ code=, message=, … } -> error value (the same table) */
static int l_new(lua_State *L) {
    static const char *const known[] = {"code", "message", "status", "api", "operation", "body", "retryable",
                                        "retry_after", "hint", "where", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    slb_check_options(L, 1, "err.new", known);
    const char *code = slb_opt_string(L, 1, "code", "internal");
    if (sl_code_of(code) == SL_OK) slb_usage(L, "err.new: there is no error code '%s'", code);
    if (lua_getfield(L, 1, "retryable") == LUA_TNIL) {
        lua_pushboolean(L, 0);
        lua_setfield(L, 1, "retryable");
    }
    lua_settop(L, 1);
    luaL_setmetatable(L, ERROR_TYPE);
    return 1;
}

/* err.raise{ code=, message=, … }: raises it */
static int l_raise(lua_State *L) {
    l_new(L);
    return lua_error(L);
}

/* err.is(value) -> boolean */
static int l_is(lua_State *L) {
    luaL_checkany(L, 1);
    bool is = lua_getmetatable(L, 1) && luaL_getmetatable(L, ERROR_TYPE) && lua_rawequal(L, -1, -2);
    lua_pushboolean(L, is);
    return 1;
}

/* err.codes() -> list of all codes */
static int l_codes(lua_State *L) {
    lua_newtable(L);
    lua_Integer n = 0;
#define XX(id, name) lua_pushliteral(L, name), lua_rawseti(L, -2, ++n);
    SL_CODE_MAP(XX)
#undef XX
    return 1;
}

/* err.nearest(word, list) -> the nearest text of the list, or nil: "did you mean" */
static int l_nearest(lua_State *L) {
    const char *word = luaL_checkstring(L, 1), *list[256];
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t n = 0;
    for (lua_Integer i = 1; n < 256 && lua_rawgeti(L, 2, i) == LUA_TSTRING; i++) {
        list[n++] = lua_tostring(L, -1); /* the list keeps them alive */
        lua_pop(L, 1);
    }
    lua_pushstring(L, sl_str_nearest(word, list, n));
    return 1;
}

static const luaL_Reg functions[] = {{"codes", l_codes}, {"is", l_is},       {"nearest", l_nearest},
                                     {"new", l_new},     {"raise", l_raise}, {NULL, NULL}};

int luaopen_sluice_err(lua_State *L);
int luaopen_sluice_err(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
