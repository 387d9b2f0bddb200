/* The store's ledger of runs: store:run_start and its kin. */
#include "bindings/state_parts.h"
#include "state/run.h"

#define ARGS_MAX_BYTES (1 << 20)

const char *state_push_args(lua_State *L, int idx, const char *key) {
    idx = lua_absindex(L, idx);
    if (lua_isnoneornil(L, idx) || lua_getfield(L, idx, key) == LUA_TNIL) {
        if (lua_isnoneornil(L, idx)) lua_pushnil(L);
        return NULL;
    }
    if (lua_type(L, -1) == LUA_TSTRING) return lua_tostring(L, -1);
    if (!lua_istable(L, -1)) slb_usage(L, "option '%s' must be text or a table, not a %s", key, luaL_typename(L, -1));
    sl_buf text;
    sl_err err;
    sl_buf_init(&text, ARGS_MAX_BYTES);
    int rc = slb_json_put(L, lua_gettop(L), &text, &err);
    if (rc == 0) lua_pushlstring(L, text.data, text.len);
    sl_buf_free(&text);
    if (rc < 0) slb_raise(L, &err);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

static int raise_or_true(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* store:run_start{recipe=, args=} -> id */
static int store_run_start(lua_State *L) {
    static const char *const known[] = {"recipe", "args", NULL};
    sl_store *st = state_store(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    slb_check_options(L, 2, "run_start", known);
    const char *recipe = slb_opt_string(L, 2, "recipe", NULL);
    if (!recipe) slb_usage(L, "run_start: recipe is missing");
    const char *args = state_push_args(L, 2, "args");
    int64_t id;
    sl_err err;
    if (sl_run_start(st, recipe, args ? args : "{}", &id, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, id);
    return 1;
}

static const struct {
    const char *key;
    size_t at;
} sums[] = {
    {"read", offsetof(sl_run_sums, read)},         {"added", offsetof(sl_run_sums, added)},
    {"sent", offsetof(sl_run_sums, sent)},         {"unchanged", offsetof(sl_run_sums, unchanged)},
    {"skipped", offsetof(sl_run_sums, skipped)},   {"rejected", offsetof(sl_run_sums, rejected)},
    {"unknown", offsetof(sl_run_sums, unknown)},   {"batches", offsetof(sl_run_sums, batches)},
    {"requests", offsetof(sl_run_sums, requests)}, {"peak_bytes", offsetof(sl_run_sums, peak_bytes)},
};

#define SUMS (sizeof sums / sizeof sums[0])

/* store:run_finish(id, {exit_code=, error=, read=, …, waited=, moved=, delivered=, outcomes=}) -> true */
static int store_run_finish(lua_State *L) {
    static const char *const known[] = {"exit_code", "error",   "read",       "added", "sent",      "unchanged",
                                        "skipped",   "rejected", "unknown",   "batches", "requests", "waited",
                                        "peak_bytes", "moved",  "delivered", "outcomes", NULL};
    sl_store *st = state_store(L);
    lua_Integer id = luaL_checkinteger(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    slb_check_options(L, 3, "run_finish", known);
    sl_run_sums s = {.waited_ms = slb_opt_ms(L, 3, "waited", 0), .moved = slb_opt_int(L, 3, "moved", -1),
                     .delivered = slb_opt_string(L, 3, "delivered", NULL),
                     .outcomes = slb_opt_string(L, 3, "outcomes", NULL)};
    for (size_t i = 0; i < SUMS; i++)
        *(int64_t *)(void *)((char *)&s + sums[i].at) = slb_opt_int(L, 3, sums[i].key, 0);
    int exit_code = (int)slb_opt_int(L, 3, "exit_code", 0);
    sl_err err;
    lua_getfield(L, 3, "error"); /* text, or the error value */
    const char *error = lua_isnil(L, -1) ? NULL : luaL_tolstring(L, -1, NULL);
    return raise_or_true(L, sl_run_finish(st, id, exit_code, error, &s, &err), &err);
}

/* store:run_pid(id, pid, log) -> true */
static int store_run_pid(lua_State *L) {
    sl_err err;
    int rc = sl_run_tell(state_store(L), luaL_checkinteger(L, 2), luaL_checkinteger(L, 3), luaL_optstring(L, 4, NULL), &err);
    return raise_or_true(L, rc, &err);
}

/* store:run_letters(id, count) -> true */
static int store_run_letters(lua_State *L) {
    sl_err err;
    int64_t id = luaL_checkinteger(L, 2), count = luaL_optinteger(L, 3, -1);
    return raise_or_true(L, sl_run_letters(state_store(L), id, count, &err), &err);
}

/* store:run_adopt(id, fd) -> true */
static int store_run_adopt(lua_State *L) {
    sl_err err;
    return raise_or_true(L, sl_run_adopt(state_store(L), luaL_checkinteger(L, 2), (int)luaL_checkinteger(L, 3), &err), &err);
}

/* store:run_alive(id) -> boolean */
static int store_run_alive(lua_State *L) {
    sl_err err;
    int rc = sl_run_alive(state_store(L), luaL_checkinteger(L, 2), &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* ---- looking ---- */

static void push_sums(lua_State *L, const sl_run *r) {
    slb_set_int(L, "exit_code", r->exit_code);
    for (size_t i = 0; i < SUMS; i++)
        slb_set_int(L, sums[i].key, *(const int64_t *)(const void *)((const char *)&r->sums + sums[i].at));
    slb_set_seconds(L, "waited", r->sums.waited_ms);
    if (r->sums.moved >= 0) slb_set_int(L, "moved", r->sums.moved);
    slb_set_text(L, "delivered", r->sums.delivered);
    slb_set_text(L, "outcomes", r->sums.outcomes);
}

static void push_run(lua_State *L, const sl_run *r) {
    lua_createtable(L, 0, 32);
    slb_set_int(L, "id", r->id);
    slb_set_int(L, "pid", r->pid);
    slb_set_text(L, "recipe", r->recipe);
    slb_set_text(L, "args", r->args);
    slb_set_text(L, "error", r->error);
    slb_set_text(L, "state", sl_run_state_name(r->state));
    slb_set_time(L, "started", r->started_ms);
    slb_set_time(L, "finished", r->finished_ms);
    slb_set_text(L, "schedule", r->schedule);
    slb_set_text(L, "outcome", r->outcome);
    slb_set_text(L, "log", r->log);
    if (r->occurrence) slb_set_int(L, "occurrence", r->occurrence);
    if (r->attempt) slb_set_int(L, "attempt", r->attempt);
    if (r->letters >= 0) slb_set_int(L, "letters", r->letters);
    if (r->state == SL_RUN_FINISHED) push_sums(L, r);
}

static sl_run_filter check_filter(lua_State *L) {
    static const char *const known[] = {"id", "schedule", "occurrence", "below", "most", NULL};
    sl_run_filter f = {.most = 20};
    if (lua_isnoneornil(L, 2)) return f;
    if (lua_isinteger(L, 2)) f.most = lua_tointeger(L, 2);
    else {
        slb_check_options(L, 2, "runs", known);
        f = (sl_run_filter){slb_opt_int(L, 2, "id", 0), slb_opt_int(L, 2, "occurrence", 0), slb_opt_int(L, 2, "below", 0),
                            slb_opt_int(L, 2, "most", 20), slb_opt_string(L, 2, "schedule", NULL)};
    }
    if (f.most < 0) f.most = 0;
    return f;
}

/* store:runs(count | { id=, schedule=, occurrence=, below=, most= }) -> { newest, … } */
static int store_runs(lua_State *L) {
    sl_store *st = state_store(L);
    lua_settop(L, 2);
    sl_run_filter f = check_filter(L);
    lua_Integer n = 0;
    sl_run r;
    sl_err err;
    lua_newtable(L);
    int rc = sl_runs_first(st, &f, &r, &err);
    for (; rc == 1; rc = sl_runs_next(st, &r, &err)) {
        push_run(L, &r);
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

void state_run_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"run_start", store_run_start}, {"run_finish", store_run_finish}, {"run_pid", store_run_pid},
                                       {"run_adopt", store_run_adopt}, {"run_alive", store_run_alive},   {"runs", store_runs},
                                       {"run_letters", store_run_letters}, {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
}
