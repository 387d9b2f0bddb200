/* sluice.log: log lines and masks for Lua. */
#include "base/log.h"
#include "bindings/slb.h"

/* Level and format of the arguments from `first` on, as string.format does it. */
static void push_formatted(lua_State *L, int first) {
    int n = lua_gettop(L) - first + 1;
    if (n == 1) {
        luaL_tolstring(L, first, NULL);
        return;
    }
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_remove(L, -2);
    lua_insert(L, first);
    lua_call(L, n, 1);
}

static int write_line(lua_State *L, sl_log_level level) {
    const char *area = luaL_checkstring(L, 1);
    luaL_checkany(L, 2);
    if (!sl_log_on(level)) return 0;
    push_formatted(L, 2);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    sl_log_text(level, area, sl_str_make(text, len));
    return 0;
}

/* log.error(area, format, …) and so on */
static int l_error(lua_State *L) {
    return write_line(L, SL_LOG_ERROR);
}
static int l_warn(lua_State *L) {
    return write_line(L, SL_LOG_WARN);
}
static int l_info(lua_State *L) {
    return write_line(L, SL_LOG_INFO);
}
static int l_debug(lua_State *L) {
    return write_line(L, SL_LOG_DEBUG);
}

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

/* log.on(level) -> boolean */
static int l_on(lua_State *L) {
    lua_pushboolean(L, sl_log_on((sl_log_level)luaL_checkoption(L, 1, NULL, levels)));
    return 1;
}

/* log.setup{ level =, format = "text" | "json" } */
static int l_setup(lua_State *L) {
    static const char *const known[] = {"level", "format", NULL};
    static const char *const formats[] = {"text", "json", NULL};
    slb_check_options(L, 1, "log.setup", known);
    lua_settop(L, 1);
    lua_getfield(L, 1, "level");
    lua_getfield(L, 1, "format");
    sl_log_setup((sl_log_level)luaL_checkoption(L, 2, "warn", levels), luaL_checkoption(L, 3, "text", formats) == 1);
    return 0;
}

static sl_str check_str(lua_State *L, int arg) {
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    return sl_str_make(text, len);
}

/* log.print(text): standard error, masked, above the progress bar */
static int l_print(lua_State *L) {
    sl_log_print(check_str(L, 1));
    return 0;
}

/* log.status(lines): the lines that stay below; "" takes them away */
static int l_status(lua_State *L) {
    sl_log_status(check_str(L, 1));
    return 0;
}

/* log.secret(text) -> true | false where it is too short to be masked */
static int l_secret(lua_State *L) {
    lua_pushboolean(L, sl_log_secret(check_str(L, 1)) == 0);
    return 1;
}

/* log.mask(text) -> text */
static int l_mask(lua_State *L) {
    sl_str text = check_str(L, 1);
    sl_buf b;
    sl_buf_init(&b, text.len);
    sl_buf_put_str(&b, text, NULL);
    sl_log_mask(&b);
    if (sl_str_eq(sl_buf_str(&b), text)) lua_pushvalue(L, 1); /* no copy of a text without a secret */
    else lua_pushlstring(L, b.data ? b.data : "", b.len);
    sl_buf_free(&b);
    return 1;
}

/* log.body(text, max?) -> text */
static int l_body(lua_State *L) {
    sl_str text = check_str(L, 1);
    lua_Integer max = luaL_optinteger(L, 2, (lua_Integer)text.len);
    if (max < 0) return luaL_argerror(L, 2, "bytes");
    sl_buf b;
    sl_buf_init(&b, text.len);
    sl_log_body(&b, text, (size_t)max);
    lua_pushlstring(L, b.data ? b.data : "", b.len);
    sl_buf_free(&b);
    return 1;
}

static const luaL_Reg functions[] = {{"body", l_body},     {"debug", l_debug},   {"error", l_error},   {"info", l_info}, {"mask", l_mask},
                                     {"on", l_on},         {"print", l_print},   {"secret", l_secret},
                                     {"setup", l_setup},   {"status", l_status}, {"warn", l_warn}, {NULL, NULL}};

int luaopen_sluice_log(lua_State *L);
int luaopen_sluice_log(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
