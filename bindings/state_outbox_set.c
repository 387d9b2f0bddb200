/* Chunks of the store's outbox: store:outbox_claim_all, and sluice.intents. What is handed in are lists of texts side by side,
 * so that a chunk costs no table per row. */
#include "bindings/state_outbox.h"
#include "bindings/state_parts.h"
#include "bindings/step.h"
#include "state/outbox_set.h"

#define SET "sluice.intents"

static sl_intent_set *check(lua_State *L) {
    return slb_unbox(L, 1, SET);
}

void *slb_intents_test(lua_State *L, int idx) {
    return luaL_testudata(L, idx, SET);
}

int slb_intents_sending(void *self, sl_err *err) {
    sl_intent_set **box = self;
    slb_step("marking");
    if (!*box) return sl_fail(err, SL_USAGE, 0, "the intents are closed");
    if (sl_intent_set_sending(*box, err) < 0) return -1;
    slb_step("marked");
    return 0;
}

static int done(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- handing in ---- */

/* The text at place i of the list `name` at idx, which holds it. */
static sl_str text_at(lua_State *L, int idx, const char *name, size_t i) {
    sl_str text;
    if (lua_rawgeti(L, idx, (lua_Integer)i + 1) != LUA_TSTRING)
        slb_usage(L, "outbox_claim_all: %s[%d] must be text, not a %s", name, (int)i + 1, luaL_typename(L, -1));
    text.ptr = lua_tolstring(L, -1, &text.len);
    lua_pop(L, 1);
    return text;
}

/* Pushes the list of the option `name`: as many texts as there are keys. 0 where it is left out. */
static int push_list(lua_State *L, const char *name, size_t count, bool needed) {
    int type = lua_getfield(L, 2, name);
    if (type == LUA_TNIL && !needed) return 0;
    if (type != LUA_TTABLE) slb_usage(L, "outbox_claim_all: %s must be a list, not a %s", name, luaL_typename(L, -1));
    if (lua_rawlen(L, -1) != count)
        slb_usage(L, "outbox_claim_all: %d keys, but %d %s", (int)count, (int)lua_rawlen(L, -1), name);
    return lua_gettop(L);
}

/* Leaves the lists and the items on the stack. */
static sl_outbox_item *push_items(lua_State *L, sl_str scope, size_t *count) {
    if (lua_getfield(L, 2, "keys") != LUA_TTABLE) slb_usage(L, "outbox_claim_all: keys must be a list of texts");
    int keys = lua_gettop(L);
    *count = lua_rawlen(L, keys);
    int bodies = push_list(L, "bodies", *count, true), digests = push_list(L, "digests", *count, true);
    int scopes = push_list(L, "scopes", *count, false);
    if (*count > SL_INTENT_SET_MAX)
        slb_usage(L, "outbox_claim_all: %d writes at once are too many, %d at most", (int)*count, SL_INTENT_SET_MAX);
    sl_outbox_item *items = lua_newuserdatauv(L, (*count + 1) * sizeof *items, 0);
    for (size_t i = 0; i < *count; i++)
        items[i] = (sl_outbox_item){scopes ? text_at(L, scopes, "scopes", i) : scope, text_at(L, keys, "keys", i),
                                    text_at(L, bodies, "bodies", i), text_at(L, digests, "digests", i)};
    return items;
}

static sl_str need(lua_State *L, const char *key) {
    sl_str none = {NULL, 0}, text = slb_opt_str(L, 2, key, none);
    if (!text.ptr) slb_usage(L, "outbox_claim_all: %s is missing", key);
    return text;
}

/* store:outbox_claim_all{host=, account=, operation=, scope=, scopes=, keys=, bodies=, digests=, run=} -> intents */
static int store_outbox_claim_all(lua_State *L) {
    static const char *const known[] = {"host",   "account", "operation", "scope", "scopes",
                                        "keys", "bodies",  "digests",   "run",   NULL};
    sl_store *st = state_store(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    slb_check_options(L, 2, "outbox_claim_all", known);
    sl_outbox_key where = {.host = need(L, "host"), .account = need(L, "account"), .operation = need(L, "operation")};
    int64_t run = slb_opt_int(L, 2, "run", 0);
    size_t count;
    const sl_outbox_item *items = push_items(L, slb_opt_str(L, 2, "scope", SL_STR("")), &count);
    sl_intent_set **box = slb_box(L, SET);
    sl_err err;
    *box = sl_intent_set_claim(st, &where, items, count, run, &err);
    if (!*box) slb_raise(L, &err);
    return 1;
}

/* ---- a chunk in hand ---- */

/* The place that the number at arg means. */
static size_t check_at(lua_State *L, const sl_intent_set *set) {
    lua_Integer n = luaL_checkinteger(L, 2);
    if (n < 1 || (size_t)n > sl_intent_set_count(set))
        slb_usage(L, "there is no write %lld among %d", (long long)n, (int)sl_intent_set_count(set));
    return (size_t)n - 1;
}

/* intents:state(i) -> state | nil */
static int set_state(lua_State *L) {
    const sl_intent_set *set = check(L);
    int state = sl_intent_set_state(set, check_at(L, set));
    lua_pushstring(L, state < 0 ? NULL : sl_outbox_state_name((sl_outbox_state)state)); /* NULL gives nil */
    return 1;
}

/* intents:id(i) -> id */
static int set_id(lua_State *L) {
    const sl_intent_set *set = check(L);
    lua_pushinteger(L, sl_intent_set_id(set, check_at(L, set)));
    return 1;
}

/* #intents */
static int set_len(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)sl_intent_set_count(check(L)));
    return 1;
}

/* intents:back() -> true */
static int set_back(lua_State *L) {
    sl_err err;
    return done(L, sl_intent_set_back(check(L), &err), &err);
}

/* intents:release(i) -> true */
static int set_release(lua_State *L) {
    sl_intent_set *set = check(L);
    sl_intent_set_release(set, check_at(L, set));
    lua_pushboolean(L, 1);
    return 1;
}

/* intents:take(i) -> intent | nil */
static int set_take(lua_State *L) {
    sl_intent_set *set = check(L);
    size_t at = check_at(L, set);
    sl_intent **box = slb_intent_box(L);
    sl_err err;
    int rc = sl_intent_set_take(set, at, box, &err);
    if (rc < 0) slb_raise(L, &err);
    return rc;
}

/* intents:close(), and its collection */
static int set_close(lua_State *L) {
    sl_intent_set **box = luaL_checkudata(L, 1, SET);
    sl_intent_set_close(*box);
    *box = NULL;
    return 0;
}

/* ---- settling ---- */

static sl_outbox_state outcome_of(lua_State *L, const char *name) {
    int state = name ? sl_outbox_state_of(name) : -1;
    if (state < SL_OUTBOX_CONFIRMED) slb_usage(L, "intents:settle: confirmed, rejected or unknown expected, not '%s'", name ? name : "nil");
    return (sl_outbox_state)state;
}

/* Whether a write is one that settle("confirmed") means: ours, and not settled. */
static bool is_open(const sl_intent_set *set, size_t at) {
    int state = sl_intent_set_state(set, at);
    return state == SL_OUTBOX_INTENDED || state == SL_OUTBOX_SENT || state == SL_OUTBOX_UNKNOWN;
}

static void all_alike(lua_State *L, const sl_intent_set *set, sl_outbox_fate *fates) {
    sl_outbox_fate one = {outcome_of(L, lua_tostring(L, 2)), luaL_optstring(L, 3, NULL), luaL_optstring(L, 4, NULL)};
    for (size_t i = 0; i < sl_intent_set_count(set); i++)
        if (is_open(set, i)) fates[i] = one;
}

/* The text at place i of the list at arg, of a text for all, or NULL. */
static const char *part(lua_State *L, int arg, size_t i, const char *name) {
    if (!lua_istable(L, arg)) return luaL_optstring(L, arg, NULL);
    int type = lua_rawgeti(L, arg, (lua_Integer)i + 1);
    const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    bool none = type == LUA_TNIL || (type == LUA_TBOOLEAN && !lua_toboolean(L, -1));
    if (!text && !none)
        slb_usage(L, "intents:settle: %s[%d] must be text or false, not a %s", name, (int)i + 1, luaL_typename(L, -1));
    lua_pop(L, 1); /* the list holds it */
    return text;
}

static void each_its_own(lua_State *L, const sl_intent_set *set, sl_outbox_fate *fates) {
    for (size_t i = 0; i < sl_intent_set_count(set); i++) {
        const char *outcome = part(L, 2, i, "outcomes");
        if (!outcome) continue;
        fates[i] = (sl_outbox_fate){outcome_of(L, outcome), part(L, 3, i, "answers"), part(L, 4, i, "notes")};
    }
}

/* intents:settle(outcome | outcomes, answer | answers, note | notes) -> true */
static int set_settle(lua_State *L) {
    sl_intent_set *set = check(L);
    lua_settop(L, 4);
    size_t count = sl_intent_set_count(set);
    sl_outbox_fate *fates = lua_newuserdatauv(L, (count + 1) * sizeof *fates, 0);
    for (size_t i = 0; i < count; i++) fates[i] = (sl_outbox_fate){SL_OUTBOX_INTENDED, NULL, NULL};
    if (lua_istable(L, 2)) each_its_own(L, set, fates);
    else all_alike(L, set, fates);
    slb_step("settling");
    sl_err err;
    return done(L, sl_intent_set_settle(set, fates, &err), &err);
}

void state_outbox_set_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"outbox_claim_all", store_outbox_claim_all}, {NULL, NULL}};
    static const luaL_Reg set_methods[] = {{"state", set_state}, {"id", set_id},           {"back", set_back},
                                           {"take", set_take},   {"release", set_release}, {"settle", set_settle},
                                           {"close", set_close}, {NULL, NULL}};
    static const luaL_Reg set_meta[] = {{"__gc", set_close}, {"__close", set_close}, {"__len", set_len}, {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
    slb_type(L, SET, set_meta, set_methods);
}
