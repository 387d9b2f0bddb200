/* The store's outbox: store:outbox_claim and its kin, and intents. */
#include "bindings/state_outbox.h"

#include "bindings/state_parts.h"
#include "bindings/step.h"
#include "state/outbox.h"

#define INTENT "sluice.intent"
typedef struct intent {
    sl_intent *in;
} intent;

static sl_store *check_store(lua_State *L) {
    return slb_unbox(L, 1, STATE_STORE);
}

static sl_intent *check(lua_State *L) {
    return slb_unbox(L, 1, INTENT);
}

void *slb_intent_test(lua_State *L, int idx) {
    return luaL_testudata(L, idx, INTENT);
}

void *slb_intent_box(lua_State *L) {
    return slb_box(L, INTENT);
}

int slb_intent_sending(void *self, sl_err *err) {
    intent *box = self;
    slb_step("marking");
    if (!box->in) return sl_fail(err, SL_USAGE, 0, "the intent is closed");
    if (sl_intent_sending(box->in, err) < 0) return -1;
    slb_step("marked");
    return 0;
}

/* ---- rows ---- */

static void push_row(lua_State *L, const sl_outbox_row *r) {
    lua_createtable(L, 0, 19);
    slb_set_int(L, "id", r->id);
    slb_set_int(L, "run", r->run);
    slb_set_int(L, "attempts", r->attempts);
    slb_set_int(L, "negatives", r->negatives);
    slb_set_text(L, "state", sl_outbox_state_name(r->state));
    slb_set_text(L, "host", r->host);
    slb_set_text(L, "account", r->account);
    slb_set_text(L, "operation", r->operation);
    slb_set_text(L, "scope", r->scope);
    slb_set_text(L, "key", r->key);
    slb_set_text(L, "body", r->body);
    slb_set_text(L, "digest", r->digest);
    slb_set_text(L, "answer", r->answer);
    slb_set_text(L, "note", r->note);
    slb_set_time(L, "intended", r->intended_ms);
    slb_set_time(L, "sent", r->sent_ms);
    slb_set_time(L, "settled", r->settled_ms);
    slb_set_time(L, "looked", r->looked_ms);
    if (r->age_ms < 0) return;
    lua_pushnumber(L, (lua_Number)r->age_ms / 1000);
    lua_setfield(L, -2, "age");
}

static int push_intent(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
    if (rc == 0) return 0; /* somebody works on it */
    return 1;
}

static sl_str need(lua_State *L, const char *key) {
    sl_str none = {NULL, 0}, text = slb_opt_str(L, 2, key, none);
    if (!text.ptr) slb_usage(L, "outbox_claim: %s is missing", key);
    return text;
}

/* store:outbox_claim{host=, account=, operation=, scope=, key=, body=, digest=, run=} -> intent | nil (somebody works on it) */
static int store_outbox_claim(lua_State *L) {
    static const char *const known[] = {"host",   "account", "operation", "scope", "key",
                                        "body",   "digest",  "run",       NULL};
    sl_store *st = check_store(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    slb_check_options(L, 2, "outbox_claim", known);
    sl_outbox_key key = {need(L, "host"), need(L, "account"), need(L, "operation"),
                         slb_opt_str(L, 2, "scope", SL_STR("")), need(L, "key")};
    sl_str body = need(L, "body"), digest = need(L, "digest");
    sl_intent **box = slb_box(L, INTENT);
    sl_err err;
    return push_intent(L, sl_intent_claim(st, &key, body, digest, slb_opt_int(L, 2, "run", 0), box, &err), &err);
}

/* store:outbox_claim_id(id) -> intent | nil */
static int store_outbox_claim_id(lua_State *L) {
    sl_store *st = check_store(L);
    int64_t id = luaL_checkinteger(L, 2);
    sl_intent **box = slb_box(L, INTENT);
    sl_err err;
    return push_intent(L, sl_intent_claim_id(st, id, box, &err), &err);
}

/* store:outbox_rows{state=, host=, account=, operation=, scope=, key=, after=, most=, newest=} -> { oldest, … } */
static int store_outbox_rows(lua_State *L) {
    static const char *const known[] = {"state", "host",  "account", "operation", "scope",
                                        "key",   "after", "most",    "newest",    NULL};
    sl_store *st = check_store(L);
    lua_settop(L, 2);
    slb_check_options(L, 2, "outbox_rows", known);
    sl_outbox_filter f = {slb_opt_string(L, 2, "state", NULL), slb_opt_string(L, 2, "host", NULL),
                          slb_opt_string(L, 2, "account", NULL), slb_opt_string(L, 2, "operation", NULL),
                          slb_opt_string(L, 2, "scope", NULL), slb_opt_string(L, 2, "key", NULL),
                          slb_opt_int(L, 2, "after", 0), slb_opt_int(L, 2, "most", 0), slb_opt_bool(L, 2, "newest", false)};
    if (f.state && sl_outbox_state_of(f.state) < 0) slb_usage(L, "outbox_rows: there is no state '%s'", f.state);
    sl_outbox_row row;
    sl_err err;
    lua_Integer n = 0;
    lua_newtable(L);
    int rc = sl_outbox_first(st, &f, &row, &err);
    for (; rc == 1; rc = sl_outbox_next(st, &row, &err)) {
        push_row(L, &row);
        lua_rawseti(L, -2, ++n);
    }
    if (rc < 0) slb_raise(L, &err);
    return 1;
}

/* store:outbox_held(id) -> boolean */
static int store_outbox_held(lua_State *L) {
    sl_err err;
    int rc = sl_outbox_held(check_store(L), luaL_checkinteger(L, 2), &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushboolean(L, rc);
    return 1;
}

/* store:outbox_forget(before) -> rows */
static int store_outbox_forget(lua_State *L) {
    sl_err err;
    int64_t count;
    if (sl_outbox_forget(check_store(L), (int64_t)(luaL_checknumber(L, 2) * 1000), &count, &err) < 0) slb_raise(L, &err);
    lua_pushinteger(L, count);
    return 1;
}

/* ---- intents ---- */

static int done(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* intent:row() -> row */
static int intent_row(lua_State *L) {
    sl_outbox_row row;
    sl_err err;
    if (sl_intent_row(check(L), &row, &err) < 0) slb_raise(L, &err);
    push_row(L, &row);
    return 1;
}

/* intent:back() -> true */
static int intent_back(lua_State *L) {
    sl_err err;
    return done(L, sl_intent_back(check(L), &err), &err);
}

/* intent:settle(state, answer, note) -> true */
static int intent_settle(lua_State *L) {
    sl_intent *in = check(L);
    int state = sl_outbox_state_of(luaL_checkstring(L, 2));
    if (state < SL_OUTBOX_CONFIRMED) slb_usage(L, "intent:settle: confirmed, rejected or unknown expected");
    sl_err err;
    int rc = sl_intent_settle(in, (sl_outbox_state)state, luaL_optstring(L, 3, NULL), luaL_optstring(L, 4, NULL), &err);
    return done(L, rc, &err);
}

/* intent:looked(counts) -> true */
static int intent_looked(lua_State *L) {
    sl_err err;
    return done(L, sl_intent_looked(check(L), lua_toboolean(L, 2), &err), &err);
}

/* intent:close(), and its collection */
static int intent_close(lua_State *L) {
    intent *box = luaL_checkudata(L, 1, INTENT);
    sl_intent_close(box->in);
    box->in = NULL;
    return 0;
}

void state_outbox_methods(lua_State *L) {
    static const luaL_Reg methods[] = {{"outbox_claim", store_outbox_claim}, {"outbox_claim_id", store_outbox_claim_id},
                                       {"outbox_rows", store_outbox_rows},   {"outbox_held", store_outbox_held},
                                       {"outbox_forget", store_outbox_forget}, {NULL, NULL}};
    static const luaL_Reg intent_methods[] = {{"row", intent_row},       {"back", intent_back},   {"settle", intent_settle},
                                              {"looked", intent_looked}, {"close", intent_close}, {NULL, NULL}};
    static const luaL_Reg intent_meta[] = {{"__gc", intent_close}, {"__close", intent_close}, {NULL, NULL}};
    luaL_setfuncs(L, methods, 0);
    slb_type(L, INTENT, intent_meta, intent_methods);
}
