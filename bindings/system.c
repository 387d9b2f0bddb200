/* sluice.system: what this program stands on, for those who look after it. */
#include "bindings/slb.h"
#include "data/digest.h"
#include "data/gzip.h"
#include "data/yaml.h"
#include "io/http.h"
#include "io/machine.h"
#include "io/server.h"
#include "state/look.h"

/* versions() -> { name = version } */
static int l_versions(lua_State *L) {
    lua_createtable(L, 0, 10);
    slb_set_text(L, "sluice", SLUICE_VERSION);
    slb_set_text(L, "lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE);
    slb_set_text(L, "libcurl", sl_http_library());
    slb_set_text(L, "tls", sl_http_tls_library());
    slb_set_text(L, "openssl", sl_digest_version());
    slb_set_text(L, "sqlite", sl_store_engine());
    slb_set_text(L, "libyaml", sl_yaml_version());
    slb_set_text(L, "libmicrohttpd", sl_server_version());
    slb_set_text(L, "zlib", sl_gzip_version());
    slb_set_text(L, "libdeflate", sl_gzip_whole_version());
    return 1;
}

/* disk(path) -> { free =, total = } | nil, err */
static int l_disk(lua_State *L) {
    sl_machine_space space;
    sl_err err;
    if (sl_machine_disk(luaL_checkstring(L, 1), &space, &err) < 0) return slb_fail(L, &err);
    lua_createtable(L, 0, 2);
    slb_set_int(L, "free", space.free_bytes);
    slb_set_int(L, "total", space.total_bytes);
    return 1;
}

/* files() -> { open =, limit = | nil } */
static int l_files(lua_State *L) {
    sl_machine_files files = sl_machine_files_get();
    lua_createtable(L, 0, 2);
    slb_set_int(L, "open", files.open);
    if (files.limit >= 0) slb_set_int(L, "limit", files.limit);
    return 1;
}

/* writable(path) -> boolean */
static int l_writable(lua_State *L) {
    lua_pushboolean(L, sl_machine_writable(luaL_checkstring(L, 1)));
    return 1;
}

/* trim() */
static int l_trim(lua_State *L) {
    (void)L;
    sl_machine_trim();
    return 0;
}

static const luaL_Reg functions[] = {{"disk", l_disk},
                                     {"files", l_files},
                                     {"trim", l_trim},
                                     {"versions", l_versions},
                                     {"writable", l_writable},
                                     {NULL, NULL}};

int luaopen_sluice_system(lua_State *L);
int luaopen_sluice_system(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
