/* Chunks for Lua: NDJSON that is built up record by record until it is full, and sent without another copy. */
#include "bindings/ndjson_parts.h"

#define CHUNK_TYPE "sluice.chunk"

sl_chunk *slb_chunk_test(lua_State *L, int idx) {
    sl_chunk **box = luaL_testudata(L, idx, CHUNK_TYPE);
    return box ? *box : NULL;
}

static sl_chunk *check(lua_State *L) {
    return slb_unbox(L, 1, CHUNK_TYPE);
}

static sl_chunk *check_free(lua_State *L, const char *what) {
    sl_chunk *c = check(L);
    if (sl_chunk_pinned(c)) slb_usage(L, "%s: the chunk is being sent; use another one meanwhile", what);
    return c;
}

/* chunk:put(record | table | text) -> true | false: full, send it first | nil, err: no chunk takes it */
static int l_put(lua_State *L) {
    sl_chunk *c = check_free(L, "chunk:put");
    sl_err err;
    luaL_checkany(L, 2);
    badline_raise(L, 2);
    sl_buf *line = sl_chunk_open_line(c);
    sl_chunk_verdict verdict;
    if (slb_line_put(L, 2, line, &err) < 0) verdict = sl_chunk_drop_line(c, &err);
    else verdict = sl_chunk_close_line(c, &err);
    if (verdict == SL_CHUNK_NEVER) return slb_fail(L, &err);
    lua_pushboolean(L, verdict == SL_CHUNK_TAKEN);
    return 1;
}

/* chunk:count() -> number of records */
static int l_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)sl_chunk_count(check(L)));
    return 1;
}

/* chunk:bytes() -> bytes, line ends counted */
static int l_bytes(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)sl_chunk_text(check(L)).len);
    return 1;
}

/* chunk:text() -> all lines */
static int l_text(lua_State *L) {
    sl_str text = sl_chunk_text(check(L));
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

/* chunk:line(n) -> text of line n without its end | nil where there is none */
static int l_line(lua_State *L) {
    sl_chunk *c = check(L);
    lua_Integer n = luaL_checkinteger(L, 2);
    if (n < 1 || (size_t)n > sl_chunk_count(c)) return 0;
    sl_str line = sl_chunk_line(c, (size_t)n);
    lua_pushlstring(L, line.ptr, line.len);
    return 1;
}

static int l_next_line(lua_State *L) {
    lua_Integer n = luaL_optinteger(L, 2, 0) + 1;
    lua_settop(L, 1);
    lua_pushinteger(L, n);
    if (l_line(L) == 0) return 0;
    return 2;
}

/* chunk:lines() -> iterator of number and text */
static int l_lines(lua_State *L) {
    check(L);
    lua_pushcfunction(L, l_next_line);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

/* chunk:clear() -> the chunk, empty */
static int l_clear(lua_State *L) {
    sl_chunk_clear(check_free(L, "chunk:clear"));
    lua_settop(L, 1);
    return 1;
}

static int l_gc(lua_State *L) {
    sl_chunk **box = lua_touserdata(L, 1);
    sl_chunk_free(*box);
    *box = NULL;
    return 0;
}

static size_t limit(lua_State *L, const char *key, int64_t most) {
    int64_t n = slb_opt_int(L, 1, key, 0);
    if (n == 0) {
        bool given = lua_istable(L, 1) && lua_getfield(L, 1, key) != LUA_TNIL;
        if (!given) return 0;
    }
    if (n < 1 || n > most) slb_usage(L, "ndjson.chunk: %s must be from 1 to %lld", key, (long long)most);
    return (size_t)n;
}

/* chunk{max_records=, max_bytes=, max_record_bytes=, require_id=} -> chunk */
static int l_chunk(lua_State *L) {
    static const char *const known[] = {"max_records", "max_bytes", "max_record_bytes", "require_id", NULL};
    static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__len", l_count}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"put", l_put},   {"count", l_count}, {"bytes", l_bytes}, {"text", l_text},
                                       {"line", l_line}, {"lines", l_lines}, {"clear", l_clear}, {NULL, NULL}};
    slb_check_options(L, 1, "ndjson.chunk", known);
    sl_err err;
    sl_chunk_limits limits = {limit(L, "max_records", 10000000), limit(L, "max_bytes", 1 << 30),
                              limit(L, "max_record_bytes", 1 << 28), slb_opt_str(L, 1, "require_id", SL_STR(""))};
    slb_type(L, CHUNK_TYPE, meta, methods);
    sl_chunk **box = slb_box(L, CHUNK_TYPE);
    *box = sl_chunk_new(&limits, &err);
    if (!*box) slb_raise(L, &err);
    return 1;
}

const luaL_Reg chunk_functions[] = {{"chunk", l_chunk}, {NULL, NULL}};
