/* Answers for Lua: a plain table with status, body and times, and the headers as a block that is searched. */
#include <string.h>

#include "bindings/http_parts.h"

#define HEADERS_TYPE "sluice.http.headers"
#define RESPONSE_TYPE "sluice.http.response"

typedef struct header_span {
    unsigned int name_at, name_len, value_at, value_len;
} header_span;

/* One userdata: the spans, then the bytes they point into. */
typedef struct header_block {
    size_t count;
    header_span spans[];
} header_block;

static const char *bytes_of(const header_block *b) {
    return (const char *)(b->spans + b->count);
}

static sl_str name_of(const header_block *b, size_t i) {
    return sl_str_make(bytes_of(b) + b->spans[i].name_at, b->spans[i].name_len);
}

static void push_value(lua_State *L, const header_block *b, size_t i) {
    lua_pushlstring(L, bytes_of(b) + b->spans[i].value_at, b->spans[i].value_len);
}

static void push_headers(lua_State *L, const sl_http_response *a) {
    size_t bytes = 0;
    for (size_t i = 0; i < a->header_count; i++) bytes += a->headers[i].name.len + a->headers[i].value.len;
    header_block *b = lua_newuserdatauv(L, sizeof *b + a->header_count * sizeof b->spans[0] + bytes, 0);
    b->count = a->header_count;
    char *to = (char *)(b->spans + b->count);
    unsigned int at = 0;
    for (size_t i = 0; i < a->header_count; i++) {
        const sl_http_header *h = &a->headers[i];
        b->spans[i] =
            (header_span){at, (unsigned int)h->name.len, at + (unsigned int)h->name.len, (unsigned int)h->value.len};
        memcpy(to + at, h->name.ptr, h->name.len);
        if (h->value.len) memcpy(to + at + h->name.len, h->value.ptr, h->value.len);
        at += (unsigned int)(h->name.len + h->value.len);
    }
    luaL_setmetatable(L, HEADERS_TYPE);
}

static int push_first(lua_State *L, const header_block *b, sl_str name) {
    for (size_t i = 0; i < b->count; i++) {
        if (!sl_str_ieq(name_of(b, i), name)) continue;
        push_value(L, b, i);
        return 1;
    }
    lua_pushnil(L);
    return 1;
}

static sl_str check_name(lua_State *L) {
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    return sl_str_make(name, len);
}

/* headers:get(name) -> value | nil */
static int l_get(lua_State *L) {
    const header_block *b = luaL_checkudata(L, 1, HEADERS_TYPE);
    return push_first(L, b, check_name(L));
}

/* headers:all(name) -> {value, …} */
static int l_all(lua_State *L) {
    const header_block *b = luaL_checkudata(L, 1, HEADERS_TYPE);
    sl_str name = check_name(L);
    lua_newtable(L);
    for (size_t i = 0; i < b->count; i++) {
        if (!sl_str_ieq(name_of(b, i), name)) continue;
        push_value(L, b, i);
        lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    }
    return 1;
}

/* headers.name, headers["Any-Case"] -> value | nil; headers.get, headers.all */
static int l_index(lua_State *L) {
    const header_block *b = lua_touserdata(L, 1);
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    sl_str name = check_name(L);
    if (sl_str_eq(name, SL_STR("get"))) return lua_pushcfunction(L, l_get), 1;
    if (sl_str_eq(name, SL_STR("all"))) return lua_pushcfunction(L, l_all), 1;
    return push_first(L, b, name);
}

static int l_next(lua_State *L) {
    const header_block *b = luaL_checkudata(L, lua_upvalueindex(1), HEADERS_TYPE);
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
    if ((size_t)i >= b->count) return 0;
    lua_pushinteger(L, i + 1);
    lua_replace(L, lua_upvalueindex(2));
    sl_str name = name_of(b, (size_t)i);
    lua_pushlstring(L, name.ptr, name.len);
    push_value(L, b, (size_t)i);
    return 2;
}

/* pairs(headers): name, value in the order of the answer, repeated ones each time */
static int l_pairs(lua_State *L) {
    luaL_checkudata(L, 1, HEADERS_TYPE);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, l_next, 2);
    return 1;
}

void http_response_types(lua_State *L) {
    static const luaL_Reg meta[] = {{"__index", l_index}, {"__pairs", l_pairs}, {NULL, NULL}};
    slb_type(L, HEADERS_TYPE, meta, NULL);
    if (luaL_newmetatable(L, RESPONSE_TYPE)) {
        lua_newtable(L);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}

/* ---- the answer ---- */

static void set_seconds(lua_State *L, const char *key, int64_t us) {
    lua_pushnumber(L, (lua_Number)us / 1e6);
    lua_setfield(L, -2, key);
}

static void push_times(lua_State *L, const sl_http_response *a) {
    lua_createtable(L, 0, 8);
    set_seconds(L, "dns", a->times.dns_us);
    set_seconds(L, "connect", a->times.connect_us);
    set_seconds(L, "tls", a->times.tls_us);
    set_seconds(L, "first_byte", a->times.first_byte_us);
    set_seconds(L, "total", a->times.total_us);
    slb_set_int(L, "sent_bytes", a->sent_bytes);
    slb_set_int(L, "received_bytes", a->received_bytes);
    lua_pushboolean(L, a->reused);
    lua_setfield(L, -2, "reused");
}

void http_push_response(lua_State *L, const sl_http_response *a) {
    lua_createtable(L, 0, 10);
    slb_set_int(L, "status", a->status);
    lua_pushlstring(L, a->reason.ptr, a->reason.len);
    lua_setfield(L, -2, "reason");
    lua_pushstring(L, a->version == 20 ? "2" : a->version == 10 ? "1.0" : "1.1");
    lua_setfield(L, -2, "version");
    lua_pushstring(L, a->url);
    lua_setfield(L, -2, "url");
    slb_set_int(L, "redirects", a->redirects);
    push_headers(L, a);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, a->body.ptr, a->body.len);
    lua_setfield(L, -2, "body");
    push_times(L, a);
    lua_setfield(L, -2, "timings");
    luaL_setmetatable(L, RESPONSE_TYPE);
}
