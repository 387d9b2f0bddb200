/* sluice.state: what survives a crash. Everything here raises where the world fails: a recipe that goes on without its
 * store would deliver twice or lose records. */
#include "bindings/state_parts.h"
#include "state/batch.h"
#include "state/cursor.h"
#include "state/run.h"
#include "state/token.h"

#define STORE STATE_STORE
#define CURSOR "sluice.cursor"
#define LOCK "sluice.tokenlock"

static sl_store *check_store(lua_State *L) {
    return slb_unbox(L, 1, STORE);
}

static sl_cursor *check_cursor(lua_State *L) {
    return slb_unbox(L, 1, CURSOR);
}

static sl_str check_text(lua_State *L, int arg) {
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    return sl_str_make(text, len);
}

/* Text of an option that must be there. */
static const char *need_string(lua_State *L, const char *what, const char *key) {
    const char *text = slb_opt_string(L, 2, key, NULL);
    if (!text) slb_usage(L, "%s: %s is missing", what, key);
    return text;
}

/* ---- stores ---- */

/* state.open(path) -> store */
static int l_open(lua_State *L) {
    const char *where = luaL_checkstring(L, 1);
    sl_store **box = slb_box(L, STORE);
    sl_err err;
    *box = sl_store_open(where, &err);
    if (!*box) slb_raise(L, &err);
    return 1;
}

/* state.shared(dir) -> store */
static int l_shared(lua_State *L) {
    const char *dir = luaL_optstring(L, 1, NULL);
    sl_store **box = slb_box(L, STORE);
    sl_err err;
    *box = sl_store_open_shared(dir, &err);
    if (!*box) slb_raise(L, &err);
    return 1;
}

/* store:close(), and its collection */
static int store_close(lua_State *L) {
    sl_store **box = luaL_checkudata(L, 1, STORE);
    sl_store_close(*box);
    *box = NULL;
    return 0;
}

/* store:path() -> path */
static int store_path(lua_State *L) {
    lua_pushstring(L, sl_store_path(check_store(L)));
    return 1;
}

/* ---- cursors ---- */

/* store:cursor{recipe=, name=, account=, key=, keep=} -> cursor */
static int store_cursor(lua_State *L) {
    static const char *const known[] = {"recipe", "name", "account", "key", "keep", NULL};
    sl_store *st = check_store(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    slb_check_options(L, 2, "cursor", known);
    sl_cursor_key key = {sl_str_of(need_string(L, "cursor", "recipe")), sl_str_of(need_string(L, "cursor", "name")),
                         slb_opt_str(L, 2, "account", SL_STR("")), slb_opt_str(L, 2, "key", SL_STR("")),
                         slb_opt_int(L, 2, "keep", 0)};
    sl_cursor **box = slb_box(L, CURSOR);
    sl_err err;
    *box = sl_cursor_open(st, &key, &err);
    if (!*box) slb_raise(L, &err);
    lua_pushvalue(L, 1); /* the store stays as long as its cursors */
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* cursor:close(), and its collection */
static int cursor_close(lua_State *L) {
    sl_cursor **box = luaL_checkudata(L, 1, CURSOR);
    sl_cursor_close(*box);
    *box = NULL;
    return 0;
}

/* cursor:get() -> position | nil */
static int cursor_get(lua_State *L) {
    lua_pushstring(L, sl_cursor_get(check_cursor(L))); /* NULL gives nil */
    return 1;
}

static int raise_or_true(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* cursor:restart() -> true */
static int cursor_restart(lua_State *L) {
    sl_err err;
    return raise_or_true(L, sl_cursor_restart(check_cursor(L), &err), &err);
}

/* cursor:seen(id, modified, digest) -> boolean */
static int cursor_seen(lua_State *L) {
    sl_err err;
    int rc = sl_cursor_seen(check_cursor(L), check_text(L, 2), check_text(L, 3), check_text(L, 4), &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* cursor:deliver(id, modified, digest) -> true */
static int cursor_deliver(lua_State *L) {
    sl_err err;
    int rc = sl_cursor_deliver(check_cursor(L), check_text(L, 2), check_text(L, 3), check_text(L, 4), &err);
    return raise_or_true(L, rc, &err);
}

/* cursor:advance(position, keep_from) -> true */
static int cursor_advance(lua_State *L) {
    sl_err err;
    sl_str keep_from = lua_isnoneornil(L, 3) ? SL_STR("") : check_text(L, 3);
    return raise_or_true(L, sl_cursor_advance(check_cursor(L), check_text(L, 2), keep_from, &err), &err);
}

/* cursor:commit() -> true */
static int cursor_commit(lua_State *L) {
    sl_err err;
    return raise_or_true(L, sl_cursor_commit(check_cursor(L), &err), &err);
}

/* cursor:rollback() -> true */
static int cursor_rollback(lua_State *L) {
    sl_err err;
    return raise_or_true(L, sl_cursor_rollback(check_cursor(L), &err), &err);
}

/* cursor:remembered() -> deliveries remembered, forgotten because there were too many */
static int cursor_remembered(lua_State *L) {
    const sl_cursor *c = check_cursor(L);
    lua_pushinteger(L, sl_cursor_remembered(c));
    lua_pushinteger(L, sl_cursor_forgotten(c));
    return 2;
}

/* ---- batches ---- */

/* store:batch_put{run=, api=, account=, resource=, batch=, records=, detail=} -> id */
static int store_batch_put(lua_State *L) {
    static const char *const known[] = {"run", "api", "account", "resource", "batch", "records", "detail", NULL};
    sl_store *st = check_store(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    slb_check_options(L, 2, "batch_put", known);
    sl_batch b = {.run = slb_opt_int(L, 2, "run", 0), .records = slb_opt_int(L, 2, "records", 0)};
    b.api = need_string(L, "batch_put", "api");
    b.account = slb_opt_string(L, 2, "account", "");
    b.resource = slb_opt_string(L, 2, "resource", "");
    b.batch = need_string(L, "batch_put", "batch");
    b.detail = slb_opt_string(L, 2, "detail", "");
    int64_t id;
    sl_err err;
    if (sl_batch_put(st, &b, &id, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, id);
    return 1;
}

/* store:batch_done(id, verdict) -> true */
static int store_batch_done(lua_State *L) {
    sl_err err;
    int rc = sl_batch_done(check_store(L), luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &err);
    return raise_or_true(L, rc, &err);
}

/* `run_alive` tells whether the run that sent it is still at work on it itself. */
static void push_batch(lua_State *L, sl_store *st, const sl_batch *b) {
    lua_createtable(L, 0, 10);
    slb_set_int(L, "id", b->id);
    slb_set_int(L, "records", b->records);
    slb_set_text(L, "api", b->api);
    slb_set_text(L, "account", b->account);
    slb_set_text(L, "resource", b->resource);
    slb_set_text(L, "batch", b->batch);
    slb_set_text(L, "detail", b->detail);
    slb_set_time(L, "put", b->put_ms);
    if (b->run) slb_set_int(L, "run", b->run);
    lua_pushboolean(L, b->run && sl_run_alive(st, b->run, NULL) == 1);
    lua_setfield(L, -2, "run_alive");
}

/* store:batches_open{api=, account=, resource=} -> { oldest, … } */
static int store_batches_open(lua_State *L) {
    static const char *const known[] = {"api", "account", "resource", NULL};
    sl_store *st = check_store(L);
    slb_check_options(L, 2, "batches_open", known);
    sl_batch filter = {.api = slb_opt_string(L, 2, "api", NULL),
                       .account = slb_opt_string(L, 2, "account", NULL),
                       .resource = slb_opt_string(L, 2, "resource", NULL)};
    sl_batch b;
    sl_err err;
    lua_Integer n = 0;
    lua_newtable(L);
    int rc = sl_batches_first(st, &filter, &b, &err);
    for (; rc == 1; rc = sl_batches_next(st, &b, &err)) {
        push_batch(L, st, &b);
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

/* ---- tokens: put in and compared, never given out ---- */

/* store:token_put(host, account, text, obtained, expires) -> generation */
static int store_token_put(lua_State *L) {
    sl_store *st = check_store(L);
    sl_token_new token = {.text = check_text(L, 4), .refresh = SL_STR(""),
                          .obtained_ms = (int64_t)(luaL_checknumber(L, 5) * 1000),
                          .expires_ms = (int64_t)(luaL_optnumber(L, 6, 0) * 1000)};
    int64_t generation;
    sl_err err;
    int rc = sl_token_put(st, check_text(L, 2), check_text(L, 3), &token, &generation, &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushinteger(L, generation);
    return 1;
}

/* store:token(host, account, text) -> { generation=, obtained=, expires=, before=, same= } | nil */
static int store_token(lua_State *L) {
    sl_store *st = check_store(L);
    size_t len;
    const char *text = luaL_optlstring(L, 4, "", &len);
    sl_token t;
    sl_err err;
    int rc = sl_token_get(st, check_text(L, 2), check_text(L, 3), &t, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 0) return 0;
    bool same = sl_str_eq(sl_str_of(t.text), sl_str_make(text, len)), dropped = t.text[0] == '\0';
    sl_token numbers = t;
    sl_token_clear(&t); /* before anything that can raise */
    if (dropped) return 0;
    lua_createtable(L, 0, 5);
    slb_set_int(L, "generation", numbers.generation);
    slb_set_time(L, "obtained", numbers.obtained_ms);
    slb_set_time(L, "expires", numbers.expires_ms);
    slb_set_time(L, "before", numbers.before_ms);
    lua_pushboolean(L, same);
    lua_setfield(L, -2, "same");
    return 1;
}

/* store:token_drop(host, account, generation) -> true */
static int store_token_drop(lua_State *L) {
    sl_err err;
    int rc = sl_token_drop(check_store(L), check_text(L, 2), check_text(L, 3), luaL_optinteger(L, 4, 0), &err);
    return raise_or_true(L, rc, &err);
}

/* store:token_lock(host, account) -> lock | nil (another has it) */
static int store_token_lock(lua_State *L) {
    sl_store *st = check_store(L);
    sl_token_lock **box = slb_box(L, LOCK);
    sl_err err;
    int rc = sl_token_lock_try(st, check_text(L, 2), check_text(L, 3), box, &err);
    if (rc < 0) slb_raise(L, &err);
    return rc;
}

/* lock:close(), and its collection */
static int lock_close(lua_State *L) {
    sl_token_lock **box = luaL_checkudata(L, 1, LOCK);
    sl_token_unlock(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg store_methods[] = {{"close", store_close},
                                         {"path", store_path},
                                         {"cursor", store_cursor},
                                         {"batch_put", store_batch_put},
                                         {"batch_done", store_batch_done},
                                         {"batches_open", store_batches_open},
                                         {"token_put", store_token_put},
                                         {"token", store_token},
                                         {"token_drop", store_token_drop},
                                         {"token_lock", store_token_lock},
                                         {NULL, NULL}};
static const luaL_Reg store_meta[] = {{"__gc", store_close}, {"__close", store_close}, {NULL, NULL}};
static const luaL_Reg cursor_methods[] = {{"get", cursor_get},         {"seen", cursor_seen},
                                          {"deliver", cursor_deliver}, {"advance", cursor_advance},
                                          {"commit", cursor_commit},   {"rollback", cursor_rollback},
                                          {"restart", cursor_restart}, {"remembered", cursor_remembered},
                                          {"close", cursor_close},     {NULL, NULL}};
static const luaL_Reg cursor_meta[] = {{"__gc", cursor_close}, {"__close", cursor_close}, {NULL, NULL}};
static const luaL_Reg lock_methods[] = {{"close", lock_close}, {NULL, NULL}};
static const luaL_Reg lock_meta[] = {{"__gc", lock_close}, {"__close", lock_close}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"look", state_look}, {"open", l_open}, {"shared", l_shared}, {NULL, NULL}};

int luaopen_sluice_state(lua_State *L);
int luaopen_sluice_state(lua_State *L) {
    slb_type(L, STORE, store_meta, store_methods);
    luaL_getmetatable(L, STORE);
    lua_getfield(L, -1, "__index");
    state_sent_methods(L);
    state_look_methods(L);
    state_outbox_methods(L);
    state_outbox_set_methods(L);
    state_run_methods(L);
    state_daemon_methods(L);
    state_schedule_methods(L);
    state_plan_methods(L);
    state_occurrence_methods(L);
    lua_pop(L, 2);
    slb_type(L, CURSOR, cursor_meta, cursor_methods);
    slb_type(L, LOCK, lock_meta, lock_methods);
    luaL_newlib(L, functions);
    return 1;
}
