/* sluice.limit: rate buckets by hand. Calls to APIs pass theirs on their own; this is for what a script paces itself.
 * Every function takes the time, in seconds of one clock of the caller's choice. */
#include <stdlib.h>
#include <string.h>

#include "bindings/slb.h"
#include "state/budget.h"

#define BUCKET "sluice.limit.bucket"
#define SET "sluice.limit.set"
#define WAITER "sluice.limit.waiter"
#define SHARED "sluice.limit.shared"
#define SET_MAX 100000

typedef struct bucket {
    sl_rates rates;
    sl_bucket state;
} bucket;

typedef struct waiter {
    sl_limits *set; /* lives as its user value; NULL once it has left */
    sl_rates rates;
    int place;
} waiter;

static int64_t to_us(lua_State *L, int arg) {
    lua_Number s = luaL_checknumber(L, arg);
    luaL_argcheck(L, s > -1e11 && s < 1e11, arg, "a time in seconds expected");
    return (int64_t)(s * 1e6 + (s < 0 ? -0.5 : 0.5));
}

static void push_s(lua_State *L, int64_t us) {
    lua_pushnumber(L, (lua_Number)us / 1e6);
}

static void check_rates(lua_State *L, int arg, sl_rates *rates) {
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    sl_err err;
    if (sl_rates_parse(rates, sl_str_make(text, len), &err) < 0) slb_raise(L, &err);
}

/* limit.new(rates) -> bucket */
static int l_new(lua_State *L) {
    sl_rates rates;
    check_rates(L, 1, &rates);
    bucket *b = lua_newuserdatauv(L, sizeof *b, 0);
    *b = (bucket){.rates = rates};
    luaL_setmetatable(L, BUCKET);
    return 1;
}

static void push_number_field(lua_State *L, const char *key, lua_Number value) {
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

static void push_rates_text(lua_State *L, const sl_rates *rates) {
    sl_buf text;
    sl_err err;
    sl_buf_init(&text, 1024);
    int rc = sl_rates_print(rates, &text, &err);
    if (rc == 0) lua_pushlstring(L, text.data, text.len);
    sl_buf_free(&text);
    if (rc < 0) slb_raise(L, &err);
}

/* limit.parse(text) -> { {count=, window=, burst=}, …, text= } | nil, err */
static int l_parse(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    sl_rates rates;
    sl_err err;
    if (sl_rates_parse(&rates, sl_str_make(text, len), &err) < 0) return slb_fail(L, &err);
    lua_createtable(L, rates.count, 2);
    for (int i = 0; i < rates.count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushinteger(L, rates.at[i].count);
        lua_setfield(L, -2, "count");
        push_number_field(L, "window", (lua_Number)rates.at[i].window_us / 1e6);
        lua_pushinteger(L, rates.at[i].burst);
        lua_setfield(L, -2, "burst");
        lua_rawseti(L, -2, i + 1);
    }
    push_rates_text(L, &rates);
    lua_setfield(L, -2, "text");
    if (rates.concurrent) push_number_field(L, "concurrent", rates.concurrent);
    return 1;
}

/* ---- buckets ---- */

/* bucket:take(now) -> 0 (taken: send now) | seconds to wait */
static int bucket_take(lua_State *L) {
    bucket *b = luaL_checkudata(L, 1, BUCKET);
    push_s(L, sl_bucket_take(&b->state, &b->rates, to_us(L, 2)));
    return 1;
}

static int learn(lua_State *L, sl_bucket *b, const sl_rates *rates) {
    lua_Integer count = luaL_checkinteger(L, 2);
    lua_pushboolean(L, sl_bucket_learn(b, rates, count, to_us(L, 3), to_us(L, 4)));
    return 1;
}

/* bucket:learn(count, window, now) -> true where it changed something */
static int bucket_learn(lua_State *L) {
    bucket *b = luaL_checkudata(L, 1, BUCKET);
    return learn(L, &b->state, &b->rates);
}

/* bucket:penalty(until, now) */
static int bucket_penalty(lua_State *L) {
    bucket *b = luaL_checkudata(L, 1, BUCKET);
    sl_bucket_penalty(&b->state, &b->rates, to_us(L, 2), to_us(L, 3));
    return 0;
}

static void set_state(lua_State *L, const sl_bucket *b, const sl_rates *rates, int64_t now) {
    push_rates_text(L, rates);
    lua_setfield(L, -2, "rates");
    push_number_field(L, "interval", (lua_Number)sl_bucket_interval_us(b, rates, now) / 1e6);
    push_number_field(L, "wait", (lua_Number)sl_bucket_wait(b, rates, now) / 1e6);
    push_number_field(L, "fill", (lua_Number)sl_bucket_fill_permille(b, rates, now) / 1000);
    push_number_field(L, "blocked", b->blocked_us > now ? (lua_Number)(b->blocked_us - now) / 1e6 : 0);
    if (b->learnt_count)
        push_number_field(L, "learnt", (lua_Number)b->learnt_count * 1e6 / (lua_Number)b->learnt_window_us);
}

/* bucket:state(now) -> { rates=, interval=, wait=, fill=, learnt=, blocked= } */
static int bucket_state(lua_State *L) {
    const bucket *b = luaL_checkudata(L, 1, BUCKET);
    int64_t now = to_us(L, 2);
    lua_createtable(L, 0, 6);
    set_state(L, &b->state, &b->rates, now);
    return 1;
}

/* ---- sets: budgets, and those who wait for them ---- */

/* limit.set(max) -> set */
static int l_set(lua_State *L) {
    lua_Integer max = luaL_checkinteger(L, 1);
    luaL_argcheck(L, max >= 1 && max <= SET_MAX, 1, "between 1 and 100000 budgets expected");
    sl_limits **box = slb_box(L, SET);
    *box = calloc(1, sl_limits_bytes((uint32_t)max));
    if (!*box) return luaL_error(L, "out of memory");
    sl_limits_init(*box, (uint32_t)max);
    return 1;
}

static int set_gc(lua_State *L) {
    sl_limits **box = luaL_checkudata(L, 1, SET);
    free(*box);
    *box = NULL;
    return 0;
}

/* set:join({host=, account=, class=, resource=}, rates, now, {owner=, interactive=}) -> waiter | nil, err */
static int set_join(lua_State *L) {
    static const char *const known[] = {"host", "account", "class", "resource", NULL};
    static const char *const options[] = {"owner", "interactive", NULL};
    sl_limits *set = slb_unbox(L, 1, SET);
    lua_settop(L, 5);
    slb_check_options(L, 2, "join", known);
    slb_check_options(L, 5, "join", options);
    sl_limit_key key = {slb_opt_str(L, 2, "host", SL_STR("")), slb_opt_str(L, 2, "account", SL_STR("")),
                        slb_opt_str(L, 2, "class", SL_STR("")), slb_opt_str(L, 2, "resource", SL_STR(""))};
    sl_rates rates;
    sl_err err;
    check_rates(L, 3, &rates);
    int64_t now = to_us(L, 4);
    uint32_t owner = (uint32_t)slb_opt_int(L, 5, "owner", 1);
    waiter *w = lua_newuserdatauv(L, sizeof *w, 1);
    *w = (waiter){.rates = rates};
    luaL_setmetatable(L, WAITER);
    int limit = sl_limits_find(set, &key, now, &err);
    if (limit < 0) return slb_fail(L, &err);
    w->place = sl_limits_join(set, limit, owner, slb_opt_bool(L, 5, "interactive", false), now, &err);
    if (w->place < 0) return slb_fail(L, &err);
    w->set = set;
    lua_pushvalue(L, 1); /* the set lives as long as those who wait in it */
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static waiter *check_waiter(lua_State *L) {
    waiter *w = luaL_checkudata(L, 1, WAITER);
    if (!w->set) slb_usage(L, "the waiter has left");
    return w;
}

/* waiter:ask(now) -> 0 (taken: send now) | seconds to wait, how many are ahead, whether they are late */
static int waiter_ask(lua_State *L) {
    const waiter *w = check_waiter(L);
    sl_turn turn = sl_limits_ask(w->set, w->place, &w->rates, to_us(L, 2));
    push_s(L, turn.wait_us);
    lua_pushinteger(L, turn.ahead);
    lua_pushboolean(L, turn.late);
    return 3;
}

static sl_bucket *bucket_of(const waiter *w) {
    return &w->set->limits[w->set->waiters[w->place].limit].bucket;
}

/* waiter:learn(count, window, now) -> true where it changed something */
static int waiter_learn(lua_State *L) {
    const waiter *w = check_waiter(L);
    return learn(L, bucket_of(w), &w->rates);
}

/* waiter:penalty(until, now) */
static int waiter_penalty(lua_State *L) {
    const waiter *w = check_waiter(L);
    sl_bucket_penalty(bucket_of(w), &w->rates, to_us(L, 2), to_us(L, 3));
    return 0;
}

/* waiter:leave(): out of the line, or done with sending. (At the end of the Lua state the set may be gone before.) */
static int waiter_leave(lua_State *L) {
    waiter *w = luaL_checkudata(L, 1, WAITER);
    lua_getiuservalue(L, 1, 1);
    sl_limits **set = luaL_testudata(L, -1, SET);
    if (w->set && set && *set) sl_limits_leave(w->set, w->place);
    w->set = NULL;
    return 0;
}

/* set:bury(owner) */
static int set_bury(lua_State *L) {
    sl_limits_bury(slb_unbox(L, 1, SET), (uint32_t)luaL_checkinteger(L, 2));
    return 0;
}

static void push_row(lua_State *L, const sl_limits *t, int at, int64_t now) {
    const sl_limit *l = &t->limits[at];
    int waiting, sending;
    sl_limits_count(t, at, &waiting, &sending);
    lua_createtable(L, 0, 18);
    slb_set_text(L, "host", l->host);
    slb_set_text(L, "account", l->account);
    slb_set_text(L, "class", l->rclass);
    slb_set_text(L, "resource", l->resource);
    slb_set_text(L, "from", l->bucket.learnt_count ? "learnt" : l->own ? "connection" : "definition");
    set_state(L, &l->bucket, &l->rates, now);
    push_number_field(L, "waited", (lua_Number)l->waited_us / 1e6);
    push_number_field(L, "idle", (lua_Number)(now - l->used_us) / 1e6);
    lua_Integer counts[] = {waiting, sending, l->sent, l->limited};
    static const char *const names[] = {"waiting", "sending", "sent", "limited"};
    for (size_t i = 0; i < 4; i++) {
        lua_pushinteger(L, counts[i]);
        lua_setfield(L, -2, names[i]);
    }
}

static int push_rows(lua_State *L, const sl_limits *t, int64_t now) {
    lua_newtable(L);
    for (uint32_t i = 0; i < t->max; i++) {
        if (t->limits[i].tag == 0 || t->limits[i].rates.count == 0) continue;
        push_row(L, t, (int)i, now);
        lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    }
    return 1;
}

/* set:rows(now) -> { {host=, …}, … } */
static int set_rows(lua_State *L) {
    return push_rows(L, slb_unbox(L, 1, SET), to_us(L, 2));
}

/* limit.shared(folder) -> the same of the budgets of this machine */
static int l_shared(lua_State *L) {
    sl_err err;
    sl_budget *b = sl_budget_open(luaL_optstring(L, 1, NULL), &err);
    if (!b) slb_raise(L, &err);
    sl_budget **box = slb_box(L, SHARED); /* before anything that can raise */
    *box = b;
    return push_rows(L, sl_budget_limits(b), sl_budget_now_us(b)); /* a look that is off by a moment needs no lock */
}

static int shared_gc(lua_State *L) {
    sl_budget **box = luaL_checkudata(L, 1, SHARED);
    sl_budget_close(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg bucket_methods[] = {{"take", bucket_take},
                                          {"learn", bucket_learn},
                                          {"penalty", bucket_penalty},
                                          {"state", bucket_state},
                                          {NULL, NULL}};
static const luaL_Reg waiter_methods[] = {{"ask", waiter_ask},
                                          {"learn", waiter_learn},
                                          {"penalty", waiter_penalty},
                                          {"leave", waiter_leave},
                                          {NULL, NULL}};
static const luaL_Reg set_methods[] = {{"join", set_join}, {"bury", set_bury}, {"rows", set_rows}, {NULL, NULL}};
static const luaL_Reg waiter_meta[] = {{"__gc", waiter_leave}, {NULL, NULL}};
static const luaL_Reg set_meta[] = {{"__gc", set_gc}, {NULL, NULL}};
static const luaL_Reg shared_meta[] = {{"__gc", shared_gc}, {NULL, NULL}};
static const luaL_Reg functions[] = {
    {"new", l_new}, {"parse", l_parse}, {"set", l_set}, {"shared", l_shared}, {NULL, NULL}};

int luaopen_sluice_limit(lua_State *L);
int luaopen_sluice_limit(lua_State *L) {
    slb_type(L, BUCKET, NULL, bucket_methods);
    slb_type(L, WAITER, waiter_meta, waiter_methods);
    slb_type(L, SET, set_meta, set_methods);
    slb_type(L, SHARED, shared_meta, NULL);
    luaL_newlib(L, functions);
    return 1;
}
