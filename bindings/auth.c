/* sluice.auth: secrets that a script can carry and not read. */
#include "bindings/auth.h"

#include <string.h>

#include "base/log.h"
#include "data/digest.h"

#define SECRET_TYPE "sluice.secret"
#define MASK "***"

typedef struct secret {
    size_t len;
    char text[];
} secret;

bool slb_secret_test(lua_State *L, int idx, sl_str *text) {
    const secret *s = luaL_testudata(L, idx, SECRET_TYPE);
    if (s) *text = sl_str_make(s->text, s->len);
    return s != NULL;
}

static int secret_gc(lua_State *L) {
    secret *s = luaL_checkudata(L, 1, SECRET_TYPE);
    explicit_bzero(s->text, s->len);
    return 0;
}

static int secret_tostring(lua_State *L) {
    lua_pushliteral(L, MASK);
    return 1;
}

/* secret .. "text": the mask, so that a log line with a secret in it is written and shows none */
static int secret_concat(lua_State *L) {
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

static int secret_eq(lua_State *L) {
    sl_str a, b;
    lua_pushboolean(L, slb_secret_test(L, 1, &a) && slb_secret_test(L, 2, &b) && sl_str_eq(a, b));
    return 1;
}

static const luaL_Reg secret_meta[] = {{"__gc", secret_gc},
                                       {"__tostring", secret_tostring},
                                       {"__concat", secret_concat},
                                       {"__eq", secret_eq},
                                       {NULL, NULL}};

/* auth.secret(text | secret) -> secret */
static int l_secret(lua_State *L) {
    sl_str text;
    if (slb_secret_test(L, 1, &text)) {
        lua_settop(L, 1);
        return 1;
    }
    if (lua_type(L, 1) != LUA_TSTRING) slb_usage(L, "auth.secret: text expected, got %s", luaL_typename(L, 1));
    size_t len;
    const char *bytes = lua_tolstring(L, 1, &len);
    secret *s = lua_newuserdatauv(L, sizeof *s + len, 0);
    s->len = len;
    if (len) memcpy(s->text, bytes, len);
    luaL_setmetatable(L, SECRET_TYPE);
    sl_log_secret(sl_str_make(s->text, len)); /* shorter than 4 bytes: not masked, it would eat all text */
    return 1;
}

/* auth.is(value) -> boolean */
static int l_is(lua_State *L) {
    sl_str text;
    luaL_checkany(L, 1);
    lua_pushboolean(L, slb_secret_test(L, 1, &text));
    return 1;
}

/* auth.fingerprint(secret | text) -> 16 hex digits */
static int l_fingerprint(lua_State *L) {
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[SL_DIGEST_MAX];
    char out[16];
    sl_err err;
    sl_str text;
    if (!slb_secret_test(L, 1, &text)) text.ptr = luaL_checklstring(L, 1, &text.len);
    if (sl_digest("sha256", text, digest, &err) == 0) slb_raise(L, &err);
    for (size_t i = 0; i < 8; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    lua_pushlstring(L, out, sizeof out);
    return 1;
}

static const luaL_Reg functions[] = {{"fingerprint", l_fingerprint}, {"is", l_is}, {"secret", l_secret}, {NULL, NULL}};

int luaopen_sluice_auth(lua_State *L);
int luaopen_sluice_auth(lua_State *L) {
    slb_type(L, SECRET_TYPE, secret_meta, NULL);
    luaL_newlib(L, functions);
    return 1;
}
