/* One row per C module; bindings/<name>.c has the luaopen function. The embedded Lua files follow by themselves. */
#include "bindings/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/embed.h"
#include "bindings/slb.h"

int luaopen_sluice_auth(lua_State *L);      /* ./auth.c */
int luaopen_sluice_call(lua_State *L);      /* ./call.c */
int luaopen_sluice_cron(lua_State *L);        /* ./cron.c */
int luaopen_sluice_crypto(lua_State *L);    /* ./crypto.c */
int luaopen_sluice_err(lua_State *L);       /* ./err.c */
int luaopen_sluice_file(lua_State *L);      /* ./file.c */
int luaopen_sluice_http_core(lua_State *L); /* ./http_core.c */
int luaopen_sluice_json(lua_State *L);      /* ./json.c */
int luaopen_sluice_limit(lua_State *L);     /* ./limit.c */
int luaopen_sluice_log(lua_State *L);       /* ./log.c */
int luaopen_sluice_ndjson(lua_State *L);    /* ./ndjson.c */
int luaopen_sluice_poll(lua_State *L);      /* ./poll.c */
int luaopen_sluice_process(lua_State *L);   /* ./process.c */
int luaopen_sluice_retry(lua_State *L);     /* ./retry.c */
int luaopen_sluice_server(lua_State *L);    /* ./server.c */
int luaopen_sluice_state(lua_State *L);     /* ./state.c */
int luaopen_sluice_system(lua_State *L);    /* ./system.c */
int luaopen_sluice_time(lua_State *L);      /* ./time.c */
int luaopen_sluice_yaml(lua_State *L);      /* ./yaml.c */

static const luaL_Reg modules[] = { /* keep sorted */
    {"sluice.auth", luaopen_sluice_auth},
    {"sluice.call", luaopen_sluice_call},
    {"sluice.cron", luaopen_sluice_cron},
    {"sluice.crypto", luaopen_sluice_crypto},
    {"sluice.err", luaopen_sluice_err},
    {"sluice.file", luaopen_sluice_file},
    {"sluice.http_core", luaopen_sluice_http_core},
    {"sluice.json", luaopen_sluice_json},
    {"sluice.limit", luaopen_sluice_limit},
    {"sluice.log", luaopen_sluice_log},
    {"sluice.ndjson", luaopen_sluice_ndjson},
    {"sluice.poll", luaopen_sluice_poll},
    {"sluice.process", luaopen_sluice_process},
    {"sluice.retry", luaopen_sluice_retry},
    {"sluice.server", luaopen_sluice_server},
    {"sluice.state", luaopen_sluice_state},
    {"sluice.system", luaopen_sluice_system},
    {"sluice.time", luaopen_sluice_time},
    {"sluice.yaml", luaopen_sluice_yaml},
    {NULL, NULL}};

/* An embedded file as a module; SLUICE_STDLIB names a folder to take it from instead. */
static int load_embedded(lua_State *L) {
    const sl_embedded *file = lua_touserdata(L, lua_upvalueindex(1));
    const char *dir = getenv("SLUICE_STDLIB");
    if (dir && strncmp(file->chunk, "@stdlib/", 8) == 0) {
        const char *path = lua_pushfstring(L, "%s/%s", dir, file->chunk + 8);
        if (luaL_loadfile(L, path) != LUA_OK) return lua_error(L);
    } else if (luaL_loadbufferx(L, file->code, file->code_len, file->chunk, "b") != LUA_OK) {
        return lua_error(L);
    }
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* They win over files of the same name on the path. */
static void preload_stdlib(lua_State *L) {
    for (const sl_embedded *file = sl_embedded_files; file->module; file++) {
        if (strchr(file->module, ':')) continue; /* data */
        lua_pushlightuserdata(L, (void *)(uintptr_t)file);
        lua_pushcclosure(L, load_embedded, 1);
        lua_setfield(L, -2, file->module);
    }
}

void slb_modules_preload(lua_State *L, lua_CFunction open_core) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, modules, 0);
    preload_stdlib(L);
    lua_pushcfunction(L, open_core);
    lua_setfield(L, -2, "sluice.core");
    lua_pop(L, 1);
}

/* core.annotations() -> { name -> text of bindings/<name>.lua } */
int slb_annotations(lua_State *L) {
    lua_newtable(L);
    for (const sl_embedded *file = sl_embedded_files; file->module; file++) {
        if (strncmp(file->module, "annotations:", 12) != 0) continue;
        lua_pushlstring(L, file->bytes, file->len);
        lua_setfield(L, -2, file->module + 12);
    }
    return 1;
}

/* The file of that name in the folder that SLUICE_STDLIB names, or nil. */
static int push_from_folder(lua_State *L, const char *dir, const char *name) {
    const char *path = lua_pushfstring(L, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        lua_pushnil(L);
        return 1;
    }
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    size_t n;
    do {
        char *part = luaL_prepbuffer(&b);
        n = fread(part, 1, LUAL_BUFFERSIZE, file);
        luaL_addsize(&b, n);
    } while (n > 0);
    fclose(file);
    luaL_pushresult(&b);
    return 1;
}

/* core.file(name) -> text | nil     a file of stdlib/ that is not Lua: "page/page.css" */
int slb_embedded_file(lua_State *L) {
    const char *name = luaL_checkstring(L, 1), *dir = getenv("SLUICE_STDLIB");
    if (dir && !strstr(name, "..")) return push_from_folder(L, dir, name);
    for (const sl_embedded *file = sl_embedded_files; file->module; file++) {
        if (strncmp(file->module, "file:", 5) != 0 || strcmp(file->module + 5, name) != 0) continue;
        lua_pushlstring(L, file->bytes, file->len);
        return 1;
    }
    lua_pushnil(L);
    return 1;
}

/* core.source(module) -> text | nil     an embedded Lua file: its annotations are the reference of what it exports */
int slb_embedded_source(lua_State *L) {
    const char *name = luaL_checkstring(L, 1), *dir = getenv("SLUICE_STDLIB");
    for (const sl_embedded *file = sl_embedded_files; file->module; file++) {
        if (strcmp(file->module, name) != 0) continue;
        if (dir && strncmp(file->chunk, "@stdlib/", 8) == 0) return push_from_folder(L, dir, file->chunk + 8);
        lua_pushlstring(L, file->bytes, file->len);
        return 1;
    }
    lua_pushnil(L);
    return 1;
}
