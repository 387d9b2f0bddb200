/* sluice.retry: what follows a failure, by hand. Calls to APIs do this on their own. */
#include <math.h>

#include "bindings/slb.h"
#include "policy/retry.h"
#include "work/pause.h"

#define BUDGET "sluice.retry.budget"

static int64_t check_ms(lua_State *L, int arg) {
    lua_Number s = luaL_checknumber(L, arg);
    luaL_argcheck(L, s > -1e12 && s < 1e12, arg, "a time in seconds expected");
    return (int64_t)llround(s * 1000);
}

static sl_outcome check_outcome(lua_State *L, int idx) {
    sl_outcome outcome = SL_OUTCOME_OK;
    sl_err err;
    if (sl_outcome_parse(&outcome, slb_opt_str(L, idx, "outcome", SL_STR("")), &err) < 0)
        slb_usage(L, "retry.decide: %s", err.msg);
    return outcome;
}

static sl_retry_policy check_policy(lua_State *L, int idx) {
    sl_retry_policy p = SL_RETRY_POLICY;
    p.attempts = (int)slb_opt_int(L, idx, "attempts", p.attempts);
    p.limited_attempts = (int)slb_opt_int(L, idx, "limited_attempts", p.limited_attempts);
    p.base_ms = slb_opt_ms(L, idx, "base", p.base_ms);
    p.cap_ms = slb_opt_ms(L, idx, "cap", p.cap_ms);
    if (p.base_ms < 1 || p.cap_ms < p.base_ms) slb_usage(L, "retry.decide: base must be above 0, cap not below it");
    return p;
}

static void push_verdict(lua_State *L, const sl_retry_verdict *v) {
    static const char *const names[] = {"deliver", "again", "refresh", "give_up"};
    lua_createtable(L, 0, 4);
    lua_pushstring(L, names[v->what]);
    lua_setfield(L, -2, "what");
    lua_pushstring(L, v->reason);
    lua_setfield(L, -2, "reason");
    if (v->what == SL_RETRY_AGAIN) slb_set_seconds(L, "wait", v->wait_ms);
    if (v->what != SL_RETRY_GIVE_UP) return;
    lua_pushstring(L, sl_code_name(v->code));
    lua_setfield(L, -2, "code");
}

static sl_retry_budget *opt_budget(lua_State *L, int idx) {
    lua_getfield(L, idx, "budget");
    sl_retry_budget *b = lua_isnil(L, -1) ? NULL : luaL_testudata(L, -1, BUDGET);
    if (!b && !lua_isnil(L, -1)) slb_usage(L, "retry.decide: budget must be made by retry.budget()");
    lua_pop(L, 1); /* the options keep it alive */
    return b;
}

/* retry.decide{outcome=, code=, repeat_=, sent=, attempt=, now=, …} -> { what=, wait=, code=, reason= } */
static int l_decide(lua_State *L) {
    static const char *const known[] = {
        "outcome", "code",   "repeat_", "sent",     "refreshed",        "attempt", "now", "deadline",
        "hint",    "random", "budget",  "attempts", "limited_attempts", "base",    "cap", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    slb_check_options(L, 1, "retry.decide", known);
    sl_err err;
    sl_retry_case c = {.outcome = check_outcome(L, 1)};
    c.code = sl_code_of(slb_opt_string(L, 1, "code", ""));
    if (sl_repeat_parse(&c.repeat, slb_opt_str(L, 1, "repeat_", SL_STR("safe")), &err) < 0)
        slb_usage(L, "%s", err.msg);
    c.body_sent = slb_opt_bool(L, 1, "sent", true);
    c.refreshed = slb_opt_bool(L, 1, "refreshed", false);
    c.attempt = (int)slb_opt_int(L, 1, "attempt", 1);
    c.now_ms = slb_opt_ms(L, 1, "now", 0);
    c.deadline_ms = slb_opt_ms(L, 1, "deadline", INT64_MAX);
    c.hint_ms = slb_opt_ms(L, 1, "hint", -1);
    c.random = slb_opt_number(L, 1, "random", 0.5);
    if (!(c.random >= 0 && c.random < 1)) slb_usage(L, "retry.decide: random must be in [0, 1)");
    c.budget = opt_budget(L, 1);
    sl_retry_policy policy = check_policy(L, 1);
    sl_retry_verdict v = sl_retry_decide(&policy, &c);
    push_verdict(L, &v);
    return 1;
}

/* retry.budget() -> budget */
static int l_budget(lua_State *L) {
    sl_retry_budget *b = lua_newuserdatauv(L, sizeof *b, 0);
    memset(b, 0, sizeof *b);
    luaL_setmetatable(L, BUDGET);
    return 1;
}

/* budget:earn(now) */
static int budget_earn(lua_State *L) {
    sl_retry_budget_earn(luaL_checkudata(L, 1, BUDGET), check_ms(L, 2));
    return 0;
}

/* budget:spend(now) -> true where a resend was left */
static int budget_spend(lua_State *L) {
    lua_pushboolean(L, sl_retry_budget_spend(luaL_checkudata(L, 1, BUDGET), check_ms(L, 2)));
    return 1;
}

static int push_hint(lua_State *L, int64_t ms) {
    if (ms < 0) return 0;
    lua_pushnumber(L, (lua_Number)ms / 1000);
    return 1;
}

static sl_str opt_text(lua_State *L, int arg) {
    size_t len;
    const char *text = luaL_optlstring(L, arg, "", &len);
    return sl_str_make(text, len);
}

/* retry.after(retry_after, date, now, max) -> seconds | nothing */
static int l_after(lua_State *L) {
    return push_hint(L, sl_pause_after_ms(opt_text(L, 1), opt_text(L, 2), check_ms(L, 3), check_ms(L, 4)));
}

/* retry.reset(reset, date, now, max) -> seconds | nothing */
static int l_reset(lua_State *L) {
    return push_hint(L, sl_pause_reset_ms(opt_text(L, 1), opt_text(L, 2), check_ms(L, 3), check_ms(L, 4)));
}

static const luaL_Reg methods[] = {{"earn", budget_earn}, {"spend", budget_spend}, {NULL, NULL}};
static const luaL_Reg meta[] = {{NULL, NULL}};
static const luaL_Reg functions[] = {
    {"after", l_after}, {"budget", l_budget}, {"decide", l_decide}, {"reset", l_reset}, {NULL, NULL}};

int luaopen_sluice_retry(lua_State *L);
int luaopen_sluice_retry(lua_State *L) {
    slb_type(L, BUDGET, meta, methods);
    luaL_newlib(L, functions);
    return 1;
}
