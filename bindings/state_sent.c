/* The store's methods for what a sink was sent: store:sent_add and its kin. Ids are the keys of a table. */
#include "bindings/state_parts.h"
#include "state/sent.h"

/* At most so many ids are handed over at once; a table with more takes several transactions. */
#define IDS_MAX 1000

static sl_store *check_store(lua_State *L) {
    return slb_unbox(L, 1, STATE_STORE);
}

static sl_str check_text(lua_State *L, int arg) {
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    return sl_str_make(text, len);
}

typedef int (*change)(sl_store *st, sl_str sink, int64_t mark, const sl_str *ids, size_t count, sl_err *err);

static int add(sl_store *st, sl_str sink, int64_t mark, const sl_str *ids, size_t count, sl_err *err) {
    (void)mark;
    return sl_sent_add(st, sink, ids, count, err);
}

static int forget(sl_store *st, sl_str sink, int64_t mark, const sl_str *ids, size_t count, sl_err *err) {
    (void)mark;
    return sl_sent_remove(st, sink, ids, count, err);
}

/* Calls fn with the keys of the table at idx. */
static int each(lua_State *L, int idx, change fn, int64_t mark) {
    sl_store *st = check_store(L);
    sl_str sink = check_text(L, 2), ids[IDS_MAX];
    size_t count = 0;
    sl_err err;
    luaL_checktype(L, idx, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) slb_usage(L, "the keys of the table must be ids as text");
        ids[count++] = check_text(L, -2);
        if (count < IDS_MAX) continue;
        if (fn(st, sink, mark, ids, count, &err) < 0) slb_raise(L, &err);
        count = 0;
    }
    if (count > 0 && fn(st, sink, mark, ids, count, &err) < 0) slb_raise(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* store:sent_add(sink, ids) -> true */
static int store_sent_add(lua_State *L) {
    return each(L, 3, add, 0);
}

/* store:sent_sweep(sink) -> mark */
static int store_sent_sweep(lua_State *L) {
    sl_err err;
    int64_t mark = sl_sent_sweep(check_store(L), check_text(L, 2), &err);
    if (mark < 0) slb_raise(L, &err);
    lua_pushinteger(L, mark);
    return 1;
}

/* store:sent_mark(sink, mark, ids) -> true */
static int store_sent_mark(lua_State *L) {
    return each(L, 4, sl_sent_mark, luaL_checkinteger(L, 3));
}

/* store:sent_count(sink, mark) -> all, vanished */
static int store_sent_count(lua_State *L) {
    sl_err err;
    int64_t all, vanished;
    if (sl_sent_count(check_store(L), check_text(L, 2), luaL_checkinteger(L, 3), &all, &vanished, &err) < 0)
        slb_raise(L, &err);
    lua_pushinteger(L, all);
    lua_pushinteger(L, vanished);
    return 2;
}

/* store:sent_vanished(sink, mark, after) -> id | nil */
static int store_sent_vanished(lua_State *L) {
    sl_err err;
    sl_str id;
    int rc = sl_sent_vanished(check_store(L), check_text(L, 2), luaL_checkinteger(L, 3), check_text(L, 4), &id, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 0) return 0;
    lua_pushlstring(L, id.ptr, id.len);
    return 1;
}

/* store:sent_remove(sink, ids) -> true */
static int store_sent_remove(lua_State *L) {
    return each(L, 3, forget, 0);
}

void state_sent_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"sent_add", store_sent_add},           {"sent_sweep", store_sent_sweep},
                                       {"sent_mark", store_sent_mark},         {"sent_count", store_sent_count},
                                       {"sent_vanished", store_sent_vanished}, {"sent_remove", store_sent_remove},
                                       {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
}
