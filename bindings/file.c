/* sluice.file: files of our own that must be durable line by line (dead letters). */
#include "bindings/slb.h"
#include "io/file.h"

#define FILE_TYPE "sluice.file"

/* file.append(path, {durable=}) -> file | nil, err */
static int l_append(lua_State *L) {
    static const char *const known[] = {"durable", NULL};
    const char *path = luaL_checkstring(L, 1);
    slb_check_options(L, 2, "file.append", known);
    bool durable = slb_opt_bool(L, 2, "durable", true);
    sl_err err;
    sl_file **box = slb_box(L, FILE_TYPE);
    *box = sl_file_append_private(path, durable, &err);
    return *box ? 1 : slb_fail(L, &err);
}

static int done(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) return slb_fail(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* file:write(text) -> true | nil, err: all of it, or nothing */
static int l_write(lua_State *L) {
    sl_file *f = slb_unbox(L, 1, FILE_TYPE);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    sl_err err;
    return done(L, sl_file_write(f, sl_str_make(text, len), &err), &err);
}

/* file:sync() -> true | nil, err */
static int l_sync(lua_State *L) {
    sl_err err;
    return done(L, sl_file_sync(slb_unbox(L, 1, FILE_TYPE), &err), &err);
}

/* file:close() -> true | nil, err: synced where it is durable */
static int l_close(lua_State *L) {
    sl_file *f = slb_unbox(L, 1, FILE_TYPE);
    *(sl_file **)lua_touserdata(L, 1) = NULL;
    sl_err err;
    return done(L, sl_file_commit(f, &err), &err);
}

static int l_gc(lua_State *L) {
    sl_file **box = lua_touserdata(L, 1);
    sl_file_abort(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg meta[] = {{"__gc", l_gc}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"write", l_write}, {"sync", l_sync}, {"close", l_close}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"append", l_append}, {NULL, NULL}};

int luaopen_sluice_file(lua_State *L);
int luaopen_sluice_file(lua_State *L) {
    slb_type(L, FILE_TYPE, meta, methods);
    luaL_newlib(L, functions);
    return 1;
}
