/* sluice.ndjson: the module's table, what its parts share, and lines that are no records. */
#include "bindings/ndjson_parts.h"

#include <inttypes.h>

#include "data/scan.h"
#include "data/walk.h"

/* ---- memory ---- */

static const char memory_key;

static int l_memory_gc(lua_State *L) {
    ndjson_memory *m = lua_touserdata(L, 1);
    sl_indexes_free(&m->indexes);
    sl_valid_free(&m->valid);
    sl_buf_free(&m->scratch);
    sl_buf_free(&m->key);
    return 0;
}

ndjson_memory *ndjson_memory_push(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", l_memory_gc}, {NULL, NULL}};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &memory_key) == LUA_TUSERDATA) return lua_touserdata(L, -1);
    lua_pop(L, 1);
    ndjson_memory *m = lua_newuserdatauv(L, sizeof *m, 1);
    *m = (ndjson_memory){.valid.marks = sl_simd_get()};
    sl_buf_init(&m->scratch, SL_RECORD_MAX);
    sl_buf_init(&m->key, SL_RECORD_MAX);
    slb_type(L, "sluice.ndjson.memory", meta, NULL);
    luaL_setmetatable(L, "sluice.ndjson.memory");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &memory_key);
    return m;
}

/* ---- lines ---- */

/* data/scan has the last word: it says what is wrong, and takes what is too long for data/valid. */
static int put_text(lua_State *L, sl_str text, sl_buf *out, sl_err *err) {
    sl_scan_fault fault;
    record_line line = {.text = text};
    ndjson_memory *m = ndjson_memory_push(L);
    lua_pop(L, 1);
    if (line_valid(m, &line) && line.plain) return sl_buf_put_str(out, line.text, err);
    const char *end = text.ptr + text.len, *start = sl_scan_blank(text.ptr, end);
    const char *stop = sl_scan_value(start, end, SL_SCAN_DEPTH, &fault);
    if (stop && sl_scan_blank(stop, end) != end)
        stop = sl_scan_stop(&fault, sl_scan_blank(stop, end), "expected the end of the line");
    if (!stop) return sl_scan_fail(err, text, &fault);
    if (sl_buf_reserve(out, (size_t)(stop - start), err) < 0) return -1;
    out->len += sl_walk_one_line(sl_str_make(start, (size_t)(stop - start)), out->data + out->len);
    return 0;
}

int slb_line_put(lua_State *L, int idx, sl_buf *out, sl_err *err) {
    sl_str text;
    int type = lua_type(L, idx);
    if (type == LUA_TUSERDATA) {
        if (record_test(L, idx)) return slb_record_put(L, idx, out, err);
        badline_raise(L, idx);
    }
    if (type != LUA_TSTRING) return slb_json_put(L, idx, out, err);
    text.ptr = lua_tolstring(L, idx, &text.len);
    return put_text(L, text, out, err);
}

/* ---- bad lines ---- */

static void set_number(lua_State *L, const char *key, int64_t value) {
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

/* Pushes the error that the bad line at idx stands for; it has line and offset as fields. */
static void push_error_of(lua_State *L, int idx) {
    sl_err err;
    lua_getiuservalue(L, idx, 1);
    lua_getfield(L, -1, "source");
    lua_getfield(L, -2, "line");
    lua_getfield(L, -3, "reason");
    lua_getfield(L, -4, "offset");
    sl_fail(&err, SL_INVALID, 0, "%s:%" PRId64 ": not a record: %s", lua_tostring(L, -4), (int64_t)lua_tointeger(L, -3),
            lua_tostring(L, -2));
    sl_hint(&err, "ndjson.bad(value) tells lines that are no records; bad = \"skip\" passes them over");
    slb_push_error(L, &err);
    set_number(L, "line", lua_tointeger(L, -4));
    set_number(L, "offset", lua_tointeger(L, -2));
    lua_replace(L, -6);
    lua_pop(L, 4);
}

void badline_raise(lua_State *L, int idx) {
    if (lua_type(L, idx) != LUA_TUSERDATA || !luaL_testudata(L, idx, BADLINE_TYPE)) return;
    push_error_of(L, idx);
    lua_error(L);
}

/* bad.line, bad.offset, bad.length, bad.reason, bad.raw, bad.source; another field is what a record would have: raises */
static int l_bad_index(lua_State *L) {
    luaL_checkudata(L, 1, BADLINE_TYPE);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) == LUA_TNIL) badline_raise(L, 1);
    return 1;
}

static int l_bad_raise(lua_State *L) {
    badline_raise(L, 1);
    return 0;
}

/* tostring(bad) -> "products.ndjson:17: not a record: …" */
static int l_bad_tostring(lua_State *L) {
    luaL_checkudata(L, 1, BADLINE_TYPE);
    push_error_of(L, 1);
    luaL_tolstring(L, -1, NULL);
    return 1;
}

void badline_push(lua_State *L, const char *source, int64_t line, int64_t offset, int64_t length, sl_str text,
                  const char *reason) {
    static const luaL_Reg meta[] = {{"__index", l_bad_index},
                                    {"__newindex", l_bad_raise},
                                    {"__len", l_bad_raise},
                                    {"__pairs", l_bad_raise},
                                    {"__tostring", l_bad_tostring},
                                    {NULL, NULL}};
    lua_newuserdatauv(L, 0, 1);
    lua_createtable(L, 0, 6);
    set_number(L, "line", line);
    set_number(L, "offset", offset);
    set_number(L, "length", length);
    lua_pushlstring(L, text.ptr, text.len);
    lua_setfield(L, -2, "raw");
    lua_pushstring(L, reason);
    lua_setfield(L, -2, "reason");
    lua_pushstring(L, source);
    lua_setfield(L, -2, "source");
    lua_setiuservalue(L, -2, 1);
    slb_type(L, BADLINE_TYPE, meta, NULL);
    luaL_setmetatable(L, BADLINE_TYPE);
}

/* bad(value) -> boolean: whether it stands for a line that is no record */
static int l_bad(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, !record_test(L, 1) && luaL_testudata(L, 1, BADLINE_TYPE) != NULL);
    return 1;
}

/* ---- the module ---- */

int luaopen_sluice_ndjson(lua_State *L);

int luaopen_sluice_ndjson(lua_State *L) {
    static const luaL_Reg functions[] = {{"bad", l_bad}, {NULL, NULL}};
    const luaL_Reg *const parts[] = {record_functions, change_functions, path_functions, select_functions,
                                     reader_functions, writer_functions, chunk_functions};
    luaL_newlib(L, functions);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ndjson_memory_push(L);
        record_meta_push(L);
        luaL_setfuncs(L, parts[i], 2);
    }
    return 1;
}
