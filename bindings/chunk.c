/* Chunks for Lua: NDJSON that is built up record by record until it is full, and sent without another copy. */
#include "bindings/ndjson_parts.h"

#include "data/pick.h"

#define CHUNK_TYPE "sluice.chunk"

enum { PAUSE_RECORDS = 1000, PAUSE_BYTES = 256 << 10 };

typedef struct chunk_box {
    const void *tag;
    sl_chunk *chunk;
    size_t pause_count, pause_bytes; /* of the chunk at the next pause */
} chunk_box;

static const char chunk_tag;

sl_chunk *slb_chunk_test(lua_State *L, int idx) {
    chunk_box *box = ndjson_tagged(L, idx, &chunk_tag, sizeof *box);
    return box ? box->chunk : NULL;
}

static sl_chunk *check_at(lua_State *L, int arg) {
    sl_chunk *c = slb_chunk_test(L, arg);
    if (c) return c;
    slb_usage(L, "expected a %s, got %s (a method is called with a colon: object:method())", CHUNK_TYPE, luaL_typename(L, arg));
}

static sl_chunk *check(lua_State *L) {
    return check_at(L, 1);
}

static sl_chunk *check_free(lua_State *L, const char *what) {
    sl_chunk *c = check(L);
    if (sl_chunk_pinned(c)) slb_usage(L, "%s: the chunk is being sent; use another one meanwhile", what);
    return c;
}

/* A record knows where its members are: its id need not be looked for in the text. */
static sl_chunk_verdict put_record(lua_State *L, const record_node *n, sl_chunk *c, sl_err *err) {
    if (slb_record_put(L, 2, sl_chunk_open_line(c), err) < 0) return sl_chunk_drop_line(c, err);
    sl_index *x = record_index(L, n);
    sl_str id = sl_str_make(NULL, 0);
    ptrdiff_t i = x->object ? sl_index_find(x, &n->root->rec, sl_chunk_key(c)) : -1;
    if (i >= 0) id = sl_index_value(x, &n->root->rec, (size_t)i);
    return sl_chunk_close_line(c, &id, err);
}

static sl_chunk_verdict put(lua_State *L, sl_chunk *c, sl_err *err) {
    const record_node *n = record_test(L, 2);
    if (n) return put_record(L, n, c, err);
    badline_raise(L, 2);
    if (slb_line_put(L, 2, sl_chunk_open_line(c), err) < 0) return sl_chunk_drop_line(c, err);
    return sl_chunk_close_line(c, NULL, err);
}

/* chunk:put(record | table | text) -> true | false: full, send it first | nil, err: no chunk takes it */
static int l_put(lua_State *L) {
    sl_chunk *c = check_free(L, "chunk:put");
    sl_err err;
    luaL_checkany(L, 2);
    sl_chunk_verdict verdict = put(L, c, &err);
    if (verdict == SL_CHUNK_NEVER) return slb_fail(L, &err);
    lua_pushboolean(L, verdict == SL_CHUNK_TAKEN);
    return 1;
}

/* Since the last pause so many records or bytes have come: a transfer may have room again. */
static bool pause_due(chunk_box *box) {
    size_t count = sl_chunk_count(box->chunk), bytes = sl_chunk_text(box->chunk).len;
    if (count < box->pause_count && bytes < box->pause_bytes) return false;
    box->pause_count = count + PAUSE_RECORDS;
    box->pause_bytes = bytes + PAUSE_BYTES;
    return true;
}

/* chunk:take(x) -> true | true, true: it is in, and other work is due | false: chunk:put says why not */
static int l_take(lua_State *L) {
    sl_chunk *c = check_free(L, "chunk:take");
    const record_node *n = record_test(L, 2);
    sl_err err;
    sl_chunk_verdict verdict = SL_CHUNK_NEVER;
    if (!n) luaL_checkany(L, 2);
    if (n) verdict = put_record(L, n, c, &err);
    else if (lua_type(L, 2) != LUA_TUSERDATA) verdict = put(L, c, &err);
    bool taken = verdict == SL_CHUNK_TAKEN;
    lua_pushboolean(L, taken);
    if (!taken || !pause_due(lua_touserdata(L, 1))) return 1;
    lua_pushboolean(L, 1);
    return 2;
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

/* The id as text, escapes undone; a number as it stands. */
static int push_id(lua_State *L, sl_str id, sl_buf *scratch) {
    sl_err err;
    if (id.ptr[0] == '"') {
        sl_buf_clear(scratch);
        if (sl_pick_text(id, scratch, &err) < 0) return -1;
        id = sl_buf_str(scratch);
    }
    lua_pushlstring(L, id.ptr, id.len);
    return 0;
}

/* chunk:ids() -> { [id as text] = true } of its records */
static int l_ids(lua_State *L) {
    sl_chunk *c = check(L);
    sl_buf *scratch = &ndjson_memory_push(L)->key; /* freed with the state, also where memory is out in here */
    lua_createtable(L, 0, (int)sl_chunk_count(c));
    for (size_t i = 1; i <= sl_chunk_count(c); i++) {
        sl_str id = sl_chunk_id(c, i);
        if (id.len == 0 || push_id(L, id, scratch) < 0) continue;
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
    return 1;
}

/* chunk:meets(other) -> whether both hold a record of the same id */
static int l_meets(lua_State *L) {
    lua_pushboolean(L, sl_chunk_meet(check(L), check_at(L, 2)));
    return 1;
}

/* chunk:clear() -> the chunk, empty */
static int l_clear(lua_State *L) {
    sl_chunk_clear(check_free(L, "chunk:clear"));
    chunk_box *box = lua_touserdata(L, 1);
    box->pause_count = PAUSE_RECORDS;
    box->pause_bytes = PAUSE_BYTES;
    lua_settop(L, 1);
    return 1;
}

static int l_gc(lua_State *L) {
    chunk_box *box = lua_touserdata(L, 1);
    sl_chunk_free(box->chunk);
    box->chunk = NULL;
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

/* chunk{max_records=, max_bytes=, max_record_bytes=, require_id=, track_ids=} -> chunk */
static int l_chunk(lua_State *L) {
    static const char *const known[] = {"max_records", "max_bytes", "max_record_bytes", "require_id", "track_ids", NULL};
    static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__len", l_count}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"put", l_put},     {"take", l_take},   {"count", l_count}, {"bytes", l_bytes}, {"text", l_text},
                                       {"line", l_line},   {"lines", l_lines}, {"ids", l_ids},     {"meets", l_meets},
                                       {"clear", l_clear}, {NULL, NULL}};
    slb_check_options(L, 1, "ndjson.chunk", known);
    sl_err err;
    sl_chunk_limits limits = {limit(L, "max_records", 10000000), limit(L, "max_bytes", 1 << 30),
                              limit(L, "max_record_bytes", 1 << 28), slb_opt_str(L, 1, "require_id", SL_STR("")),
                              slb_opt_bool(L, 1, "track_ids", false)};
    slb_type(L, CHUNK_TYPE, meta, methods);
    chunk_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (chunk_box){.tag = &chunk_tag, .pause_count = PAUSE_RECORDS, .pause_bytes = PAUSE_BYTES};
    luaL_setmetatable(L, CHUNK_TYPE);
    box->chunk = sl_chunk_new(&limits, &err);
    if (!box->chunk) slb_raise(L, &err);
    return 1;
}

const luaL_Reg chunk_functions[] = {{"chunk", l_chunk}, {NULL, NULL}};
