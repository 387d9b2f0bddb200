/* What looks after a store: state.look, and the methods store:cursors, store:export, store:chore_due, store:forget_… and
 * store:lock. */
#include "bindings/state_parts.h"
#include "state/keep.h"
#include "state/look.h"
#include "state/name_lock.h"

#define NAME_LOCK "sluice.namelock"
#define KEPT_MAX 20000

static sl_store *check_store(lua_State *L) {
    return slb_unbox(L, 1, STATE_STORE);
}

static int64_t check_ms(lua_State *L, int arg) {
    return (int64_t)(luaL_checknumber(L, arg) * 1000);
}

/* state.look(path) -> { schema =, known = } */
int state_look(lua_State *L) {
    sl_store_facts facts;
    sl_err err;
    if (sl_store_look(luaL_checkstring(L, 1), &facts, &err) < 0) slb_raise(L, &err);
    lua_createtable(L, 0, 2);
    slb_set_int(L, "schema", facts.schema);
    slb_set_int(L, "known", facts.known);
    return 1;
}

static void push_cursor(lua_State *L, const sl_cursor_row *c) {
    lua_createtable(L, 0, 10);
    slb_set_int(L, "id", c->id);
    slb_set_text(L, "recipe", c->recipe);
    slb_set_text(L, "name", c->name);
    slb_set_text(L, "account", c->account);
    slb_set_text(L, "key", c->args);
    slb_set_text(L, "position", c->position);
    slb_set_int(L, "remembered", c->remembered);
    if (c->committed_ms) {
        lua_pushnumber(L, (lua_Number)c->committed_ms / 1000);
        lua_setfield(L, -2, "committed");
    }
    lua_pushboolean(L, c->locked);
    lua_setfield(L, -2, "locked");
    if (c->holder) slb_set_int(L, "holder", c->holder);
}

/* store:cursors() -> { oldest, … } */
static int store_cursors(lua_State *L) {
    sl_store *st = check_store(L);
    sl_cursor_row c;
    sl_err err;
    lua_Integer n = 0;
    lua_newtable(L);
    int rc = sl_cursors_first(st, &c, &err);
    for (; rc == 1; rc = sl_cursors_next(st, &c, &err)) {
        push_cursor(L, &c);
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

/* store:export(path) -> true */
static int store_export(lua_State *L) {
    sl_err err;
    if (sl_store_export(check_store(L), luaL_checkstring(L, 2), &err) < 0) slb_raise(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* store:chore_due(name, seconds) -> boolean */
static int store_chore_due(lua_State *L) {
    sl_err err;
    int rc = sl_chore_due(check_store(L), luaL_checkstring(L, 2), check_ms(L, 3), &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* store:forget_batches(before) -> count */
static int store_forget_batches(lua_State *L) {
    int64_t count;
    sl_err err;
    if (sl_batches_forget(check_store(L), check_ms(L, 2), &count, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, count);
    return 1;
}

/* store:forget_runs(before, { kept id, … }) -> count */
static int store_forget_runs(lua_State *L) {
    sl_store *st = check_store(L);
    int64_t before = check_ms(L, 2), count;
    if (lua_isnoneornil(L, 3)) {
        lua_settop(L, 2);
        lua_newtable(L);
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 3);
    if (n > KEPT_MAX) slb_usage(L, "forget_runs: more than %d runs to keep", KEPT_MAX);
    int64_t *kept = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *kept, 0);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 3, i);
        if (!lua_isinteger(L, -1)) slb_usage(L, "forget_runs: the runs to keep are whole numbers");
        kept[i - 1] = lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    sl_err err;
    if (sl_runs_forget(st, before, kept, (size_t)n, &count, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, count);
    return 1;
}

/* store:lock(name) -> lock | nil (another has it) */
static int store_lock(lua_State *L) {
    sl_store *st = check_store(L);
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    sl_name_lock **box = slb_box(L, NAME_LOCK);
    sl_err err;
    int rc = sl_name_lock_try(st, sl_str_make(name, len), box, &err);
    if (rc < 0) slb_raise(L, &err);
    return rc;
}

/* lock:close(), and its collection */
static int lock_close(lua_State *L) {
    sl_name_lock **box = luaL_checkudata(L, 1, NAME_LOCK);
    sl_name_lock_drop(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg lock_methods[] = {{"close", lock_close}, {NULL, NULL}};
static const luaL_Reg lock_meta[] = {{"__gc", lock_close}, {"__close", lock_close}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"cursors", store_cursors},
                                   {"export", store_export},
                                   {"chore_due", store_chore_due},
                                   {"forget_batches", store_forget_batches},
                                   {"forget_runs", store_forget_runs},
                                   {"lock", store_lock},
                                   {NULL, NULL}};

void state_look_methods(lua_State *L) {
    luaL_setfuncs(L, methods, 0);
    slb_type(L, NAME_LOCK, lock_meta, lock_methods);
}
