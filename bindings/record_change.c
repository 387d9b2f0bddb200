/* Changes of records: rec.field = value, nil, rename. The text is changed at once by data/record; here are values on their
 * way into it, and the room that it takes. */
#include "bindings/ndjson_parts.h"

#include "data/json.h"

static int l_changes_gc(lua_State *L) {
    sl_changes_free(lua_touserdata(L, 1));
    return 0;
}

/* Views of the record may be held: from the first change on they need to be told where their values go. */
static void keep_changes(lua_State *L, int arg, const record_node *n) {
    static const luaL_Reg meta[] = {{"__gc", l_changes_gc}, {NULL, NULL}};
    record_push_root(L, arg, n);
    sl_changes *changes = lua_newuserdatauv(L, sizeof *changes, 0);
    sl_changes_init(changes);
    slb_type(L, "sluice.record.changes", meta, NULL);
    luaL_setmetatable(L, "sluice.record.changes");
    lua_setiuservalue(L, -2, ROOT_CHANGES);
    lua_pop(L, 1);
    n->root->rec.changes = changes;
}

void record_room(lua_State *L, int arg, const record_node *n, size_t key_bytes, size_t value_bytes) {
    sl_record *r = &n->root->rec;
    if (n->root->held && !r->changes) keep_changes(L, arg, n);
    size_t need = sl_record_need(r, key_bytes, value_bytes);
    if (need == 0) slb_usage(L, "the record would have more than %d bytes", (int)SL_RECORD_MAX);
    if (need <= r->cap) return;
    size_t cap = need + need / 2;
    record_push_root(L, arg, n);
    char *text = lua_newuserdatauv(L, cap, 0);
    memcpy(text, r->text, r->len);
    lua_setiuservalue(L, -2, ROOT_TEXT);
    lua_pop(L, 1);
    r->text = text;
    r->cap = (uint32_t)cap;
}

/* The value at arg as JSON, outside of any record. */
static sl_str value_text(lua_State *L, int arg, ndjson_memory *m) {
    sl_err err;
    sl_buf *b = &m->scratch;
    sl_buf_clear(b);
    int rc, type = lua_type(L, arg);
    if (type == LUA_TNUMBER) {
        rc = lua_isinteger(L, arg) ? sl_json_put_int(b, lua_tointeger(L, arg), &err)
                                   : sl_json_put_double(b, lua_tonumber(L, arg), &err);
    } else {
        if (type == LUA_TUSERDATA) badline_raise(L, arg);
        rc = slb_json_put(L, arg, b, &err);
    }
    if (rc < 0) slb_raise(L, &err);
    return sl_buf_str(b);
}

static int set_member(lua_State *L, const record_node *n, sl_str key, sl_err *err) {
    sl_indexes *all = &n->root->memory->indexes;
    sl_record *r = &n->root->rec;
    if (lua_isnil(L, 3)) {
        record_room(L, 1, n, 0, 0);
        return sl_record_unset(r, all, n->at, key, err);
    }
    sl_str value = value_text(L, 3, n->root->memory);
    record_room(L, 1, n, key.len, value.len);
    return sl_record_set(r, all, n->at, key, value, err);
}

static int set_element(lua_State *L, const record_node *n, size_t i, size_t count, sl_err *err) {
    sl_indexes *all = &n->root->memory->indexes;
    sl_record *r = &n->root->rec;
    if (i > count || (lua_isnil(L, 3) && i + 1 < count)) {
        sl_fail(err, SL_USAGE, 0, "this would leave a hole in an array of %zu elements", count);
        return sl_hint(err, lua_isnil(L, 3) ? "use table.remove, or json.null for an element without a value"
                                            : "append with rec[#rec + 1]");
    }
    if (lua_isnil(L, 3)) {
        record_room(L, 1, n, 0, 0);
        return i < count ? sl_record_unset_at(r, all, n->at, i, err) : 0;
    }
    sl_str value = value_text(L, 3, n->root->memory);
    record_room(L, 1, n, 0, value.len);
    return sl_record_set_at(r, all, n->at, i, value, err);
}

/* rec[key] = value | nil */
int record_newindex(lua_State *L) {
    record_node *n = record_get(L, 1, "record");
    sl_err err;
    sl_index *x = record_index(L, n);
    bool name = lua_type(L, 2) == LUA_TSTRING;
    int64_t i = name ? -1 : record_element(L, 2);
    int rc;
    if (x->object && name) {
        sl_str key;
        key.ptr = lua_tolstring(L, 2, &key.len);
        rc = set_member(L, n, key, &err);
    } else if (i >= 0 && (!x->object || x->count == 0)) {
        rc = set_element(L, n, (size_t)i, x->count, &err);
    } else {
        slb_usage(L, "record: %s is no key of %s", luaL_tolstring(L, 2, NULL),
                  x->object ? "an object (keys of objects are strings)" : "an array (keys of arrays are 1, 2, 3 …)");
    }
    if (rc < 0) slb_raise(L, &err);
    return 0;
}

/* rename(rec, from, to) -> boolean: false where there is no `from` */
static int l_rename(lua_State *L) {
    record_node *n = record_get(L, 1, "ndjson.rename");
    sl_str from, to;
    sl_err err;
    from.ptr = luaL_checklstring(L, 2, &from.len);
    to.ptr = luaL_checklstring(L, 3, &to.len);
    if (!record_index(L, n)->object) slb_usage(L, "ndjson.rename: this is an array, it has no names");
    record_room(L, 1, n, to.len, 0);
    int rc = sl_record_rename(&n->root->rec, &n->root->memory->indexes, n->at, from, to, &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

const luaL_Reg change_functions[] = {{"rename", l_rename}, {NULL, NULL}};
