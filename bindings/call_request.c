/* Reading the request of a call: the table that stdlib/request.lua makes becomes the structs of work/call. */
#include "bindings/call_parts.h"

#include <string.h>

#include "bindings/auth.h"
#include "bindings/ndjson.h"
#include "bindings/state_outbox.h"

void call_unpin(call_job *job) {
    if (job->pinned) sl_chunk_unpin(job->pinned);
    job->pinned = NULL;
}

static int job_gc(lua_State *L) {
    call_unpin(luaL_checkudata(L, 1, CALL_JOB));
    return 0;
}

static call_job *push_job(lua_State *L) {
    call_job *job = lua_newuserdatauv(L, sizeof *job, 1);
    memset(job, 0, sizeof *job);
    luaL_setmetatable(L, CALL_JOB);
    return job;
}

static void read_statuses(lua_State *L, int idx, const char *key, int out[SL_CALL_STATUSES]) {
    if (lua_getfield(L, idx, key) == LUA_TTABLE) {
        lua_Integer n = luaL_len(L, -1);
        if (n >= SL_CALL_STATUSES) slb_usage(L, "more than %d statuses in %s", SL_CALL_STATUSES - 1, key);
        for (lua_Integer i = 1; i <= n; i++) {
            lua_rawgeti(L, -1, i);
            out[i - 1] = (int)luaL_checkinteger(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

/* The strings stay in the caller's table. */
static void read_headers(lua_State *L, int idx, call_job *job) {
    if (lua_getfield(L, idx, "headers") == LUA_TTABLE) {
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) slb_usage(L, "headers are texts");
            if (job->spec.header_count == CALL_HEADERS_MAX) slb_usage(L, "more than %d headers", CALL_HEADERS_MAX);
            sl_http_header *h = &job->headers[job->spec.header_count++];
            h->name.ptr = lua_tolstring(L, -2, &h->name.len);
            h->value.ptr = lua_tolstring(L, -1, &h->value.len);
        }
    }
    lua_pop(L, 1);
    job->spec.headers = job->headers;
}

/* A number is refused: its text would be gone with its place on the stack. */
sl_str call_held_text(lua_State *L, const char *what) {
    sl_str text;
    if (lua_type(L, -1) != LUA_TSTRING) slb_usage(L, "%s must be text, not a %s", what, luaL_typename(L, -1));
    text.ptr = lua_tolstring(L, -1, &text.len);
    return text;
}

static void read_pieces(lua_State *L, int idx, call_job *job) {
    lua_Integer n = luaL_len(L, idx);
    if (n > CALL_PIECES_MAX) slb_usage(L, "a body of more than %d pieces", CALL_PIECES_MAX);
    for (lua_Integer i = 1; i <= n; i++) {
        sl_call_piece *p = &job->pieces[i - 1];
        lua_rawgeti(L, idx, i);
        p->secret = slb_secret_test(L, -1, &p->text);
        if (!p->secret) p->text = call_held_text(L, "a piece of a body");
        lua_pop(L, 1); /* the list holds it */
    }
    job->spec.pieces = job->pieces;
    job->spec.piece_count = (size_t)n;
}

/* Pushes the body, which stays on the stack as long as it is sent. */
static void read_body(lua_State *L, int idx, call_job *job) {
    int type = lua_getfield(L, idx, "body"), at = lua_gettop(L);
    if (type == LUA_TSTRING) {
        job->spec.body.ptr = lua_tolstring(L, at, &job->spec.body.len);
    } else if (type == LUA_TTABLE) {
        read_pieces(L, at, job);
    } else if (type != LUA_TNIL) {
        job->pinned = slb_chunk_test(L, at);
        if (!job->pinned) slb_usage(L, "a body is text, a chunk or a list of pieces, not a %s", luaL_typename(L, at));
        sl_chunk_pin(job->pinned);
        job->spec.body = sl_chunk_text(job->pinned);
    }
}

/* The rule on top of the stack; its strings stay in the caller's table. */
static void read_rule(lua_State *L, sl_call_rule *r) {
    static const char *const known[] = {"status", "says", "outcome", "code", "attempts", NULL};
    sl_err err;
    if (!lua_istable(L, -1)) slb_usage(L, "an outcome is a table { status =, says =, outcome = }");
    int at = lua_gettop(L);
    slb_check_options(L, at, "call: outcomes", known);
    const char *code = slb_opt_string(L, at, "code", NULL);
    r->status = (int)slb_opt_int(L, at, "status", 0);
    r->says = slb_opt_str(L, at, "says", SL_STR(""));
    r->attempts = (int)slb_opt_int(L, at, "attempts", 0);
    r->code = code ? sl_code_of(code) : SL_OK;
    if (code && !r->code) slb_usage(L, "there is no error code '%s'", code);
    if (sl_outcome_parse(&r->outcome, slb_opt_str(L, at, "outcome", SL_STR("")), &err) < 0) slb_usage(L, "%s", err.msg);
}

static void read_rules(lua_State *L, int idx, call_job *job) {
    if (lua_getfield(L, idx, "outcomes") == LUA_TTABLE) {
        lua_Integer n = luaL_len(L, -1);
        if (n > SL_CALL_RULES) slb_usage(L, "more than %d outcomes", SL_CALL_RULES);
        for (lua_Integer i = 1; i <= n; i++) {
            lua_rawgeti(L, -1, i);
            read_rule(L, &job->rules[i - 1]);
            lua_pop(L, 1);
        }
        job->spec.rule_count = (size_t)n;
    }
    lua_pop(L, 1);
    job->spec.rules = job->rules;
}

static void read_repeat(lua_State *L, int idx, call_job *job) {
    sl_err err;
    if (sl_repeat_parse(&job->spec.repeat, slb_opt_str(L, idx, "resend", SL_STR("unsafe")), &err) < 0) slb_raise(L, &err);
}

/* The intent stays in the caller's table. */
static void read_intent(lua_State *L, int idx, call_job *job) {
    if (lua_getfield(L, idx, "intent") != LUA_TNIL) {
        job->spec.before_send = slb_intent_sending;
        job->spec.before_arg = slb_intent_test(L, -1);
        if (!job->spec.before_arg) {
            job->spec.before_send = slb_intents_sending;
            job->spec.before_arg = slb_intents_test(L, -1);
        }
        if (!job->spec.before_arg) slb_usage(L, "intent must be one of store:outbox_claim, not a %s", luaL_typename(L, -1));
    }
    lua_pop(L, 1);
}

/* The request at idx; pushes the job, then the body. */
call_job *call_check_request(lua_State *L, int idx) {
    static const char *const known[] = {"operation", "method",   "url",    "headers",   "body",  "gzip",    "class",
                                        "resource",  "resend",   "counted", "success",  "deliver", "expect", "truth",
                                         "anonymous", "renew",    "timeout", "deadline", "max_answer", "token",
                                         "outcomes", "intent", NULL};
    slb_check_options(L, idx, "call", known);
    call_job *job = push_job(L);
    lua_pushvalue(L, idx);
    lua_setiuservalue(L, -2, 1); /* it lives as long as the job: so do its texts and its intent */
    sl_call_spec *s = &job->spec;
    s->operation = slb_opt_string(L, idx, "operation", "call");
    s->method = slb_opt_string(L, idx, "method", "GET");
    s->url = slb_opt_str(L, idx, "url", SL_STR(""));
    s->gzip = slb_opt_bool(L, idx, "gzip", false);
    s->rate_class = slb_opt_string(L, idx, "class", NULL);
    s->resource = slb_opt_string(L, idx, "resource", NULL);
    s->counted = slb_opt_bool(L, idx, "counted", false);
    s->expect = slb_opt_string(L, idx, "expect", NULL);
    s->truth = slb_opt_string(L, idx, "truth", NULL);
    s->anonymous = slb_opt_bool(L, idx, "anonymous", false);
    s->keep_token = !slb_opt_bool(L, idx, "renew", true);
    s->timeout_ms = slb_opt_ms(L, idx, "timeout", 0);
    s->deadline_ms = slb_opt_ms(L, idx, "deadline", 0);
    s->max_answer_bytes = (size_t)slb_opt_int(L, idx, "max_answer", 0);
    read_repeat(L, idx, job);
    read_intent(L, idx, job);
    read_statuses(L, idx, "success", s->success);
    read_statuses(L, idx, "deliver", s->deliver);
    read_headers(L, idx, job);
    read_rules(L, idx, job);
    read_body(L, idx, job);
    return job;
}

void call_request_type(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", job_gc}, {NULL, NULL}};
    slb_type(L, CALL_JOB, meta, NULL);
}
