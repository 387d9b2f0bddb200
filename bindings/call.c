/* sluice.call: connections, and calls on them. What Lua hands over is made by stdlib/request.lua and stdlib/client.lua;
 * this file turns it into the structs of work/call and back. */
#include "bindings/call_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bindings/auth.h"
#include "bindings/state_outbox.h"

#define CALLS_KEY "sluice.calls.instance" /* the type name is taken in the registry by the metatable */
#define CALLS_TYPE "sluice.calls"
#define CONN_TYPE "sluice.connection"
#define ERROR_BODY_MAX (64 << 10)

/* ---- what all connections share: one per state, made when first used ---- */

static int calls_gc(lua_State *L) {
    sl_calls **box = luaL_checkudata(L, 1, CALLS_TYPE);
    sl_calls_free(*box);
    *box = NULL;
    return 0;
}

static sl_calls *calls_of(lua_State *L) {
    sl_err err;
    if (lua_getfield(L, LUA_REGISTRYINDEX, CALLS_KEY) == LUA_TNIL) {
        sl_calls **box = slb_box(L, CALLS_TYPE);
        *box = sl_calls_new(slb_loop(L), &err);
        if (!*box) slb_raise(L, &err);
        lua_setfield(L, LUA_REGISTRYINDEX, CALLS_KEY);
        lua_getfield(L, LUA_REGISTRYINDEX, CALLS_KEY);
    }
    sl_calls *calls = *(sl_calls **)lua_touserdata(L, -1);
    lua_pop(L, 1);
    return calls;
}

/* ---- calls ---- */

static void push_headers(lua_State *L, const sl_call_answer *a) {
    lua_createtable(L, 0, (int)a->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        luaL_Buffer b;
        sl_str name = a->headers[i].name;
        char *to = luaL_buffinitsize(L, &b, name.len);
        for (size_t k = 0; k < name.len; k++) {
            char c = name.ptr[k];
            to[k] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        luaL_pushresultsize(&b, name.len);
        lua_pushlstring(L, a->headers[i].value.ptr, a->headers[i].value.len);
        lua_rawset(L, -3);
    }
}

static int push_answer(lua_State *L, const sl_call_answer *a) {
    lua_createtable(L, 0, 7);
    slb_set_int(L, "status", a->status);
    slb_set_int(L, "attempts", a->attempts);
    slb_set_int(L, "resent", a->resends_counted);
    slb_set_seconds(L, "waited", a->waited_ms);
    slb_set_seconds(L, "took", a->took_ms);
    push_headers(L, a);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, a->body.ptr ? a->body.ptr : "", a->body.len);
    lua_setfield(L, -2, "body");
    return 1;
}

/* nil, err, the answer's body, masked, and its head { status, headers }, where one came. */
static int push_failure(lua_State *L, const sl_err *err, const sl_call_answer *a) {
    sl_buf body;
    slb_fail(L, err);
    if (!a || a->status == 0) return 2;
    sl_buf_init(&body, ERROR_BODY_MAX);
    if (a->body.len) sl_log_body(&body, a->body, ERROR_BODY_MAX);
    lua_pushlstring(L, body.data ? body.data : "", body.len);
    sl_buf_free(&body);
    lua_createtable(L, 0, 2);
    slb_set_int(L, "status", a->status);
    push_headers(L, a);
    lua_setfield(L, -2, "headers");
    return 4;
}

static int push_call(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    const sl_call_answer *a = sl_call_answer_get(op);
    call_unpin(luaL_checkudata(L, CALL_JOB_AT, CALL_JOB));
    return err ? push_failure(L, err, a) : push_answer(L, a);
}

/* conn:call(request) -> answer | nil, err, body, head     (waits) */
static int l_conn_call(lua_State *L) {
    sl_err err;
    sl_conn *conn = slb_unbox(L, CALL_CONN_AT, CONN_TYPE);
    lua_settop(L, CALL_REQUEST_AT);
    slb_check_task(L, "an API call");
    call_job *job = call_check_request(L, CALL_REQUEST_AT);
    sl_op **box = slb_op_box(L);
    lua_pushvalue(L, CALL_JOB_AT);
    lua_setiuservalue(L, -2, 1); /* what is sent stays, even where a script closes the coroutine that waits here */
    *box = sl_call_start(conn, &job->spec, &err);
    if (!*box) {
        call_unpin(job);
        if (err.code == SL_USAGE) slb_raise(L, &err);
        return slb_fail(L, &err);
    }
    return slb_wait(L, push_call);
}

static int push_login(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    const sl_call_answer *a = sl_conn_login_answer(op);
    return err ? push_failure(L, err, a) : push_answer(L, a);
}

/* conn:login() -> answer | nil, err, body, head     (waits) */
static int l_conn_login(lua_State *L) {
    sl_err err;
    sl_conn *conn = slb_unbox(L, CALL_CONN_AT, CONN_TYPE);
    slb_check_task(L, "a login");
    sl_op **box = slb_op_box(L);
    *box = sl_conn_login_start(conn, &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push_login);
}

/* ---- sums ---- */

static int push_stats(lua_State *L, sl_call_stats s) {
    lua_createtable(L, 0, 10);
    slb_set_int(L, "calls", (int64_t)s.calls);
    slb_set_int(L, "requests", (int64_t)s.requests);
    slb_set_int(L, "retries", (int64_t)s.retries);
    slb_set_int(L, "limited", (int64_t)s.limited);
    slb_set_int(L, "failed", (int64_t)s.failed);
    slb_set_int(L, "bytes_up", (int64_t)s.bytes_up);
    slb_set_int(L, "bytes_down", (int64_t)s.bytes_down);
    slb_set_seconds(L, "waited", s.waited_ms);
    slb_set_seconds(L, "waited_budget", s.slot_ms);
    lua_createtable(L, 0, SL_OUTCOMES);
    for (int i = 0; i < SL_OUTCOMES; i++)
        if (s.outcomes[i]) slb_set_int(L, sl_outcome_name((sl_outcome)i), (int64_t)s.outcomes[i]);
    lua_setfield(L, -2, "outcomes");
    return 1;
}

/* conn:stats() -> table */
static int l_conn_stats(lua_State *L) {
    return push_stats(L, sl_conn_stats(slb_unbox(L, CALL_CONN_AT, CONN_TYPE)));
}

/* call.stats() -> table */
static int l_stats(lua_State *L) {
    return push_stats(L, sl_calls_stats(calls_of(L)));
}

/* call.share(folder | nil | false) */
static int l_share(lua_State *L) {
    sl_err err;
    bool alone = lua_isboolean(L, 1) && !lua_toboolean(L, 1);
    const char *folder = alone ? NULL : luaL_optstring(L, 1, NULL);
    if (sl_calls_share(calls_of(L), folder, alone, &err) < 0) slb_raise(L, &err);
    return 0;
}

/* call.mark(intent): what a call does with an intent right before it sends */
static int l_mark(lua_State *L) {
    sl_err err;
    void *intent = slb_intent_test(L, 1), *intents = slb_intents_test(L, 1);
    if (!intent && !intents) slb_usage(L, "call.mark: an intent is one of store:outbox_claim, not a %s", luaL_typename(L, 1));
    int rc = intent ? slb_intent_sending(intent, &err) : slb_intents_sending(intents, &err);
    if (rc < 0) slb_raise(L, &err);
    return 0;
}

/* call.interactive(yes) */
static int l_interactive(lua_State *L) {
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    sl_calls_interactive(calls_of(L), lua_toboolean(L, 1));
    return 0;
}

/* ---- connections ---- */

static int conn_gc(lua_State *L) {
    sl_conn **box = luaL_checkudata(L, 1, CONN_TYPE);
    sl_conn_unref(*box);
    *box = NULL;
    return 0;
}

static void read_hosts(lua_State *L, int idx, sl_conn_spec *s) {
    if (lua_getfield(L, idx, "hosts") != LUA_TTABLE) slb_usage(L, "call.connection: hosts is a list of URLs");
    lua_Integer n = luaL_len(L, -1);
    if (n > SL_CALL_HOSTS) slb_usage(L, "call.connection: more than %d hosts", SL_CALL_HOSTS);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        s->hosts[i - 1] = call_held_text(L, "call.connection: a host").ptr;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_class(lua_State *L, const char *conn, sl_conn_class *out) {
    sl_err err;
    if (lua_type(L, -2) != LUA_TSTRING) slb_usage(L, "call.connection: rates are named by their classes");
    out->name = lua_tostring(L, -2);
    if (sl_rates_parse(&out->rates, call_held_text(L, "call.connection: a rate"), &err) == 0) return;
    sl_err whole;
    sl_fail(&whole, SL_CONFIG, 0, "connection '%s': rate class '%s': %s", conn, out->name, err.msg);
    sl_hint(&whole, "%s", err.hint);
    slb_raise(L, &whole);
}

/* The class of that name, a new one where it has none yet. */
static sl_conn_class *class_of(lua_State *L, sl_conn_spec *s, const char *name) {
    for (size_t i = 0; name && i < s->class_count; i++)
        if (strcmp(s->classes[i].name, name) == 0) return &s->classes[i];
    if (s->class_count == SL_CALL_CLASSES) slb_usage(L, "call.connection: more than %d rates", SL_CALL_CLASSES);
    return &s->classes[s->class_count++];
}

static void read_rates(lua_State *L, int idx, const char *key, sl_conn_spec *s, bool own) {
    if (lua_getfield(L, idx, key) == LUA_TTABLE) {
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            bool named = lua_type(L, -2) == LUA_TSTRING;
            sl_conn_class *c = class_of(L, s, named ? lua_tostring(L, -2) : NULL);
            read_class(L, s->name, c);
            c->own = own;
        }
    }
    lua_pop(L, 1);
}

static void read_learn(lua_State *L, int idx, sl_call_learn *learn) {
    static const char *const known[] = {"limit", "remaining", "reset", "retry_after", NULL};
    if (lua_getfield(L, idx, "learn") == LUA_TTABLE) {
        slb_check_options(L, -1, "call.connection: learn", known);
        learn->limit = slb_opt_string(L, -1, "limit", NULL);
        learn->reset = slb_opt_string(L, -1, "reset", NULL);
        learn->retry_after = slb_opt_string(L, -1, "retry_after", NULL);
    }
    lua_pop(L, 1);
}

static sl_str read_secret(lua_State *L, int idx, const char *key) {
    sl_str text = SL_STR("");
    lua_getfield(L, idx, key);
    if (!slb_secret_test(L, -1, &text) && lua_type(L, -1) == LUA_TSTRING) text.ptr = lua_tolstring(L, -1, &text.len);
    lua_pop(L, 1); /* the table holds it */
    return text;
}

static void read_oauth(lua_State *L, int idx, sl_oauth *o) {
    o->client_id = read_secret(L, idx, "client_id");
    o->client_secret = read_secret(L, idx, "client_secret");
    o->refresh = read_secret(L, idx, "refresh_token");
    o->in_body = slb_opt_bool(L, idx, "in_body", false);
    o->more = slb_opt_str(L, idx, "form", SL_STR(""));
    o->refresh_key = slb_opt_string(L, idx, "refresh_key", NULL);
}

/* Leaves the login's job and body on the stack. */
static void read_credential(lua_State *L, int idx, sl_conn_spec *s) {
    static const char *const known[] = {"kind",          "header",        "username", "secret", "query",       "login", "key",
                                        "client_id",     "client_secret", "in_body",  "form",   "refresh_key", "cell",
                                        "refresh_token", NULL};
    if (lua_getfield(L, idx, "credential") != LUA_TTABLE) return;
    int at = lua_gettop(L), kind = sl_auth_kind_of(slb_opt_string(L, at, "kind", "none"));
    slb_check_options(L, at, "call.connection: credential", known);
    if (kind < 0) slb_usage(L, "call.connection: no kind of credential is called '%s'", slb_opt_string(L, at, "kind", ""));
    s->auth = (sl_auth_kind)kind;
    s->header = slb_opt_str(L, at, "header", SL_STR(""));
    s->username = read_secret(L, at, "username");
    s->secret = read_secret(L, at, "secret");
    s->key = slb_opt_string(L, at, "key", NULL);
    s->token_param = slb_opt_string(L, at, "query", NULL);
    s->cell = slb_opt_string(L, at, "cell", NULL);
    read_oauth(L, at, &s->oauth);
    if (!sl_auth_has_token(s->auth)) return;
    if (lua_getfield(L, at, "login") != LUA_TTABLE) slb_usage(L, "call.connection: a login needs its request");
    s->token_path = slb_opt_string(L, -1, "token", "token");
    s->login = call_check_request(L, lua_gettop(L))->spec;
}

/* call.connection{…} -> connection; raises config errors */
static int l_connection(lua_State *L) {
    static const char *const known[] = {"name",  "api",     "account",  "hosts", "credential", "rates", "limits", "learn",
                                        "timeout", "deadline", "proxy", "ca_file", "client_cert", "client_key",
                                        "insecure", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    slb_check_options(L, 1, "call.connection", known);
    sl_conn_spec s = {.name = slb_opt_string(L, 1, "name", "connection")};
    sl_err err;
    s.api = slb_opt_string(L, 1, "api", s.name);
    s.account = slb_opt_string(L, 1, "account", "-");
    s.timeout_ms = slb_opt_ms(L, 1, "timeout", 0);
    s.deadline_ms = slb_opt_ms(L, 1, "deadline", 0);
    s.proxy = slb_opt_string(L, 1, "proxy", NULL);
    s.ca_file = slb_opt_string(L, 1, "ca_file", NULL);
    s.client_cert = slb_opt_string(L, 1, "client_cert", NULL);
    s.client_key = slb_opt_string(L, 1, "client_key", NULL);
    s.insecure = slb_opt_bool(L, 1, "insecure", false);
    read_hosts(L, 1, &s);
    read_rates(L, 1, "rates", &s, false);
    read_rates(L, 1, "limits", &s, true);
    read_learn(L, 1, &s.learn);
    read_credential(L, 1, &s);
    sl_calls *calls = calls_of(L);
    sl_conn **box = slb_box(L, CONN_TYPE);
    *box = sl_conn_new(calls, &s, &err);
    if (!*box) slb_raise(L, &err);
    return 1;
}

static const luaL_Reg conn_methods[] = {{"call", l_conn_call}, {"login", l_conn_login}, {"stats", l_conn_stats}, {NULL, NULL}};
static const luaL_Reg conn_meta[] = {{"__gc", conn_gc}, {NULL, NULL}};
static const luaL_Reg calls_meta[] = {{"__gc", calls_gc}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"connection", l_connection},
                                     {"interactive", l_interactive},
                                     {"mark", l_mark},
                                     {"share", l_share},
                                     {"stats", l_stats},
                                     {NULL, NULL}};

int luaopen_sluice_call(lua_State *L);
int luaopen_sluice_call(lua_State *L) {
    slb_type(L, CALLS_TYPE, calls_meta, NULL);
    slb_type(L, CONN_TYPE, conn_meta, conn_methods);
    call_request_type(L);
    luaL_newlib(L, functions);
    return 1;
}
