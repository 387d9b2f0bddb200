/* sluice.process: other programs, without a shell. */
#include "io/process.h"

#include <limits.h>

#include "bindings/process_parts.h"
#include "bindings/slb.h"
#include "io/spawn.h"

static int push_result(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) return slb_fail(L, err);
    const sl_process_result *r = sl_process_result_get(op);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, r->status);
    lua_setfield(L, -2, "status");
    if (r->signal) {
        lua_pushinteger(L, r->signal);
        lua_setfield(L, -2, "signal");
    }
    lua_pushlstring(L, r->out.ptr, r->out.len);
    lua_setfield(L, -2, "stdout");
    lua_pushlstring(L, r->err.ptr, r->err.len);
    lua_setfield(L, -2, "stderr");
    return 1;
}

void process_check_argv(lua_State *L, const char *what, const char *argv[PROCESS_ARGS_MAX + 1]) {
    if (!lua_istable(L, 1)) slb_usage(L, "%s: expected a table with argv, got a %s", what, luaL_typename(L, 1));
    if (lua_getfield(L, 1, "argv") != LUA_TTABLE)
        slb_usage(L, "%s: argv must be a list: { \"program\", \"argument\" }", what);
    lua_Integer n = luaL_len(L, -1);
    if (n < 1 || n > PROCESS_ARGS_MAX) slb_usage(L, "%s: argv must have 1 to %d items", what, PROCESS_ARGS_MAX);
    for (lua_Integer i = 1; i <= n; i++) {
        size_t len;
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING) slb_usage(L, "%s: argv[%d] must be a string", what, (int)i);
        argv[i - 1] = lua_tolstring(L, -1, &len);
        if (strlen(argv[i - 1]) != len) slb_usage(L, "%s: argv[%d] holds a zero byte", what, (int)i);
        lua_pop(L, 1);
    }
    argv[n] = NULL;
    lua_pop(L, 1);
}

/* run{argv=, cwd=, timeout=, max_bytes=} -> {status=, signal=, stdout=, stderr=} | nil, err     (waits) */
static int l_run(lua_State *L) {
    static const char *const known[] = {"argv", "cwd", "max_bytes", "timeout", NULL};
    const char *argv[PROCESS_ARGS_MAX + 1];
    process_check_argv(L, "process.run", argv);
    slb_check_options(L, 1, "process.run", known);
    int64_t max_bytes = slb_opt_int(L, 1, "max_bytes", 16 << 20);
    if (max_bytes < 1) slb_usage(L, "process.run: max_bytes must be 1 or more");
    sl_process_options options = {.argv = argv, .cwd = slb_opt_string(L, 1, "cwd", NULL),
                                  .timeout_ms = slb_opt_ms(L, 1, "timeout", 0), .max_bytes = (size_t)max_bytes};
    slb_check_task(L, "process.run");
    sl_op **box = slb_op_box(L);
    sl_err err;
    *box = sl_process_start(slb_loop(L), &options, &err);
    if (!*box) return slb_fail(L, &err);
    return slb_wait(L, push_result);
}

/* find(name) -> path | nil */
static int l_find(lua_State *L) {
    char path[PATH_MAX];
    if (sl_spawn_find(luaL_checkstring(L, 1), path, sizeof path)) lua_pushstring(L, path);
    else lua_pushnil(L);
    return 1;
}

static const luaL_Reg functions[] = {{"find", l_find}, {"run", l_run}, {NULL, NULL}};

int luaopen_sluice_process(lua_State *L);

int luaopen_sluice_process(lua_State *L) {
    luaL_newlib(L, functions);
    process_child_functions(L);
    process_self_functions(L);
    return 1;
}
