/* One row per C module; bindings/<name>.c has the luaopen function. */
#include "bindings/modules.h"

#include "bindings/slb.h"

int luaopen_sluice_auth(lua_State *L);      /* ./auth.c */
int luaopen_sluice_call(lua_State *L);      /* ./call.c */
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
int luaopen_sluice_time(lua_State *L);      /* ./time.c */
int luaopen_sluice_yaml(lua_State *L);      /* ./yaml.c */

static const luaL_Reg modules[] = { /* keep sorted */
    {"sluice.auth", luaopen_sluice_auth},
    {"sluice.call", luaopen_sluice_call},
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
    {"sluice.time", luaopen_sluice_time},
    {"sluice.yaml", luaopen_sluice_yaml},
    {NULL, NULL}};

void slb_modules_preload(lua_State *L) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, modules, 0);
    lua_pop(L, 1);
}
