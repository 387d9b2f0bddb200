/* Lua values to JSON text, straight into a buffer. A table is walked once, with next: as long as the keys come as 1, 2,
 * 3 … it is written as an array, from a string on as an object, and what is neither is an error that names the place.
 *
 * While we are inside a table, the Lua stack holds it, the key and the value, which may be a table again, and so on.
 * That is how an error finds the way to its place, and why the code below speaks of stack indexes. */
#include "bindings/json_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bindings/ndjson.h"
#include "data/json.h"
#include "data/number.h"
#include "data/scan.h"
#include "data/utf8.h"

enum {
    SHORT_STRING = 40, /* Lua makes strings up to this length unique, so that an address names a text */
    STACK_STEP = 100   /* slots to ask for at once */
};

typedef struct writer {
    lua_State *L;
    sl_buf *out;
    sl_err *err;
    const json_style *style;
    json_memory *memory;
    int memory_idx, root;
    int room; /* stack indexes up to this one may be used */
} writer;

JSON_CALL static int write_table(writer *w, int table, int depth);
static int put_userdata(writer *w, int idx);

/* ---- errors ---- */

static void path_put_key(lua_State *L, int idx, sl_buf *path) {
    if (lua_type(L, idx) == LUA_TNUMBER) {
        sl_buf_printf(path, NULL, "[%" PRId64 "]", (int64_t)lua_tointeger(L, idx));
        return;
    }
    sl_str key;
    key.ptr = lua_tolstring(L, idx, &key.len);
    if (sl_utf8_check(key) >= 0) key = SL_STR("(not UTF-8)");
    sl_buf_printf(path, NULL, "%s%.*s", path->len ? "." : "", (int)(key.len < 60 ? key.len : 60), key.ptr);
}

/* "can't encode variants[2].price as JSON: …" for the value at idx. */
static int fail_at(writer *w, int idx, const char *why) {
    sl_buf path;
    sl_buf_init(&path, 160); /* what is deeper is left out */
    for (int key = w->root + 1; key < idx; key += 2) path_put_key(w->L, key, &path);
    sl_fail(w->err, SL_INVALID, 0, "can't encode %s as JSON: %s", path.len ? sl_buf_cstr(&path) : "the value", why);
    sl_buf_free(&path);
    return -1;
}

/* The same for a fault of a writer below, which has filled err; ceilings are reported as they are. */
static int fail_inside(writer *w, int idx) {
    char why[sizeof w->err->msg];
    if (w->err->code != SL_INVALID) return -1;
    memcpy(why, w->err->msg, sizeof why);
    return fail_at(w, idx, why);
}

static int fail_deep(writer *w, int idx) {
    char why[100];
    snprintf(why, sizeof why, "nested deeper than %d levels, or a table that contains itself", w->style->max_depth);
    return fail_at(w, idx, why);
}

/* The key behind the table can't be a key of an object, or the table is an array and has such a key. */
static int fail_key(writer *w, int table) {
    char why[160];
    lua_State *L = w->L;
    int key = table + 1;
    if (lua_isinteger(L, key))
        snprintf(why, sizeof why, "it has the key [%lld], but is no array from 1 to n (keys of objects are strings)",
                 (long long)lua_tointeger(L, key));
    else if (lua_type(L, key) == LUA_TSTRING)
        snprintf(why, sizeof why, "it is an array and has the key '%.60s'", lua_tostring(L, key));
    else snprintf(why, sizeof why, "a %s can't be a key (keys of objects are strings)", luaL_typename(L, key));
    return fail_at(w, table, why);
}

/* ---- pieces ---- */

static inline int put_char(writer *w, char c) {
    return sl_buf_put_char(w->out, c, w->err);
}

static int put_line(writer *w, int depth) {
    size_t spaces = (size_t)depth * 2;
    if (sl_buf_reserve(w->out, spaces + 1, w->err) < 0) return -1;
    w->out->data[w->out->len++] = '\n';
    memset(w->out->data + w->out->len, ' ', spaces);
    w->out->len += spaces;
    return 0;
}

static inline int put_string(writer *w, int idx) {
    sl_str s;
    s.ptr = lua_tolstring(w->L, idx, &s.len);
    return sl_json_put_string(w->out, s, w->err) < 0 ? fail_inside(w, idx) : 0;
}

static inline int put_number(writer *w, int idx) {
    sl_buf *out = w->out;
    if (sl_buf_reserve(out, SL_NUMBER_ROOM, w->err) < 0) return -1;
    if (lua_isinteger(w->L, idx)) {
        out->len += sl_number_print_int(lua_tointeger(w->L, idx), out->data + out->len);
        return 0;
    }
    return sl_json_put_double(out, lua_tonumber(w->L, idx), w->err) < 0 ? fail_inside(w, idx) : 0;
}

/* The value at idx, which is the top of the stack. */
static JSON_INLINE int write_value(writer *w, int idx, int depth) {
    switch (lua_type(w->L, idx)) {
    case LUA_TSTRING:
        return put_string(w, idx);
    case LUA_TNUMBER:
        return put_number(w, idx);
    case LUA_TTABLE:
        return write_table(w, idx, depth);
    case LUA_TBOOLEAN:
        return lua_toboolean(w->L, idx) ? sl_buf_put(w->out, "true", 4, w->err) : sl_buf_put(w->out, "false", 5, w->err);
    default:
        return put_userdata(w, idx);
    }
}

/* ---- values of C ---- */

static int l_record_put(lua_State *L) {
    writer *w = lua_touserdata(L, 2);
    lua_pushboolean(L, slb_record_put(L, 1, w->out, w->err) == 0);
    return 1;
}

/* A record may raise what is wrong with it; our buffers must be put in order first. */
static int put_record(writer *w, int idx) {
    lua_State *L = w->L;
    lua_pushcfunction(L, l_record_put);
    lua_pushvalue(L, idx);
    lua_pushlightuserdata(L, w);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) slb_to_error(L, -1, w->err);
    else if (lua_toboolean(L, -1)) return 0;
    return fail_inside(w, idx);
}

static int put_userdata(writer *w, int idx) {
    if (luaL_testudata(w->L, idx, JSON_NUMBER))
        return sl_buf_put(w->out, lua_touserdata(w->L, idx), lua_rawlen(w->L, idx), w->err);
    if (lua_type(w->L, idx) == LUA_TLIGHTUSERDATA && !lua_touserdata(w->L, idx))
        return sl_buf_put(w->out, "null", 4, w->err);
    if (slb_record_test(w->L, idx)) return put_record(w, idx);
    char why[160];
    bool named = luaL_getmetafield(w->L, idx, "__name") == LUA_TSTRING;
    snprintf(why, sizeof why, "a %.80s has no JSON form%s", named ? lua_tostring(w->L, -1) : luaL_typename(w->L, idx),
             lua_isnil(w->L, idx) ? " (json.null is written as null)" : "");
    return fail_at(w, idx, why);
}

/* ---- keys: found again by the address of their Lua string, and copied with quotes and colon ---- */

/* Writes the key at idx and keeps what was written, if it is short enough. */
static int put_new_key(writer *w, int idx, json_key *key) {
    sl_str string;
    string.ptr = lua_tolstring(w->L, idx, &string.len);
    size_t before = w->out->len;
    if (sl_json_put_string(w->out, string, w->err) < 0) return fail_inside(w, idx + 1);
    if (put_char(w, ':') < 0) return -1;
    size_t len = w->out->len - before;
    if (string.len > SHORT_STRING || len > JSON_KEY_TEXT) return 0;
    key->string = lua_topointer(w->L, idx);
    key->len = (uint16_t)len;
    memcpy(key->text, w->out->data + before, len);
    lua_pushvalue(w->L, idx);
    lua_setiuservalue(w->L, w->memory_idx, JSON_KEY_SLOT + 1 + (int)(key - w->memory->key));
    return 0;
}

/* The key of the member of `table`. Only strings are remembered, so an address that is found is a string's. */
static inline int put_key(writer *w, int table) {
    const void *string = lua_topointer(w->L, table + 1);
    uint64_t slot = (uint64_t)(uintptr_t)string * UINT64_C(0x9E3779B97F4A7C15) >> 54;
    json_key *key = &w->memory->key[slot], *other = &w->memory->key[slot ^ 1];
    if (key->string != string && other->string == string) key = other;
    if (!string || key->string != string) {
        if (lua_type(w->L, table + 1) != LUA_TSTRING) return fail_key(w, table);
        return put_new_key(w, table + 1, key->string ? other : key);
    }
    sl_buf *out = w->out;
    if (sl_buf_reserve(out, JSON_KEY_TEXT, w->err) < 0) return -1;
    memcpy(out->data + out->len, key->text, 16); /* nearly always all of it */
    if (key->len > 16) memcpy(out->data + out->len + 16, key->text + 16, JSON_KEY_TEXT - 16);
    out->len += key->len;
    return 0;
}

/* The comma behind the last member becomes the closing bracket. */
static int put_close(writer *w, int depth, char bracket) {
    w->out->len--;
    if (w->style->pretty && put_line(w, depth - 1) < 0) return -1;
    return put_char(w, bracket);
}

/* ---- objects ---- */

static JSON_INLINE int put_member(writer *w, int table, int depth) {
    if (w->style->pretty && put_line(w, depth) < 0) return -1;
    if (put_key(w, table) < 0) return -1;
    if (w->style->pretty && put_char(w, ' ') < 0) return -1;
    return write_value(w, table + 2, depth) < 0 ? -1 : put_char(w, ',');
}

/* The first pair is on the stack already. */
static int write_object(writer *w, int table, int depth) {
    lua_State *L = w->L;
    do {
        if (put_member(w, table, depth) < 0) return -1;
        lua_settop(L, table + 1);
    } while (lua_next(L, table));
    return put_close(w, depth, '}');
}

static int compare_strings(const void *a, const void *b) {
    const sl_str *x = a, *y = b;
    size_t shorter = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->ptr, y->ptr, shorter);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Appends the table's keys, borrowed from it, to `keys` in order; nothing but the table is on the stack afterwards. */
static int collect_keys(writer *w, int table, sl_buf *keys) {
    lua_State *L = w->L;
    size_t before = keys->len;
    sl_str key;
    lua_settop(L, table);
    for (lua_pushnil(L); lua_next(L, table); lua_settop(L, table + 1)) {
        if (lua_type(L, table + 1) != LUA_TSTRING) return fail_key(w, table);
        key.ptr = lua_tolstring(L, table + 1, &key.len);
        if (sl_buf_put(keys, &key, sizeof key, w->err) < 0) return -1;
    }
    qsort(keys->data + before, (keys->len - before) / sizeof key, sizeof key, compare_strings);
    return 0;
}

/* The same with keys in order. Lists of keys are stacked in one buffer, an inner object's behind the outer one's. */
static int write_sorted(writer *w, int table, int depth) {
    lua_State *L = w->L;
    sl_buf *keys = &w->memory->sorted;
    size_t before = keys->len;
    if (collect_keys(w, table, keys) < 0) return -1;
    for (size_t at = before, end = keys->len; at < end; at += sizeof(sl_str)) {
        sl_str key;
        memcpy(&key, keys->data + at, sizeof key);
        lua_pushlstring(L, key.ptr, key.len);
        lua_pushvalue(L, table + 1);
        lua_rawget(L, table);
        if (put_member(w, table, depth) < 0) return -1;
        lua_settop(L, table);
    }
    keys->len = before;
    return put_close(w, depth, '}');
}

/* ---- arrays ---- */

static JSON_INLINE int put_element(writer *w, int table, int depth) {
    if (w->style->pretty && put_line(w, depth) < 0) return -1;
    return write_value(w, table + 2, depth) < 0 ? -1 : put_char(w, ',');
}

/* Keys 1 to n that next gives in another order (a part of the table is a hash). `start` is where its text begins. */
static int write_shuffled_array(writer *w, int table, size_t start, int depth) {
    lua_State *L = w->L;
    lua_Integer count = 0, most = 0;
    lua_settop(L, table);
    for (lua_pushnil(L); lua_next(L, table); lua_settop(L, table + 1), count++) {
        lua_Integer i = lua_isinteger(L, table + 1) ? lua_tointeger(L, table + 1) : 0;
        if (i < 1) return fail_key(w, table);
        if (i > most) most = i;
    }
    if (most != count) {
        lua_pushinteger(L, most);
        return fail_key(w, table);
    }
    w->out->len = start;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_pushinteger(L, i);
        lua_rawgeti(L, table, i);
        if (put_element(w, table, depth) < 0) return -1;
        lua_settop(L, table);
    }
    return put_close(w, depth, ']');
}

/* The first pair is on the stack already. */
static int write_array(writer *w, int table, int depth) {
    lua_State *L = w->L;
    size_t start = w->out->len;
    lua_Integer i = 1;
    do {
        if (!lua_isinteger(L, table + 1) || lua_tointeger(L, table + 1) != i++)
            return write_shuffled_array(w, table, start, depth);
        if (put_element(w, table, depth) < 0) return -1;
        lua_settop(L, table + 1);
    } while (lua_next(L, table));
    return put_close(w, depth, ']');
}

/* ---- tables ---- */

/* True where the table at idx carries the metatable of arrays. */
static inline bool is_array(writer *w, int idx) {
    if (!lua_getmetatable(w->L, idx)) return false;
    bool same = lua_topointer(w->L, -1) == w->memory->array_meta;
    lua_pop(w->L, 1);
    return same;
}

static bool more_room(writer *w) {
    w->room = lua_gettop(w->L) + STACK_STEP;
    return lua_checkstack(w->L, STACK_STEP);
}

/* The table on top of the stack. It may have pairs above it afterwards. */
static int write_table(writer *w, int table, int depth) {
    lua_State *L = w->L;
    if (depth >= w->style->max_depth || (table + 8 > w->room && !more_room(w))) return fail_deep(w, table);
    bool array = is_array(w, table);
    lua_pushnil(L);
    if (!lua_next(L, table)) return sl_buf_put(w->out, array ? "[]" : "{}", 2, w->err);
    bool object = lua_type(L, table + 1) == LUA_TSTRING;
    if (object && array) return fail_key(w, table);
    if (put_char(w, object ? '{' : '[') < 0) return -1;
    if (!object) return write_array(w, table, depth + 1);
    return w->style->sort ? write_sorted(w, table, depth + 1) : write_object(w, table, depth + 1);
}

int json_write(lua_State *L, int idx, const json_style *style, sl_buf *out, sl_err *err) {
    int top = lua_gettop(L);
    luaL_checkstack(L, 8, "json");
    idx = lua_absindex(L, idx);
    sl_err own;
    json_memory *m = json_memory_push(L);
    writer w = {L, out, err ? err : &own, style, m, top + 1, top + 2, 0};
    size_t before = out->len, keys = m->sorted.len;
    lua_pushvalue(L, idx);
    int rc = write_value(&w, w.root, 0);
    lua_settop(L, top);
    m->sorted.len = keys;
    if (rc < 0) out->len = before;
    return rc;
}

int slb_json_put(lua_State *L, int idx, sl_buf *out, sl_err *err) {
    static const json_style plain = {SL_SCAN_DEPTH, false, false};
    return json_write(L, idx, &plain, out, err);
}
