/* process.spawn and its Child: waiting for lines and for the end are operations, everything else is done at once. */
#include "io/child.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/process_parts.h"

#define CHILD "sluice.child"
#define KEEP_MAX 16
#define ENV_MAX 256

/* ---- lines and the end ---- */

static int push_line(lua_State *L, const sl_child_line *line) {
    lua_pushstring(L, line->err ? "err" : "out");
    lua_pushlstring(L, line->text.ptr, line->text.len);
    lua_pushboolean(L, line->more);
    return 3;
}

static int push_next_line(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) slb_raise(L, err);
    sl_child *child = slb_unbox(L, 1, CHILD);
    sl_child_line line;
    if (sl_child_line_take(child, &line)) return push_line(L, &line);
    if (!sl_child_drained(child)) slb_usage(L, "child:line: two tasks read the lines of this program");
    lua_pushnil(L);
    return 1;
}

/* child:line() -> stream, text, more | nil     (waits) */
static int child_line(lua_State *L) {
    sl_child *child = slb_unbox(L, 1, CHILD);
    sl_child_line line;
    slb_check_task(L, "child:line");
    if (sl_child_line_take(child, &line)) return push_line(L, &line);
    lua_settop(L, 1);
    sl_op **box = slb_op_box(L);
    sl_err err;
    *box = sl_child_line_start(child, &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push_next_line);
}

static int push_end(lua_State *L, const sl_spawn_end *end) {
    lua_createtable(L, 0, 2);
    slb_set_int(L, "status", end->status);
    if (end->signal) slb_set_int(L, "signal", end->signal);
    return 1;
}

static int push_waited(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) slb_raise(L, err);
    sl_spawn_end end = {0};
    sl_child_ended(slb_unbox(L, 1, CHILD), &end);
    return push_end(L, &end);
}

/* child:wait() -> { status =, signal = }     (waits) */
static int child_wait(lua_State *L) {
    sl_child *child = slb_unbox(L, 1, CHILD);
    sl_spawn_end end;
    slb_check_task(L, "child:wait");
    if (sl_child_ended(child, &end)) return push_end(L, &end);
    lua_settop(L, 1);
    sl_op **box = slb_op_box(L);
    sl_err err;
    *box = sl_child_end_start(child, &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push_waited);
}

/* child:signal(number) -> sent | nil, err */
static int child_signal(lua_State *L) {
    sl_child **box = luaL_checkudata(L, 1, CHILD);
    sl_err err;
    int rc = *box ? sl_child_signal(*box, (int)luaL_checkinteger(L, 2), &err) : 0;
    if (rc < 0) return slb_fail(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* child:close(), and its collection */
static int child_close(lua_State *L) {
    sl_child **box = luaL_checkudata(L, 1, CHILD);
    sl_child *child = *box;
    *box = NULL;
    sl_child_free(child);
    return 0;
}

/* ---- the options of spawn ---- */

static int ascending(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static size_t check_keep(lua_State *L, int keep[KEEP_MAX]) {
    int type = lua_getfield(L, 1, "keep");
    if (type != LUA_TNIL && type != LUA_TTABLE) slb_usage(L, "process.spawn: keep must be a list of descriptors");
    lua_Integer n = type == LUA_TNIL ? 0 : luaL_len(L, -1);
    if (n > KEEP_MAX) slb_usage(L, "process.spawn: keep must have at most %d items", KEEP_MAX);
    for (int i = 0; i < n; i++) {
        int whole;
        lua_rawgeti(L, -1, i + 1);
        lua_Integer fd = lua_tointegerx(L, -1, &whole);
        if (!whole || fd < 3 || fd > 1 << 20 || fcntl((int)fd, F_GETFD) < 0)
            slb_usage(L, "process.spawn: keep[%d] must be an open descriptor from 3 on, not %s", i + 1, luaL_tolstring(L, -1, NULL));
        keep[i] = (int)fd;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    qsort(keep, (size_t)n, sizeof *keep, ascending);
    return (size_t)n;
}

/* Pushes the entry for the pair on top of the stack, "NAME=value" or "NAME". */
static void push_variable(lua_State *L) {
    size_t name_len, value_len = 0;
    if (lua_type(L, -2) != LUA_TSTRING) slb_usage(L, "process.spawn: env has names and values: { NAME = \"value\" }");
    const char *name = lua_tolstring(L, -2, &name_len), *value = "";
    bool taken = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    if (!name_len || strlen(name) != name_len || strchr(name, '='))
        slb_usage(L, "process.spawn: env: '%s' is no name of a variable", name);
    if (!taken && lua_type(L, -1) != LUA_TSTRING)
        slb_usage(L, "process.spawn: env.%s must be a string, or false, not a %s", name, luaL_typename(L, -1));
    if (!taken) value = lua_tolstring(L, -1, &value_len);
    if (strlen(value) != value_len) slb_usage(L, "process.spawn: env.%s holds a zero byte", name);
    lua_pushfstring(L, taken ? "%s" : "%s=%s", name, value);
}

/* Leaves a table on the stack that holds the strings. */
static void check_env(lua_State *L, const char *env[ENV_MAX + 1]) {
    size_t n = 0;
    env[n++] = "NOTIFY_SOCKET"; /* a supervisor's words to us are not for those whom we start */
    env[n++] = "WATCHDOG_USEC";
    env[n++] = "WATCHDOG_PID";
    lua_newtable(L);
    int type = lua_getfield(L, 1, "env");
    if (type != LUA_TNIL && type != LUA_TTABLE) slb_usage(L, "process.spawn: env must be a table: { NAME = \"value\" }");
    if (type == LUA_TTABLE) lua_pushnil(L);
    while (type == LUA_TTABLE && lua_next(L, -2)) {
        if (n == ENV_MAX) slb_usage(L, "process.spawn: env has more than %d names", ENV_MAX - 3);
        push_variable(L);
        env[n] = lua_tostring(L, -1);
        lua_rawseti(L, -5, (lua_Integer)n++);
        lua_pop(L, 1);
    }
    env[n] = NULL;
    lua_pop(L, 1);
}

/* spawn{argv=, cwd=, env=, keep=, memory=, death_signal=, linger=} -> Child | nil, err */
static int l_spawn(lua_State *L) {
    static const char *const known[] = {"argv", "cwd", "death_signal", "env", "keep", "linger", "memory", NULL};
    const char *argv[PROCESS_ARGS_MAX + 1], *env[ENV_MAX + 1];
    int keep[KEEP_MAX];
    process_check_argv(L, "process.spawn", argv);
    slb_check_options(L, 1, "process.spawn", known);
    check_env(L, env);
    sl_child_options options = {.linger_ms = slb_opt_ms(L, 1, "linger", 2000)};
    options.what = (sl_spawn){.argv = argv, .env = env, .keep = keep, .keep_len = check_keep(L, keep),
                              .cwd = slb_opt_string(L, 1, "cwd", NULL), .memory_bytes = slb_opt_int(L, 1, "memory", 0),
                              .death_signal = slb_opt_bool(L, 1, "death_signal", false) ? 15 : 0};
    if (options.what.memory_bytes < 0) slb_usage(L, "process.spawn: memory must be bytes, 0 or more");
    sl_child **box = slb_box(L, CHILD);
    sl_err err;
    *box = sl_child_start(slb_loop(L), &options, &err);
    return *box ? 1 : slb_fail(L, &err);
}

/* child.pid, and the methods */
static int child_index(lua_State *L) {
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "pid") == 0) {
        sl_child **box = luaL_checkudata(L, 1, CHILD);
        if (!*box) return 0;
        lua_pushinteger(L, sl_child_pid(*box));
        return 1;
    }
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
}

static const luaL_Reg functions[] = {{"spawn", l_spawn}, {NULL, NULL}};
static const luaL_Reg child_meta[] = {{"__gc", child_close}, {"__close", child_close}, {NULL, NULL}};
static const luaL_Reg child_methods[] = {{"line", child_line},     {"wait", child_wait},
                                         {"signal", child_signal}, {"close", child_close}, {NULL, NULL}};

void process_child_functions(lua_State *L) {
    luaL_setfuncs(L, functions, 0);
    slb_type(L, CHILD, child_meta, NULL);
    luaL_getmetatable(L, CHILD);
    luaL_newlib(L, child_methods);
    lua_pushcclosure(L, child_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
