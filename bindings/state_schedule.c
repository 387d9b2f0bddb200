/* The store's schedules: what is known of them, and what people ask for. */
#include "bindings/state_parts.h"
#include "state/wish.h"

static sl_str check_name(lua_State *L, int arg) {
    size_t len;
    const char *name = luaL_checklstring(L, arg, &len);
    return sl_str_make(name, len);
}

/* ---- rows ---- */

static void push_schedule(lua_State *L, const sl_schedule *s) {
    lua_createtable(L, 0, 12);
    slb_set_text(L, "name", s->name);
    slb_set_int(L, "version", s->version);
    slb_set_text(L, "spec", s->spec);
    slb_set_int(L, "failures", s->failures);
    state_set_time(L, "seen", s->seen_ms);
    state_set_time(L, "paused", s->paused_ms);
    state_set_time(L, "paused_until", s->paused_until_ms);
    slb_set_text(L, "pause_note", s->pause_note);
    slb_set_text(L, "paused_by", s->paused_by);
    slb_set_text(L, "stalled", s->stalled);
    state_set_time(L, "stalled_at", s->stalled_ms);
    slb_set_text(L, "told", s->told);
}

/* store:schedules(after_version) -> { row, … } */
static int store_schedules(lua_State *L) {
    sl_store *st = state_store(L);
    sl_schedule s;
    sl_err err;
    lua_Integer n = 0;
    int64_t after = luaL_optinteger(L, 2, 0);
    lua_newtable(L);
    int rc = sl_schedules_first(st, after, &s, &err);
    for (; rc == 1; rc = sl_schedules_next(st, &s, &err)) {
        push_schedule(L, &s);
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

/* store:schedule(name) -> row | nil */
static int store_schedule(lua_State *L) {
    sl_schedule s;
    sl_err err;
    int rc = sl_schedule_get(state_store(L), check_name(L, 2), &s, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 1) push_schedule(L, &s);
    return rc;
}

/* store:changes() -> number */
static int store_changes(lua_State *L) {
    sl_err err;
    int64_t number = sl_store_changes(state_store(L), &err);
    if (number < 0) slb_raise(L, &err);
    lua_pushinteger(L, number);
    return 1;
}

/* ---- what people ask for ---- */

static int push_version(lua_State *L, int rc, int64_t version, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
    lua_pushinteger(L, version);
    return 1;
}

/* store:schedule_pause(name, { until=, note=, by= }) -> version */
static int store_schedule_pause(lua_State *L) {
    static const char *const known[] = {"until", "note", "by", NULL};
    sl_store *st = state_store(L);
    sl_str name = check_name(L, 2);
    lua_settop(L, 3);
    slb_check_options(L, 3, "schedule_pause", known);
    const char *by = slb_opt_string(L, 3, "by", "person");
    if (strcmp(by, "person") != 0 && strcmp(by, "failures") != 0) slb_usage(L, "schedule_pause: by is person or failures, not '%s'", by);
    int64_t version;
    sl_err err;
    int rc = sl_schedule_pause(st, name, state_opt_time(L, 3, "until"), slb_opt_string(L, 3, "note", NULL), by, &version, &err);
    return push_version(L, rc, version, &err);
}

/* store:schedule_resume(name) -> version */
static int store_schedule_resume(lua_State *L) {
    int64_t version;
    sl_err err;
    int rc = sl_schedule_resume(state_store(L), check_name(L, 2), &version, &err);
    return push_version(L, rc, version, &err);
}

/* store:schedule_trigger(name, { args=, note= }) -> id */
static int store_schedule_trigger(lua_State *L) {
    static const char *const known[] = {"args", "note", NULL};
    sl_store *st = state_store(L);
    lua_settop(L, 3);
    slb_check_options(L, 3, "schedule_trigger", known);
    sl_wish wish = {.name = check_name(L, 2), .note = slb_opt_string(L, 3, "note", NULL), .args = state_push_args(L, 3, "args")};
    int64_t id;
    sl_err err;
    if (sl_wish_run(st, &wish, &id, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, id);
    return 1;
}

static int64_t *check_times(lua_State *L, int arg, size_t *count) {
    luaL_checktype(L, arg, LUA_TTABLE);
    size_t n = (size_t)luaL_len(L, arg);
    if (n > SL_BACKFILL_MAX) slb_usage(L, "schedule_backfill: %d due times, at most %d at once", (int)n, SL_BACKFILL_MAX);
    int64_t *times = lua_newuserdatauv(L, (n + 1) * sizeof *times, 0);
    for (size_t i = 0; i < n; i++) {
        lua_Number s = (lua_rawgeti(L, arg, (lua_Integer)i + 1), lua_tonumber(L, -1));
        if (lua_type(L, -1) != LUA_TNUMBER || s < -1e12 || s > 1e12 || s != (lua_Number)(int64_t)s)
            slb_usage(L, "schedule_backfill: due times are whole seconds");
        times[i] = (int64_t)s * 1000;
        lua_pop(L, 1);
    }
    *count = n;
    return times;
}

/* store:schedule_backfill(name, times, { parallel=, again=, note=, dry= }) -> batch | nil, count */
static int store_schedule_backfill(lua_State *L) {
    static const char *const known[] = {"parallel", "again", "note", "dry", NULL};
    sl_store *st = state_store(L);
    lua_settop(L, 4);
    slb_check_options(L, 4, "schedule_backfill", known);
    sl_backfill fill = {.name = check_name(L, 2), .note = slb_opt_string(L, 4, "note", NULL)};
    fill.parallel = slb_opt_int(L, 4, "parallel", 0);
    fill.again = slb_opt_bool(L, 4, "again", false);
    fill.dry = slb_opt_bool(L, 4, "dry", false);
    if (fill.parallel < 0) slb_usage(L, "schedule_backfill: parallel is 1 or more");
    fill.due_ms = check_times(L, 3, &fill.count);
    int64_t batch, count;
    sl_err err;
    if (sl_wish_backfill(st, &fill, &batch, &count, &err) < 0) slb_raise(L, &err);
    if (batch) lua_pushinteger(L, batch);
    else lua_pushnil(L);
    lua_pushinteger(L, count);
    return 2;
}

void state_schedule_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"schedules", store_schedules},
                                       {"schedule", store_schedule},
                                       {"changes", store_changes},
                                       {"schedule_pause", store_schedule_pause},
                                       {"schedule_resume", store_schedule_resume},
                                       {"schedule_trigger", store_schedule_trigger},
                                       {"schedule_backfill", store_schedule_backfill},
                                       {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
}
