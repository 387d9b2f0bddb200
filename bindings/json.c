/* sluice.json: JSON text and Lua values, without loss. The module's table and its two types; reading is in
 * json_decode.c, writing in json_encode.c. */
#include "bindings/json_parts.h"

#include "data/number.h"
#include "data/scan.h"

/* ---- what reading and writing remember ---- */

static const char memory_key;

static int l_memory_gc(lua_State *L) {
    json_memory *m = lua_touserdata(L, 1);
    sl_buf_free(&m->scratch);
    sl_buf_free(&m->out);
    sl_buf_free(&m->sorted);
    return 0;
}

static void push_array_meta(lua_State *L) {
    if (luaL_newmetatable(L, JSON_ARRAY)) {
        lua_pushliteral(L, JSON_ARRAY);
        lua_setfield(L, -2, "__name");
    }
}

static json_memory *memory_new(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", l_memory_gc}, {NULL, NULL}};
    json_memory *m = lua_newuserdatauv(L, sizeof *m, JSON_SLOTS);
    memset(m, 0, sizeof *m);
    sl_buf_init(&m->scratch, JSON_BYTES_MAX);
    sl_buf_init(&m->out, JSON_BYTES_MAX);
    sl_buf_init(&m->sorted, JSON_BYTES_MAX);
    slb_type(L, "sluice.json.memory", meta, NULL);
    luaL_setmetatable(L, "sluice.json.memory");
    push_array_meta(L);
    m->array_meta = lua_topointer(L, -1);
    lua_setiuservalue(L, -2, JSON_ARRAY_SLOT);
    lua_newuserdatauv(L, 0, JSON_WORDS);
    lua_setiuservalue(L, -2, JSON_WORDS_SLOT);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &memory_key);
    return m;
}

json_memory *json_memory_push(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &memory_key) == LUA_TUSERDATA) return lua_touserdata(L, -1);
    lua_pop(L, 1);
    return memory_new(L);
}

/* ---- numbers that keep their digits ---- */

static sl_str number_check(lua_State *L, int arg) {
    const char *text = luaL_checkudata(L, arg, JSON_NUMBER);
    return sl_str_make(text, lua_rawlen(L, arg));
}

/* tostring(number) -> its digits */
static int l_number_tostring(lua_State *L) {
    sl_str text = number_check(L, 1);
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

/* number == number: the same text */
static int l_number_eq(lua_State *L) {
    bool both = luaL_testudata(L, 1, JSON_NUMBER) && luaL_testudata(L, 2, JSON_NUMBER);
    lua_pushboolean(L, both && sl_str_eq(number_check(L, 1), number_check(L, 2)));
    return 1;
}

/* "id " .. number */
static int l_number_concat(lua_State *L) {
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

void json_number_push(lua_State *L, sl_str digits) {
    static const luaL_Reg meta[] = {
        {"__tostring", l_number_tostring}, {"__eq", l_number_eq}, {"__concat", l_number_concat}, {NULL, NULL}};
    memcpy(lua_newuserdatauv(L, digits.len, 0), digits.ptr, digits.len);
    slb_type(L, JSON_NUMBER, meta, NULL);
    luaL_setmetatable(L, JSON_NUMBER);
}

/* number(text) -> number | nil, err */
static int l_number(lua_State *L) {
    sl_str text;
    text.ptr = luaL_checklstring(L, 1, &text.len);
    sl_number n;
    sl_err err;
    if (sl_number_parse(text, &n, &err) < 0) return slb_fail(L, &err);
    json_number_push(L, text);
    return 1;
}

/* ---- arrays ---- */

/* array(table) -> the same table, from now on an array even when it is empty */
static int l_array(lua_State *L) {
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    push_array_meta(L);
    lua_setmetatable(L, 1);
    return 1;
}

/* isarray(value) -> boolean */
static int l_isarray(lua_State *L) {
    luaL_checkany(L, 1);
    bool array = false;
    if (lua_type(L, 1) == LUA_TTABLE && lua_getmetatable(L, 1)) {
        push_array_meta(L);
        array = lua_rawequal(L, -1, -2);
    }
    lua_pushboolean(L, array);
    return 1;
}

/* ---- decode and encode ---- */

static int opt_depth(lua_State *L, int idx, const char *what) {
    int64_t depth = slb_opt_int(L, idx, "max_depth", SL_SCAN_DEPTH);
    if (depth < 1 || depth > SL_SCAN_DEPTH_MAX)
        slb_usage(L, "%s: max_depth must be from 1 to %d", what, (int)SL_SCAN_DEPTH_MAX);
    return (int)depth;
}

/* decode(text, {max_depth=, max_bytes=}) -> value | nil, err */
static int l_decode(lua_State *L) {
    static const char *const known[] = {"max_depth", "max_bytes", NULL};
    sl_str text;
    text.ptr = luaL_checklstring(L, 1, &text.len);
    int depth = SL_SCAN_DEPTH;
    int64_t most = JSON_BYTES_MAX;
    sl_err err;
    if (!lua_isnoneornil(L, 2)) {
        slb_check_options(L, 2, "json.decode", known);
        depth = opt_depth(L, 2, "json.decode");
        most = slb_opt_int(L, 2, "max_bytes", most);
    }
    if ((int64_t)text.len > most) {
        sl_fail(&err, SL_LIMIT, 0, "JSON text of %zu bytes, but at most %lld are allowed here (max_bytes)", text.len,
                (long long)most);
        return slb_fail(L, &err);
    }
    return json_read(L, text, depth, &err) < 0 ? slb_fail(L, &err) : 1;
}

static void encode_options(lua_State *L, json_style *style, int64_t *most) {
    static const char *const known[] = {"pretty", "sort", "max_depth", "max_bytes", NULL};
    slb_check_options(L, 2, "json.encode", known);
    style->pretty = slb_opt_bool(L, 2, "pretty", false);
    style->sort = slb_opt_bool(L, 2, "sort", style->pretty);
    style->max_depth = opt_depth(L, 2, "json.encode");
    *most = slb_opt_int(L, 2, "max_bytes", JSON_BYTES_MAX);
}

/* encode(value, {pretty=, sort=, max_depth=, max_bytes=}) -> text | nil, err */
static int l_encode(lua_State *L) {
    json_style style = {SL_SCAN_DEPTH, false, false};
    int64_t most = JSON_BYTES_MAX;
    luaL_checkany(L, 1);
    if (!lua_isnoneornil(L, 2)) encode_options(L, &style, &most);
    sl_buf *out = &json_memory_push(L)->out;
    /* A finalizer may come here in the middle of another encode: it writes behind what is there, and takes it off. */
    size_t start = out->len;
    sl_err err;
    if (json_write(L, 1, &style, out, &err) < 0) return slb_fail(L, &err);
    size_t len = out->len - start;
    out->len = start;
    if ((int64_t)len > most) {
        sl_fail(&err, SL_LIMIT, 0, "JSON text of %zu bytes, but at most %lld are allowed here (max_bytes)", len,
                (long long)most);
        return slb_fail(L, &err);
    }
    lua_pushlstring(L, len ? out->data + start : "", len);
    if (start == 0 && out->cap > JSON_SCRATCH_KEPT) sl_buf_free(out);
    return 1;
}

static const luaL_Reg functions[] = {{"decode", l_decode},   {"encode", l_encode}, {"array", l_array},
                                     {"isarray", l_isarray}, {"number", l_number}, {NULL, NULL}};

int luaopen_sluice_json(lua_State *L);

int luaopen_sluice_json(lua_State *L) {
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
