/* Lua values to JSON text, straight into a buffer. A table is walked once, with next: as long as the keys come as 1, 2,
 * 3 … it is written as an array, from a string on as an object, and what is neither is an error that names the place.
 * Keys are found again by the address of their Lua string, and copied with quotes and colon as they were written. */
#include "bindings/json_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "data/json.h"
#include "data/number.h"
#include "data/scan.h"
#include "data/utf8.h"

enum { SHORT_STRING = 40 }; /* Lua makes strings up to this length unique, so that an address names a text */

/* Where in the value we are; a list from the inside out, made of the C frames. */
typedef struct step {
    const struct step *up;
    const char *key; /* NULL: an element */
    size_t len;
    lua_Integer index;
} step;

typedef struct writer {
    lua_State *L;
    sl_buf *out;
    sl_err *err;
    const json_style *style;
    json_memory *memory;
    int memory_idx;
} writer;

/* bindings/ndjson.c; absent in a build without it. */
extern int slb_record_put(lua_State *L, int idx, sl_buf *out, sl_err *err) __attribute__((weak));

/* The value on top of the stack. */
static int write_value(writer *w, int depth, const step *at);

/* ---- errors ---- */

static void path_put(sl_buf *b, const step *at) {
    if (!at->up) return;
    path_put(b, at->up);
    if (!at->key) sl_buf_printf(b, NULL, "[%" PRId64 "]", (int64_t)at->index);
    else if (sl_utf8_check(sl_str_make(at->key, at->len)) >= 0) sl_buf_printf(b, NULL, "[a key that is not UTF-8]");
    else sl_buf_printf(b, NULL, "%s%.*s", b->len ? "." : "", (int)(at->len < 60 ? at->len : 60), at->key);
}

/* "can't encode variants[2].price: …" */
static int fail_at(writer *w, const step *at, const char *why) {
    sl_buf path;
    sl_buf_init(&path, 160); /* what is deeper is left out */
    path_put(&path, at);
    sl_fail(w->err, SL_INVALID, 0, "can't encode %s as JSON: %s", path.len ? sl_buf_cstr(&path) : "the value", why);
    sl_buf_free(&path);
    return -1;
}

/* The same for a fault of a writer below, which has filled err; ceilings are reported as they are. */
static int fail_inside(writer *w, const step *at) {
    char why[sizeof w->err->msg];
    if (!w->err || w->err->code != SL_INVALID) return -1;
    memcpy(why, w->err->msg, sizeof why);
    return fail_at(w, at, why);
}

static int fail_deep(writer *w, const step *at) {
    char why[100];
    snprintf(why, sizeof why, "nested deeper than %d levels, or a table that contains itself", w->style->max_depth);
    return fail_at(w, at, why);
}

/* The key below the value on top of the stack can't be the key of an object. */
static int fail_key(writer *w, const step *at, int key) {
    char why[160];
    lua_State *L = w->L;
    if (lua_isinteger(L, key))
        snprintf(why, sizeof why, "it has the key [%lld], but is no array from 1 to n (keys of objects are strings)",
                 (long long)lua_tointeger(L, key));
    else if (lua_type(L, key) == LUA_TSTRING)
        snprintf(why, sizeof why, "it is an array and has the key '%.60s'", lua_tostring(L, key));
    else snprintf(why, sizeof why, "a %s can't be a key (keys of objects are strings)", luaL_typename(L, key));
    return fail_at(w, at, why);
}

/* ---- pieces ---- */

static inline int put_char(writer *w, char c) {
    return sl_buf_put_char(w->out, c, w->err);
}

static int put_line(writer *w, int depth) {
    if (!w->style->pretty) return 0;
    size_t spaces = (size_t)depth * 2;
    if (sl_buf_reserve(w->out, spaces + 1, w->err) < 0) return -1;
    w->out->data[w->out->len++] = '\n';
    memset(w->out->data + w->out->len, ' ', spaces);
    w->out->len += spaces;
    return 0;
}

static int put_string(writer *w, int idx, const step *at) {
    sl_str s;
    s.ptr = lua_tolstring(w->L, idx, &s.len);
    return sl_json_put_string(w->out, s, w->err) < 0 ? fail_inside(w, at) : 0;
}

static int put_number(writer *w, int idx, const step *at) {
    sl_buf *out = w->out;
    if (sl_buf_reserve(out, SL_NUMBER_ROOM, w->err) < 0) return -1;
    if (lua_isinteger(w->L, idx)) {
        out->len += sl_number_print_int(lua_tointeger(w->L, idx), out->data + out->len);
        return 0;
    }
    return sl_json_put_double(out, lua_tonumber(w->L, idx), w->err) < 0 ? fail_inside(w, at) : 0;
}

static int put_userdata(writer *w, int idx, const step *at) {
    if (luaL_testudata(w->L, idx, JSON_NUMBER))
        return sl_buf_put(w->out, lua_touserdata(w->L, idx), lua_rawlen(w->L, idx), w->err);
    if (lua_type(w->L, idx) == LUA_TLIGHTUSERDATA && !lua_touserdata(w->L, idx))
        return sl_buf_put(w->out, "null", 4, w->err);
    if (slb_record_put && luaL_testudata(w->L, idx, "sluice.record"))
        return slb_record_put(w->L, idx, w->out, w->err) < 0 ? fail_inside(w, at) : 0;
    char why[160];
    bool named = luaL_getmetafield(w->L, idx, "__name") == LUA_TSTRING;
    snprintf(why, sizeof why, "a %.80s has no JSON form%s", named ? lua_tostring(w->L, -1) : luaL_typename(w->L, idx),
             lua_isnil(w->L, idx) ? " (json.null is written as null)" : "");
    return fail_at(w, at, why);
}

/* ---- keys ---- */

/* Writes the key and keeps what was written, if it is short enough. `string` is at -2 on the stack. */
static int put_new_key(writer *w, sl_str string, unsigned slot, const step *at) {
    size_t before = w->out->len;
    if (sl_json_put_string(w->out, string, w->err) < 0) return fail_inside(w, at);
    if (put_char(w, ':') < 0) return -1;
    size_t len = w->out->len - before;
    if (string.len > SHORT_STRING || len > JSON_KEY_TEXT) return 0;
    json_key *key = &w->memory->key[slot];
    key->string = string.ptr;
    key->len = (uint16_t)len;
    memcpy(key->text, w->out->data + before, len);
    lua_pushvalue(w->L, -2);
    lua_setiuservalue(w->L, w->memory_idx, (int)(JSON_KEY_SLOT + slot));
    return 0;
}

static inline int put_key(writer *w, sl_str string, const step *at) {
    unsigned slot = (unsigned)((uint64_t)(uintptr_t)string.ptr * UINT64_C(0x9E3779B97F4A7C15) >> 54);
    const json_key *key = &w->memory->key[slot];
    if (key->string != string.ptr) return put_new_key(w, string, slot, at);
    if (sl_buf_reserve(w->out, JSON_KEY_TEXT, w->err) < 0) return -1;
    memcpy(w->out->data + w->out->len, key->text, 16); /* nearly always all of it */
    if (key->len > 16) memcpy(w->out->data + w->out->len + 16, key->text + 16, JSON_KEY_TEXT - 16);
    w->out->len += key->len;
    return 0;
}

/* One member: its key at -2, its value on top of the stack. */
static inline int put_member(writer *w, int depth, const step *up) {
    step at = {up, NULL, 0, 0};
    at.key = lua_tolstring(w->L, -2, &at.len);
    if (put_line(w, depth) < 0 || put_key(w, sl_str_make(at.key, at.len), &at) < 0) return -1;
    if (w->style->pretty && put_char(w, ' ') < 0) return -1;
    return write_value(w, depth, &at) < 0 ? -1 : put_char(w, ',');
}

/* The comma behind the last member becomes the closing bracket. */
static int put_close(writer *w, int depth, char bracket) {
    w->out->len--;
    return put_line(w, depth - 1) < 0 ? -1 : put_char(w, bracket);
}

/* ---- objects ---- */

/* The first pair is on the stack already. */
static int write_object(writer *w, int table, int depth, const step *at) {
    lua_State *L = w->L;
    do {
        if (lua_type(L, -2) != LUA_TSTRING) return fail_key(w, at, -2);
        if (put_member(w, depth, at) < 0) return -1;
        lua_pop(L, 1);
    } while (lua_next(L, table));
    return put_close(w, depth, '}');
}

static int compare_strings(const void *a, const void *b) {
    const sl_str *x = a, *y = b;
    size_t shorter = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->ptr, y->ptr, shorter);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The same with keys in order. They are borrowed from the table, which holds them; the list is Lua's to collect. */
static int write_sorted(writer *w, int table, int depth, const step *at) {
    lua_State *L = w->L;
    size_t count = 0, i = 0;
    lua_settop(L, table);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), count++)
        if (lua_type(L, -2) != LUA_TSTRING) return fail_key(w, at, -2);
    sl_str *keys = lua_newuserdatauv(L, count * sizeof *keys, 0);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), i++) keys[i].ptr = lua_tolstring(L, -2, &keys[i].len);
    qsort(keys, count, sizeof *keys, compare_strings);
    for (i = 0; i < count; i++) {
        lua_pushlstring(L, keys[i].ptr, keys[i].len);
        lua_pushvalue(L, -1);
        lua_rawget(L, table);
        if (put_member(w, depth, at) < 0) return -1;
        lua_pop(L, 2);
    }
    lua_settop(L, table);
    return put_close(w, depth, '}');
}

/* ---- arrays ---- */

/* One element, on top of the stack. */
static inline int put_element(writer *w, lua_Integer index, int depth, const step *up) {
    step at = {up, NULL, 0, index};
    if (put_line(w, depth) < 0 || write_value(w, depth, &at) < 0) return -1;
    return put_char(w, ',');
}

/* Keys 1 to n that next gives in another order (a part of the table is a hash). `start` is where its text begins. */
static int write_shuffled_array(writer *w, int table, size_t start, int depth, const step *at) {
    lua_State *L = w->L;
    lua_Integer count = 0, most = 0;
    lua_settop(L, table);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), count++) {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1) return fail_key(w, at, -2);
        if (lua_tointeger(L, -2) > most) most = lua_tointeger(L, -2);
    }
    if (most != count) {
        lua_pushinteger(L, most);
        return fail_key(w, at, -1);
    }
    w->out->len = start;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, table, i);
        if (put_element(w, i, depth, at) < 0) return -1;
        lua_pop(L, 1);
    }
    return put_close(w, depth, ']');
}

/* The first pair is on the stack already. */
static int write_array(writer *w, int table, int depth, const step *at) {
    lua_State *L = w->L;
    size_t start = w->out->len;
    lua_Integer i = 1;
    do {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) != i) return write_shuffled_array(w, table, start, depth, at);
        if (put_element(w, i++, depth, at) < 0) return -1;
        lua_pop(L, 1);
    } while (lua_next(L, table));
    return put_close(w, depth, ']');
}

/* ---- values ---- */

/* True where the table at idx carries the metatable of arrays. */
static bool is_array(writer *w, int idx) {
    if (!lua_getmetatable(w->L, idx)) return false;
    lua_getiuservalue(w->L, w->memory_idx, JSON_ARRAY_SLOT);
    bool same = lua_rawequal(w->L, -1, -2);
    lua_pop(w->L, 2);
    return same;
}

/* The table on top of the stack; it is there again, and nothing above it, when all went well. */
static int write_table(writer *w, int depth, const step *at) {
    lua_State *L = w->L;
    if (depth >= w->style->max_depth || !lua_checkstack(L, 8)) return fail_deep(w, at);
    int table = lua_gettop(L);
    bool array = is_array(w, table);
    lua_pushnil(L);
    if (!lua_next(L, table)) return sl_buf_put(w->out, array ? "[]" : "{}", 2, w->err);
    bool object = lua_type(L, -2) == LUA_TSTRING;
    if (object && array) return fail_key(w, at, -2);
    if (put_char(w, object ? '{' : '[') < 0) return -1;
    if (!object) return write_array(w, table, depth + 1, at);
    return w->style->sort ? write_sorted(w, table, depth + 1, at) : write_object(w, table, depth + 1, at);
}

static int write_value(writer *w, int depth, const step *at) {
    switch (lua_type(w->L, -1)) {
    case LUA_TSTRING:
        return put_string(w, -1, at);
    case LUA_TNUMBER:
        return put_number(w, -1, at);
    case LUA_TTABLE:
        return write_table(w, depth, at);
    case LUA_TBOOLEAN:
        return lua_toboolean(w->L, -1) ? sl_buf_put(w->out, "true", 4, w->err) : sl_buf_put(w->out, "false", 5, w->err);
    default:
        return put_userdata(w, -1, at);
    }
}

int json_write(lua_State *L, int idx, const json_style *style, sl_buf *out, sl_err *err) {
    int top = lua_gettop(L);
    size_t before = out->len;
    luaL_checkstack(L, 8, "json");
    idx = lua_absindex(L, idx);
    sl_err own;
    writer w = {L, out, err ? err : &own, style, NULL, top + 1};
    w.memory = json_memory_push(L);
    lua_pushvalue(L, idx);
    int rc = write_value(&w, 0, &(step){NULL, NULL, 0, 0});
    lua_settop(L, top);
    if (rc < 0) out->len = before;
    return rc;
}

int slb_json_put(lua_State *L, int idx, sl_buf *out, sl_err *err) {
    static const json_style plain = {SL_SCAN_DEPTH, false, false};
    return json_write(L, idx, &plain, out, err);
}
