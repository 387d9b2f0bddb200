/* The store's occurrences: looking at them, claiming, starting and ending them, forgetting old ones. */
#include "bindings/state_parts.h"
#include "state/attempt.h"
#include "state/keep.h"
#include "state/wish.h"

#define USES_MAX 100
#define IDS_MAX 20000

/* ---- rows ---- */

/* Names between line feeds become a list. */
static void set_uses(lua_State *L, const char *uses) {
    lua_Integer n = 0;
    lua_newtable(L);
    while (uses && *uses) {
        size_t len = strcspn(uses, "\n");
        if (len > 0) {
            lua_pushlstring(L, uses, len);
            lua_rawseti(L, -2, ++n);
        }
        uses += len + (uses[len] != '\0');
    }
    lua_setfield(L, -2, "uses");
}

static void set_bool(lua_State *L, const char *key, bool value) {
    lua_pushboolean(L, value);
    lua_setfield(L, -2, key);
}

static void push_row(lua_State *L, const sl_occurrence *o) {
    lua_createtable(L, 0, 24);
    slb_set_int(L, "id", o->id);
    slb_set_text(L, "schedule", o->schedule);
    state_set_time(L, "due", o->due_ms);
    state_set_time(L, "until", o->until_ms);
    slb_set_int(L, "count", o->count);
    slb_set_text(L, "kind", o->kind);
    slb_set_text(L, "state", o->state);
    slb_set_text(L, "outcome", o->outcome);
    slb_set_text(L, "reason", o->reason);
    slb_set_text(L, "note", o->note);
    state_set_time(L, "start", o->start_ms);
    slb_set_int(L, "attempt", o->attempt);
    slb_set_int(L, "fence", o->fence);
    slb_set_text(L, "args", o->args);
    set_uses(L, o->uses);
    set_bool(L, "cancel", o->cancel);
    state_set_time(L, "made", o->made_ms);
    state_set_time(L, "started", o->started_ms);
    state_set_time(L, "ended", o->ended_ms);
    if (o->run) slb_set_int(L, "run", o->run);
    if (o->owner) slb_set_int(L, "owner", o->owner);
    if (o->batch) slb_set_int(L, "batch", o->batch);
    if (o->parallel) slb_set_int(L, "parallel", o->parallel);
    if (o->open && o->owner) set_bool(L, "owner_alive", o->owner_alive);
    if (strcmp(o->state, "running") == 0) set_bool(L, "run_alive", o->run_alive);
}

/* store:occurrence(id) -> row | nil */
static int store_occurrence(lua_State *L) {
    sl_occurrence o;
    sl_err err;
    int rc = sl_occurrence_get(state_store(L), luaL_checkinteger(L, 2), &o, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 1) push_row(L, &o);
    return rc;
}

static sl_occurrence_filter check_filter(lua_State *L) {
    static const char *const known[] = {"schedule", "state", "open",  "kind", "batch", "from",
                                        "to",       "newest", "after", "most", NULL};
    slb_check_options(L, 2, "occurrences", known);
    sl_occurrence_filter f = {slb_opt_string(L, 2, "schedule", NULL), slb_opt_string(L, 2, "state", NULL),
                              slb_opt_string(L, 2, "kind", NULL),     slb_opt_int(L, 2, "batch", 0),
                              state_opt_time(L, 2, "from"),           state_opt_time(L, 2, "to"),
                              slb_opt_int(L, 2, "after", 0),          slb_opt_int(L, 2, "most", 0),
                              slb_opt_bool(L, 2, "open", false),      slb_opt_bool(L, 2, "newest", false)};
    if (f.state && !sl_occurrence_is_state(f.state)) slb_usage(L, "occurrences: there is no state '%s'", f.state);
    if (f.kind && !sl_occurrence_is_kind(f.kind)) slb_usage(L, "occurrences: there is no kind '%s'", f.kind);
    return f;
}

/* store:occurrences{schedule=, state=, open=, kind=, batch=, from=, to=, newest=, after=, most=} -> { row, … } */
static int store_occurrences(lua_State *L) {
    sl_store *st = state_store(L);
    lua_settop(L, 2);
    sl_occurrence_filter f = check_filter(L);
    sl_occurrence o;
    sl_err err;
    lua_Integer n = 0;
    lua_newtable(L);
    int rc = sl_occurrences_first(st, &f, &o, &err);
    for (; rc == 1; rc = sl_occurrences_next(st, &o, &err)) {
        push_row(L, &o);
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

/* ---- attempts ---- */

/* store:occurrence_claim(daemon, id) -> fence | nil */
static int store_occurrence_claim(lua_State *L) {
    int64_t fence;
    sl_err err;
    int rc = sl_occurrence_claim(state_store(L), state_daemon_id(L, 2), luaL_checkinteger(L, 3), &fence, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 1) lua_pushinteger(L, fence);
    return rc;
}

/* The connections of `uses`, whose names stay in their table; out has room for USES_MAX. */
static size_t check_uses(lua_State *L, int idx, sl_use *out) {
    size_t count = 0;
    if (lua_getfield(L, idx, "uses") == LUA_TNIL) return 0;
    luaL_argexpected(L, lua_istable(L, -1), idx, "table of uses");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (count == USES_MAX) slb_usage(L, "occurrence_start: more than %d connections", USES_MAX);
        if (lua_type(L, -2) != LUA_TSTRING || (!lua_isinteger(L, -1) && !(lua_isboolean(L, -1) && !lua_toboolean(L, -1))))
            slb_usage(L, "occurrence_start: uses has names of connections and how many may use each (false: any number)");
        const char *name = lua_tostring(L, -2);
        if (!*name || strchr(name, '\n')) slb_usage(L, "occurrence_start: that is no name of a connection");
        out[count++] = (sl_use){name, lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1};
    }
    return count;
}

static int push_started(lua_State *L, const sl_started *s) {
    lua_createtable(L, 0, 4); /* on top of the lock */
    slb_set_int(L, "run", s->run);
    slb_set_int(L, "attempt", s->attempt);
    slb_set_int(L, "version", s->version);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "lock");
    return 1;
}

/* store:occurrence_start(daemon, id, fence, { recipe=, args=, most=, uses=, parallel=, version= }) -> started | nil, why */
static int store_occurrence_start(lua_State *L) {
    static const char *const known[] = {"recipe", "args", "most", "uses", "parallel", "version", NULL};
    static const char *const words[] = {[SL_START_FULL] = "full", [SL_START_GONE] = "gone", [SL_START_CANCELLED] = "cancelled",
                                        [SL_START_CHANGED] = "changed"};
    sl_store *st = state_store(L);
    sl_use uses[USES_MAX];
    luaL_checktype(L, 5, LUA_TTABLE);
    slb_check_options(L, 5, "occurrence_start", known);
    sl_start s = {.daemon = state_daemon_id(L, 2), .id = luaL_checkinteger(L, 3), .fence = luaL_checkinteger(L, 4), .uses = uses};
    s.recipe = slb_opt_string(L, 5, "recipe", NULL);
    if (!s.recipe) slb_usage(L, "occurrence_start: recipe is missing");
    s.most = slb_opt_int(L, 5, "most", -1);
    s.parallel = slb_opt_int(L, 5, "parallel", -1);
    s.version = slb_opt_int(L, 5, "version", -1);
    if (s.version == 0) slb_usage(L, "occurrence_start: no schedule has the version 0");
    s.use_count = check_uses(L, 5, uses);
    s.args = state_push_args(L, 5, "args");
    if (!s.args) s.args = "{}";
    sl_started started;
    sl_lock *lock = state_run_lock(L);
    sl_err err;
    sl_start_result result = sl_attempt_start(st, &s, &started, &err);
    *lock = started.lock;
    if (result == SL_START_DONE) return push_started(L, &started);
    if (result == SL_START_FAILED) slb_raise(L, &err);
    lua_pushnil(L);
    lua_pushstring(L, words[result]);
    return 2;
}

static sl_end check_end(lua_State *L) {
    static const char *const known[] = {"state", "again", "counts", "outcome", "reason", "note", "exit_code", "error", NULL};
    luaL_checktype(L, 4, LUA_TTABLE);
    slb_check_options(L, 4, "occurrence_end", known);
    sl_end e = {.id = luaL_checkinteger(L, 2), .run = luaL_checkinteger(L, 3), .again_ms = state_opt_time(L, 4, "again"),
                .takes_back = !slb_opt_bool(L, 4, "counts", true), .state = slb_opt_string(L, 4, "state", NULL),
                .outcome = slb_opt_string(L, 4, "outcome", NULL), .reason = slb_opt_string(L, 4, "reason", NULL),
                .note = slb_opt_string(L, 4, "note", NULL), .exit_code = slb_opt_int(L, 4, "exit_code", -1),
                .error = slb_opt_string(L, 4, "error", NULL)};
    if ((e.again_ms == SL_TIME_NONE) == (e.state == NULL)) slb_usage(L, "occurrence_end: either state or again");
    if (e.takes_back && e.state) slb_usage(L, "occurrence_end: counts goes with again");
    if (e.state && !sl_occurrence_is_final(e.state)) slb_usage(L, "occurrence_end: there is no end '%s'", e.state);
    if (e.outcome && !sl_occurrence_is_outcome(e.outcome)) slb_usage(L, "occurrence_end: there is no outcome '%s'", e.outcome);
    if (e.state && strcmp(e.state, "ran") == 0 && !e.outcome) slb_usage(L, "occurrence_end: outcome is missing");
    if (e.reason && !sl_occurrence_is_reason(e.reason)) slb_usage(L, "occurrence_end: there is no reason '%s'", e.reason);
    return e;
}

/* store:occurrence_end(id, run, how, change) -> version | false */
static int store_occurrence_end(lua_State *L) {
    static const char *const known[] = {"failures", "paused",     "paused_until", "pause_note", "paused_by",
                                        "stalled",  "stalled_at", "told",         NULL};
    sl_store *st = state_store(L);
    lua_settop(L, 5);
    sl_end end = check_end(L);
    slb_check_options(L, 5, "occurrence_end", known);
    sl_schedule_change change = state_schedule_fields(L, 5, SL_STR(""));
    int64_t version;
    sl_err err;
    int rc = sl_attempt_end(st, &end, &change, &version, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 1) lua_pushinteger(L, version);
    else lua_pushboolean(L, 0);
    return 1;
}

/* store:occurrence_cancel(id) -> version | false */
static int store_occurrence_cancel(lua_State *L) {
    int64_t version;
    sl_err err;
    int rc = sl_wish_cancel(state_store(L), luaL_checkinteger(L, 2), &version, &err);
    if (rc < 0) slb_raise(L, &err);
    if (rc == 1) lua_pushinteger(L, version);
    else lua_pushboolean(L, 0);
    return 1;
}

/* ---- old ones ---- */

static bool is_in(int64_t id, const int64_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id) return true;
    return false;
}

/* Appends the table on top of the stack to the list at idx, unless one of its runs is kept; pops it. */
static void append_old(lua_State *L, int idx, bool kept) {
    if (kept || lua_isnil(L, -1)) lua_pop(L, 1);
    else lua_rawseti(L, idx, luaL_len(L, idx) + 1);
}

static void push_old(lua_State *L, int64_t id) {
    lua_createtable(L, 0, 2);
    slb_set_int(L, "id", id);
    lua_newtable(L);
    lua_setfield(L, -2, "logs");
}

static void add_log(lua_State *L, const char *log) {
    if (!log) return;
    lua_getfield(L, -1, "logs");
    lua_pushstring(L, log);
    lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    lua_pop(L, 1);
}

/* store:occurrences_old(before, kept, most) -> { { id =, logs = { … } }, … } */
static int store_occurrences_old(lua_State *L) {
    sl_store *st = state_store(L);
    int64_t before = (int64_t)(luaL_checknumber(L, 2) * 1000), id = 0;
    lua_Integer most = luaL_optinteger(L, 4, 1000);
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    size_t count;
    const int64_t *kept = state_ids(L, 3, IDS_MAX, "occurrences_old", &count);
    bool keep = false;
    sl_old_run old;
    sl_err err;
    lua_newtable(L); /* at 5 */
    lua_pushnil(L);
    int rc = sl_occurrences_old_first(st, before, &old, &err);
    for (; rc == 1; rc = sl_occurrences_old_next(st, &old, &err)) {
        if (old.occurrence != id) {
            append_old(L, 5, keep);
            lua_pushnil(L); /* in the place of what was appended */
            if (luaL_len(L, 5) >= most) break;
            lua_pop(L, 1);
            push_old(L, id = old.occurrence);
            keep = false;
        }
        keep = keep || (old.run && is_in(old.run, kept, count));
        add_log(L, old.log);
    }
    if (rc < 0) slb_raise(L, &err);
    append_old(L, 5, keep);
    return 1;
}

/* store:occurrences_forget(ids) -> count */
static int store_occurrences_forget(lua_State *L) {
    size_t count;
    const int64_t *ids = state_ids(L, 2, IDS_MAX, "occurrences_forget", &count);
    int64_t gone;
    sl_err err;
    if (sl_occurrences_forget(state_store(L), ids, count, &gone, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, gone);
    return 1;
}

void state_occurrence_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"occurrence", store_occurrence},
                                       {"occurrences", store_occurrences},
                                       {"occurrence_claim", store_occurrence_claim},
                                       {"occurrence_start", store_occurrence_start},
                                       {"occurrence_end", store_occurrence_end},
                                       {"occurrence_cancel", store_occurrence_cancel},
                                       {"occurrences_old", store_occurrences_old},
                                       {"occurrences_forget", store_occurrences_forget},
                                       {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
}
