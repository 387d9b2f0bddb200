/* Records for Lua: rec.field reads one value out of the text, rec.field = value changes the text, nil takes the field
 * out. What is below is data/record; here are only types, places on the stack, and memory. */
#include "bindings/ndjson_parts.h"

#include <stddef.h>
#include <stdio.h>

#include "data/fingerprint.h"
#include "data/json.h"
#include "data/number.h"
#include "data/scan.h"
#include "data/walk.h"

/* ---- making ---- */

const char record_tag = 0;

/* Room for a few longer numbers, so that most records never move. */
static size_t with_slack(size_t len) {
    return len + len / 16 + 48;
}

/* The text of the line into the record, which then has an index where the line has. */
static void take_line(sl_record *r, const record_line *line) {
    sl_str text = line->text;
    if (!line->plain && sl_walk_has_lines(text)) {
        r->len = (uint32_t)sl_walk_one_line(text, r->text);
        return;
    }
    memcpy(r->text, text.ptr, text.len);
    r->len = (uint32_t)text.len;
    if (line->x && line->x->used == line->used) line->x->serial = r->serial;
}

record_node *record_new(lua_State *L, record_line line, ndjson_memory *m, int meta) {
    size_t cap = with_slack(line.text.len);
    if (meta > LUA_REGISTRYINDEX) meta = lua_absindex(L, meta);
    record_root *root = lua_newuserdatauv(L, sizeof *root + cap, 2);
    root->node = (record_node){&record_tag, root, 0, 0};
    root->memory = m;
    root->held = false;
    root->rec = (sl_record){.text = root->text, .cap = (uint32_t)cap, .serial = sl_indexes_serial(&m->indexes)};
    take_line(&root->rec, &line);
    lua_pushvalue(L, meta);
    lua_setmetatable(L, -2);
    return &root->node;
}

static int refuse(char reason[RECORD_REASON], sl_str text, const char *at, const char *why) {
    size_t line, column;
    sl_scan_where(text, at, &line, &column);
    if (line > 1) snprintf(reason, RECORD_REASON, "line %zu, column %zu: %s", line, column, why);
    else snprintf(reason, RECORD_REASON, "column %zu: %s", column, why);
    return -1;
}

bool line_valid(ndjson_memory *m, record_line *line) {
    const char *end = line->text.ptr + line->text.len, *start = sl_scan_blank(line->text.ptr, end);
    while (end > start && sl_scan_blank(end - 1, end) == end) end--;
    line->text = sl_str_make(start, (size_t)(end - start));
    line->x = sl_indexes_line(&m->indexes);
    m->valid.slack = line->slack;
    bool valid = sl_valid_text(&m->valid, line->text, line->x);
    line->plain = valid && !m->valid.lines;
    line->used = line->x->used;
    if (!valid) line->x = NULL;
    return valid;
}

int line_check(ndjson_memory *m, record_line *line, char reason[RECORD_REASON]) {
    sl_str all = line->text;
    sl_scan_fault fault;
    if (all.len > SL_RECORD_MAX) return refuse(reason, SL_STR(""), "", "more bytes than a record may have");
    if (line_valid(m, line)) return 0;
    const char *start = line->text.ptr, *end = all.ptr + all.len, *stop = sl_scan_value(start, end, SL_SCAN_DEPTH, &fault);
    if (!stop) return refuse(reason, all, fault.at, fault.reason);
    stop = sl_scan_blank(stop, end);
    return stop == end ? 0 : refuse(reason, all, stop, "expected the end of the record");
}

int record_check(ndjson_memory *m, record_line *line, char reason[RECORD_REASON]) {
    char why[80];
    sl_str all = line->text;
    if (line_check(m, line, reason) < 0) return -1;
    if (*line->text.ptr == '{' || *line->text.ptr == '[') return 0;
    snprintf(why, sizeof why, "a record must be an object, this is %s", sl_walk_kind(line->text));
    return refuse(reason, all, line->text.ptr, why);
}

int slb_record_push(lua_State *L, sl_str text, sl_err *err) {
    char reason[RECORD_REASON];
    record_line line = {.text = text};
    ndjson_memory *m = ndjson_memory_push(L);
    if (record_check(m, &line, reason) < 0) {
        lua_pop(L, 1);
        return sl_fail(err, SL_INVALID, 0, "not a record: %s", reason);
    }
    record_meta_push(L);
    record_new(L, line, m, -1);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return 0;
}

/* ---- finding ---- */

void record_push_root(lua_State *L, int arg, const record_node *n) {
    if (n->at == 0 && lua_touserdata(L, arg) == (void *)n->root) lua_pushvalue(L, arg);
    else lua_getiuservalue(L, arg, VIEW_ROOT);
}

/* The value is no longer part of its record: from now on it is a record of its own, as a table would be. */
static void detach(lua_State *L, int arg, record_node *n, sl_str text) {
    arg = lua_absindex(L, arg);
    lua_getmetatable(L, arg);
    record_node *own = record_new(L, (record_line){.text = text}, n->root->memory, -1);
    n->root = own->root;
    n->at = n->version = 0;
    lua_setiuservalue(L, arg, VIEW_ROOT);
    lua_pop(L, 1);
}

static void refresh_view(lua_State *L, int arg, record_node *n) {
    sl_str old;
    sl_err err;
    int rc = sl_record_follow(&n->root->rec, &n->at, &n->version, &old, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 0) detach(L, arg, n, old);
}

static inline void refresh(lua_State *L, int arg, record_node *n) {
    if (n->at != 0 && n->version != n->root->rec.version) refresh_view(L, arg, n);
}

record_node *record_get(lua_State *L, int arg, const char *what) {
    record_node *n = record_test(L, arg);
    if (!n) {
        badline_raise(L, arg);
        slb_usage(L, "%s: expected a record, got a %s", what, luaL_typename(L, arg));
    }
    refresh(L, arg, n);
    return n;
}

bool slb_record_test(lua_State *L, int idx) {
    return record_test(L, idx) != NULL;
}

sl_str record_text(const record_node *n) {
    const sl_record *r = &n->root->rec;
    const char *start = r->text + n->at, *end = r->text + r->len;
    if (n->at > 0) end = sl_walk_value(start, end);
    return sl_str_make(start, (size_t)(end - start));
}

int slb_record_put(lua_State *L, int idx, sl_buf *out, sl_err *err) {
    return record_put(L, idx, lua_touserdata(L, idx), out, err);
}

int record_put(lua_State *L, int idx, record_node *n, sl_buf *out, sl_err *err) {
    refresh(L, idx, n);
    return sl_buf_put_str(out, record_text(n), err);
}

sl_index *record_index(lua_State *L, const record_node *n) {
    sl_err err;
    sl_index *x = sl_index_of(&n->root->memory->indexes, &n->root->rec, n->at, &err);
    if (!x) slb_raise(L, &err);
    return x;
}

/* ---- reading ---- */

static void push_view(lua_State *L, int arg, const record_node *n, sl_str value) {
    record_root *root = n->root;
    record_node *view = lua_newuserdatauv(L, sizeof *view, 1);
    *view = (record_node){&record_tag, root, (uint32_t)(value.ptr - root->rec.text), root->rec.version};
    root->held = true;
    record_push_root(L, arg, n);
    lua_setiuservalue(L, -2, VIEW_ROOT);
    lua_pushvalue(L, lua_upvalueindex(UP_META));
    lua_setmetatable(L, -2);
}

static void push_string(lua_State *L, ndjson_memory *m, sl_str value) {
    sl_str inner = sl_str_make(value.ptr + 1, value.len - 2);
    if (inner.len > 0 && memchr(inner.ptr, '\\', inner.len)) {
        sl_err err;
        sl_buf *plain = &m->scratch;
        sl_buf_clear(plain);
        if (sl_scan_unescape(inner, plain, &err) < 0) slb_raise(L, &err);
        inner = sl_buf_str(plain);
    }
    lua_pushlstring(L, inner.ptr, inner.len);
}

/* What is behind a number ends it, so the record's end will do: reading is cheaper with some bytes behind. */
static void push_number(lua_State *L, const sl_record *r, sl_str value) {
    sl_number number;
    sl_scan_fault fault;
    sl_err err;
    sl_number_read(value.ptr, r->text + r->len, &number, &fault);
    if (number.kind == SL_NUMBER_INT) lua_pushinteger(L, number.i);
    else if (number.kind == SL_NUMBER_DOUBLE) lua_pushnumber(L, number.d);
    else if (slb_json_push(L, value, &err) < 0) slb_raise(L, &err);
}

void record_push_value(lua_State *L, int arg, const record_node *n, sl_str value) {
    switch (value.ptr[0]) {
    case '"':
        push_string(L, n->root->memory, value);
        return;
    case '{':
    case '[':
        push_view(L, arg, n, value);
        return;
    case 't':
    case 'f':
        lua_pushboolean(L, value.ptr[0] == 't');
        return;
    case 'n':
        lua_pushlightuserdata(L, NULL);
        return;
    default:
        push_number(L, &n->root->rec, value);
    }
}

int64_t record_element(lua_State *L, int arg) {
    int whole;
    lua_Integer i = lua_type(L, arg) == LUA_TNUMBER ? lua_tointegerx(L, arg, &whole) : 0;
    return i >= 1 ? (int64_t)i - 1 : -1;
}

static ptrdiff_t find(lua_State *L, sl_index *x, const record_node *n, int key) {
    if (lua_type(L, key) == LUA_TSTRING) {
        sl_str name;
        name.ptr = lua_tolstring(L, key, &name.len);
        return sl_index_find(x, &n->root->rec, name);
    }
    int64_t i = x->object ? -1 : record_element(L, key);
    return i < x->count ? (ptrdiff_t)i : -1;
}

/* rec[key] -> value | nil */
static int l_index(lua_State *L) {
    record_node *n = record_get(L, 1, "record");
    sl_index *x = record_index(L, n);
    ptrdiff_t i = find(L, x, n, 2);
    if (i < 0) return 0;
    record_push_value(L, 1, n, sl_index_value(x, &n->root->rec, (size_t)i));
    return 1;
}

/* #rec -> number of elements; 0 for an object, as for tables with names only */
static int l_len(lua_State *L) {
    const sl_index *x = record_index(L, record_get(L, 1, "record"));
    lua_pushinteger(L, x->object ? 0 : (lua_Integer)x->count);
    return 1;
}

/* tostring(rec) -> its text; raw(rec) -> text */
static int l_raw(lua_State *L) {
    sl_str text = record_text(record_get(L, 1, "ndjson.raw"));
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

/* fingerprint(rec) -> 32 digits that tell its text from any other */
static int l_fingerprint(lua_State *L) {
    char name[SL_FINGERPRINT_LEN + 1];
    sl_fingerprint(record_text(record_get(L, 1, "ndjson.fingerprint")), name);
    lua_pushlstring(L, name, SL_FINGERPRINT_LEN);
    return 1;
}

/* totable(rec) -> value, as json.decode would give it */
static int l_totable(lua_State *L) {
    sl_err err;
    if (slb_json_push(L, record_text(record_get(L, 1, "ndjson.totable")), &err) < 0) slb_raise(L, &err);
    return 1;
}

/* Pushes the list of names, each once, in the order of the text. */
static void push_keys(lua_State *L, const record_node *n) {
    sl_err err;
    sl_str key;
    sl_index *x = record_index(L, n);
    lua_createtable(L, (int)x->count, 0);
    lua_Integer count = 0;
    for (size_t i = 0; i < x->count; i++) {
        if (sl_index_shadowed(x, &n->root->rec, i)) continue;
        if (sl_index_key(x, &n->root->rec, i, &n->root->memory->key, &key, &err) < 0) slb_raise(L, &err);
        lua_pushlstring(L, key.ptr, key.len);
        lua_rawseti(L, -2, ++count);
    }
}

/* keys(rec) -> list of names in the order of the text */
static int l_keys(lua_State *L) {
    record_node *n = record_get(L, 1, "ndjson.keys");
    if (!record_index(L, n)->object) slb_usage(L, "ndjson.keys: this is an array; its keys are 1 to #rec");
    push_keys(L, n);
    return 1;
}

/* The iterator of pairs over a list of names (upvalue 3), made at the start: fields may be changed and taken out. */
static int l_next_member(lua_State *L) {
    record_node *n = record_get(L, 1, "pairs");
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(4));
    lua_settop(L, 1);
    while (lua_rawgeti(L, lua_upvalueindex(3), ++at) == LUA_TSTRING) {
        sl_index *x = record_index(L, n);
        ptrdiff_t i = find(L, x, n, 2);
        if (i >= 0) {
            lua_pushinteger(L, at);
            lua_replace(L, lua_upvalueindex(4));
            record_push_value(L, 1, n, sl_index_value(x, &n->root->rec, (size_t)i));
            return 2;
        }
        lua_pop(L, 1);
    }
    return 0;
}

static int l_next_element(lua_State *L) {
    record_node *n = record_get(L, 1, "pairs");
    lua_Integer at = luaL_optinteger(L, 2, 0);
    sl_index *x = record_index(L, n);
    if (x->object || at < 0 || (size_t)at >= x->count) return 0;
    lua_pushinteger(L, at + 1);
    record_push_value(L, 1, n, sl_index_value(x, &n->root->rec, (size_t)at));
    return 2;
}

/* pairs(rec): in the order of the text */
static int l_pairs(lua_State *L) {
    record_node *n = record_get(L, 1, "pairs");
    lua_pushvalue(L, lua_upvalueindex(UP_MEMORY));
    lua_pushvalue(L, lua_upvalueindex(UP_META));
    if (record_index(L, n)->object) {
        push_keys(L, n);
        lua_pushinteger(L, 0);
        lua_pushcclosure(L, l_next_member, 4);
    } else {
        lua_pushcclosure(L, l_next_element, 2);
    }
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* ---- making, for scripts ---- */

/* record(text) -> record | nil, err */
static int l_record(lua_State *L) {
    sl_str text;
    sl_err err;
    text.ptr = luaL_checklstring(L, 1, &text.len);
    return slb_record_push(L, text, &err) < 0 ? slb_fail(L, &err) : 1;
}

/* ---- types ---- */

const luaL_Reg record_functions[] = {{"record", l_record}, {"raw", l_raw},       {"totable", l_totable},
                                     {"keys", l_keys},     {"fingerprint", l_fingerprint},
                                     {NULL, NULL}};

void record_meta_push(lua_State *L) {
    static const luaL_Reg meta[] = {{"__index", l_index}, {"__newindex", record_newindex}, {"__len", l_len},
                                    {"__pairs", l_pairs}, {"__tostring", l_raw},      {NULL, NULL}};
    if (!luaL_newmetatable(L, RECORD_TYPE)) return;
    ndjson_memory_push(L);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, meta, 2);
    lua_pushliteral(L, RECORD_TYPE);
    lua_setfield(L, -2, "__metatable");
}
