/* ndjson.select: a record that has only what is asked for, put together from the texts of the values as they stand. */
#include "bindings/ndjson_parts.h"

#include "data/path.h"

/* On the stack of select: the record, the paths, the names, the places, the path at hand. */
enum { SELECT_REC = 1, SELECT_PATHS, SELECT_NAMES, SELECT_PLACES, SELECT_PATH };

enum { PLACES_BYTES = 64 << 20 };

static int l_places_gc(lua_State *L) {
    sl_buf_free(lua_touserdata(L, 1));
    return 0;
}

static sl_buf *push_places(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", l_places_gc}, {NULL, NULL}};
    sl_buf *places = lua_newuserdatauv(L, sizeof *places, 0);
    sl_buf_init(places, PLACES_BYTES);
    slb_type(L, "sluice.path.places", meta, NULL);
    luaL_setmetatable(L, "sluice.path.places");
    return places;
}

/* All values of a path with [*], as an array. */
static int put_all(sl_str text, const sl_path *path, sl_buf *places, sl_buf *out, sl_err *err) {
    sl_buf_clear(places);
    if (sl_path_find(path, text, 0, places, err) < 0 || sl_buf_put_char(out, '[', err) < 0) return -1;
    const sl_place *each = (const sl_place *)(const void *)places->data;
    for (size_t i = 0; i < places->len / sizeof *each; i++) {
        if (i > 0 && sl_buf_put_char(out, ',', err) < 0) return -1;
        if (sl_buf_put_str(out, sl_str_make(text.ptr + each[i].at, each[i].end - each[i].at), err) < 0) return -1;
    }
    return sl_buf_put_char(out, ']', err);
}

/* Appends the member, where the record has it. Its name is on top of the stack. */
static int put_member(lua_State *L, sl_str text, const sl_path *path, sl_buf *places, sl_buf *out, sl_err *err) {
    sl_str value = {NULL, 0};
    if (!sl_path_many(path) && !sl_path_get(path, text, &value)) return 0;
    if (out->len > 1 && sl_buf_put_char(out, ',', err) < 0) return -1;
    if (slb_json_put(L, -1, out, err) < 0 || sl_buf_put_char(out, ':', err) < 0) return -1;
    return value.ptr ? sl_buf_put_str(out, value, err) : put_all(text, path, places, out, err);
}

/* Pushes the name of member i: that of the third argument, else its path. */
static void push_name(lua_State *L, lua_Integer i) {
    if (lua_isnil(L, SELECT_NAMES) || lua_rawgeti(L, SELECT_NAMES, i) == LUA_TNIL) lua_pushvalue(L, SELECT_PATH);
    if (lua_type(L, -1) != LUA_TSTRING) slb_usage(L, "ndjson.select: a name is a text, not a %s", luaL_typename(L, -1));
}

/* select(rec, paths, names?) -> record of the values there, in the order of the paths */
static int l_select(lua_State *L) {
    sl_err err;
    lua_settop(L, SELECT_NAMES);
    record_node *n = record_get(L, SELECT_REC, "ndjson.select");
    luaL_checktype(L, SELECT_PATHS, LUA_TTABLE);
    if (!lua_isnil(L, SELECT_NAMES)) luaL_checktype(L, SELECT_NAMES, LUA_TTABLE);
    sl_buf *places = push_places(L), *out = &ndjson_memory_up(L)->scratch;
    sl_str text = record_text(n);
    sl_buf_clear(out);
    if (sl_buf_put_char(out, '{', &err) < 0) slb_raise(L, &err);
    for (lua_Integer i = 1; lua_rawgeti(L, SELECT_PATHS, i) != LUA_TNIL; i++, lua_settop(L, SELECT_PLACES)) {
        const sl_path *path = path_check(L, SELECT_PATH, "ndjson.select");
        push_name(L, i);
        if (put_member(L, text, path, places, out, &err) < 0) slb_raise(L, &err);
    }
    if (sl_buf_put_char(out, '}', &err) < 0) slb_raise(L, &err);
    record_new(L, (record_line){.text = sl_buf_str(out)}, ndjson_memory_up(L), lua_upvalueindex(UP_META));
    return 1;
}

const luaL_Reg select_functions[] = {{"select", l_select}, {NULL, NULL}};
