/* What a daemon has decided: store:schedule_plan. Tables are read inside the transaction, so that a wrong one undoes it. */
#include "bindings/state_parts.h"
#include "state/plan.h"

/* ---- changes ---- */

/* Whether the field is there at all; `false` then says that the value goes. */
static bool has(lua_State *L, int idx, const char *key, unsigned bit, unsigned *set, bool *taken) {
    int type = lua_getfield(L, idx, key);
    *taken = type == LUA_TBOOLEAN && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (type != LUA_TNIL) *set |= bit;
    return type != LUA_TNIL;
}

static void field_time(lua_State *L, int idx, const char *key, unsigned bit, unsigned *set, int64_t *out) {
    bool taken;
    if (has(L, idx, key, bit, set, &taken) && !taken) *out = state_opt_time(L, idx, key);
}

static void field_text(lua_State *L, int idx, const char *key, unsigned bit, unsigned *set, const char **out) {
    bool taken;
    if (has(L, idx, key, bit, set, &taken) && !taken) *out = slb_opt_string(L, idx, key, NULL);
}

sl_schedule_change state_schedule_fields(lua_State *L, int idx, sl_str name) {
    sl_schedule_change c = sl_schedule_touch(name);
    if (lua_isnoneornil(L, idx)) return c;
    idx = lua_absindex(L, idx);
    c.failures = slb_opt_int(L, idx, "failures", -1);
    field_time(L, idx, "paused", SL_SET_PAUSED, &c.set, &c.paused_ms);
    if ((c.set & SL_SET_PAUSED) && c.paused_ms == SL_TIME_NONE)
        c.set |= SL_SET_PAUSED_UNTIL | SL_SET_PAUSE_NOTE | SL_SET_PAUSED_BY;
    field_time(L, idx, "paused_until", SL_SET_PAUSED_UNTIL, &c.set, &c.paused_until_ms);
    field_text(L, idx, "pause_note", SL_SET_PAUSE_NOTE, &c.set, &c.pause_note);
    field_text(L, idx, "paused_by", SL_SET_PAUSED_BY, &c.set, &c.paused_by);
    field_text(L, idx, "stalled", SL_SET_STALLED, &c.set, &c.stalled);
    field_time(L, idx, "stalled_at", SL_SET_STALLED_AT, &c.set, &c.stalled_ms);
    field_text(L, idx, "told", SL_SET_TOLD, &c.set, &c.told);
    return c;
}

/* ---- plans ---- */

static sl_schedule_change check_change(lua_State *L, int idx) {
    static const char *const known[] = {"name",     "version",      "spec",       "seen",      "failures", "paused",     "paused_until",
                                        "pause_note", "paused_by", "stalled", "stalled_at", "told",     "rows", "ends", NULL};
    slb_check_options(L, idx, "schedule_plan", known);
    sl_str none = {NULL, 0}, name = slb_opt_str(L, idx, "name", none);
    if (!name.ptr) slb_usage(L, "schedule_plan: a change has no name");
    sl_schedule_change c = state_schedule_fields(L, idx, name);
    c.version = slb_opt_int(L, idx, "version", -1);
    c.spec = slb_opt_string(L, idx, "spec", NULL);
    c.seen_ms = state_opt_time(L, idx, "seen");
    if (c.version < 0) slb_usage(L, "schedule_plan: %s: version is missing (0 for a new schedule)", name.ptr);
    if (c.version == 0 && (!c.spec || c.seen_ms == SL_TIME_NONE))
        slb_usage(L, "schedule_plan: %s is new: spec and seen are missing", name.ptr);
    return c;
}

static void check_word(lua_State *L, const char *what, const char *word, bool known) {
    if (!word || !known) slb_usage(L, "schedule_plan: there is no %s '%s' for that", what, word ? word : "");
}

static sl_occurrence_new check_new(lua_State *L, int idx) {
    static const char *const known[] = {"due", "until", "count", "kind", "state", "reason", "note", "start", "attempt", NULL};
    slb_check_options(L, idx, "schedule_plan: a row", known);
    sl_occurrence_new row = {state_opt_time(L, idx, "due"),  state_opt_time(L, idx, "until"),  state_opt_time(L, idx, "start"),
                             slb_opt_int(L, idx, "count", 1), slb_opt_int(L, idx, "attempt", 0), slb_opt_string(L, idx, "kind", "timed"),
                             slb_opt_string(L, idx, "state", ""), slb_opt_string(L, idx, "reason", NULL), slb_opt_string(L, idx, "note", NULL)};
    if (row.due_ms == SL_TIME_NONE || row.due_ms % 1000 != 0) slb_usage(L, "schedule_plan: a row needs due, in whole seconds");
    check_word(L, "kind", row.kind, strcmp(row.kind, "timed") == 0);
    check_word(L, "state", row.state, sl_occurrence_is_state(row.state) && strcmp(row.state, "ran") != 0 && strcmp(row.state, "running") != 0);
    if (row.reason) check_word(L, "reason", row.reason, sl_occurrence_is_reason(row.reason));
    return row;
}

static sl_occurrence_fate check_fate(lua_State *L, int idx) {
    static const char *const known[] = {"id", "until", "count", "state", "outcome", "reason", "note", NULL};
    slb_check_options(L, idx, "schedule_plan: an end", known);
    sl_occurrence_fate f = {slb_opt_int(L, idx, "id", 0),              state_opt_time(L, idx, "until"),
                            slb_opt_int(L, idx, "count", 0),           slb_opt_string(L, idx, "state", ""),
                            slb_opt_string(L, idx, "outcome", NULL),   slb_opt_string(L, idx, "reason", NULL),
                            slb_opt_string(L, idx, "note", NULL)};
    if (f.id == 0) slb_usage(L, "schedule_plan: an end needs the id of an occurrence");
    check_word(L, "end", f.state, sl_occurrence_is_final(f.state));
    if (f.outcome || strcmp(f.state, "ran") == 0) check_word(L, "outcome", f.outcome, f.outcome && sl_occurrence_is_outcome(f.outcome));
    if (f.reason) check_word(L, "reason", f.reason, sl_occurrence_is_reason(f.reason));
    return f;
}

/* Pushes the list at key, or nil. */
static bool push_list(lua_State *L, int change, const char *key) {
    int type = lua_getfield(L, change, key);
    if (type != LUA_TNIL && type != LUA_TTABLE) slb_usage(L, "schedule_plan: %s is a list, not a %s", key, luaL_typename(L, -1));
    return type == LUA_TTABLE;
}

/* The rows of the change on top of the stack; pushes their ids, false for a due time that has its row. */
static void plan_rows(lua_State *L, sl_store *st, sl_str name, int64_t daemon) {
    int change = lua_gettop(L);
    lua_newtable(L);
    if (push_list(L, change, "rows")) {
        for (lua_Integer i = 1, n = luaL_len(L, -1); i <= n; i++) {
            int64_t id;
            sl_err err;
            lua_rawgeti(L, -1, i);
            sl_occurrence_new row = check_new(L, lua_gettop(L));
            int rc = sl_plan_row(st, name, daemon, &row, &id, &err);
            if (rc < 0) slb_raise(L, &err);
            if (rc == 1) lua_pushinteger(L, id);
            else lua_pushboolean(L, 0);
            lua_rawseti(L, change + 1, i);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static void plan_ends(lua_State *L, sl_store *st, sl_str name, int change) {
    if (push_list(L, change, "ends")) {
        for (lua_Integer i = 1, n = luaL_len(L, -1); i <= n; i++) {
            sl_err err;
            lua_rawgeti(L, -1, i);
            sl_occurrence_fate fate = check_fate(L, lua_gettop(L));
            if (sl_plan_end_row(st, name, &fate, &err) < 0) slb_raise(L, &err);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

/* The change on top of the stack; pushes its new version (or false) and the ids of its rows. */
static void plan_one(lua_State *L, sl_store *st, int64_t daemon) {
    int change = lua_gettop(L);
    int64_t version;
    sl_err err;
    sl_schedule_change c = check_change(L, change);
    int rc = sl_plan_schedule(st, &c, &version, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 0) {
        lua_newtable(L);
        lua_pushboolean(L, 0);
    } else {
        plan_ends(L, st, c.name, change);
        plan_rows(L, st, c.name, daemon);
        lua_pushinteger(L, version);
    }
    lua_insert(L, -2);
}

/* (store, daemon, changes) -> versions, ids; within the transaction */
static int plan_all(lua_State *L) {
    sl_store *st = state_store(L);
    int64_t daemon = state_daemon_id(L, 2);
    int n = (int)luaL_len(L, 3);
    lua_createtable(L, n, 0);
    lua_createtable(L, n, 0);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, 3, i);
        if (!lua_istable(L, -1)) slb_usage(L, "schedule_plan: a change is a table, not a %s", luaL_typename(L, -1));
        plan_one(L, st, daemon);
        lua_rawseti(L, 5, i);
        lua_rawseti(L, 4, i);
        lua_pop(L, 1);
    }
    return 2;
}

/* store:schedule_plan(daemon, changes) -> { version | false, … }, { { id | false, … }, … } */
static int store_schedule_plan(lua_State *L) {
    sl_store *st = state_store(L);
    sl_err err;
    state_daemon_id(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    lua_pushcfunction(L, plan_all);
    lua_insert(L, 1);
    if (sl_plan_begin(st, &err) < 0) slb_raise(L, &err);
    bool fine = lua_pcall(L, 3, 2, 0) == LUA_OK;
    int rc = sl_plan_end(st, fine ? 0 : -1, &err);
    if (!fine) lua_error(L);
    if (rc < 0) slb_raise(L, &err);
    return 2;
}

void state_plan_methods(lua_State *L) {
    lua_pushcfunction(L, store_schedule_plan);
    lua_setfield(L, -2, "schedule_plan");
}
