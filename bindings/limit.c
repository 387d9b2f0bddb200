/* sluice.limit: rate buckets by hand. Calls to APIs pass theirs on their own; this is for what a script paces itself.
 * Every function takes the time, in seconds of one clock of the caller's choice. */
#include "bindings/slb.h"
#include "policy/limits.h"

#define BUCKET "sluice.limit.bucket"
#define SET "sluice.limit.set"
#define SET_MAX 100000

typedef struct bucket {
    sl_limit own;   /* a bucket of its own … */
    sl_limit *held; /* … or one that a set lends */
} bucket;

static int64_t to_us(lua_State *L, int arg) {
    lua_Number s = luaL_checknumber(L, arg);
    luaL_argcheck(L, s > -1e11 && s < 1e11, arg, "a time in seconds expected");
    return (int64_t)(s * 1e6 + (s < 0 ? -0.5 : 0.5));
}

static void push_s(lua_State *L, int64_t us) {
    lua_pushnumber(L, (lua_Number)us / 1e6);
}

static sl_limit *check(lua_State *L) {
    bucket *b = luaL_checkudata(L, 1, BUCKET);
    return b->held ? b->held : &b->own;
}

static void check_rates(lua_State *L, int arg, sl_rates *rates) {
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    sl_err err;
    if (sl_rates_parse(rates, sl_str_make(text, len), &err) < 0) slb_raise(L, &err);
}

static bucket *push_bucket(lua_State *L) {
    bucket *b = lua_newuserdatauv(L, sizeof *b, 1);
    memset(b, 0, sizeof *b);
    luaL_setmetatable(L, BUCKET);
    return b;
}

/* limit.new(rates) -> bucket */
static int l_new(lua_State *L) {
    sl_rates rates;
    check_rates(L, 1, &rates);
    push_bucket(L)->own.rates = rates;
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
    lua_createtable(L, rates.count, 1);
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
    return 1;
}

/* limit.set(max) -> set */
static int l_set(lua_State *L) {
    lua_Integer max = luaL_checkinteger(L, 1);
    luaL_argcheck(L, max >= 1 && max <= SET_MAX, 1, "between 1 and 100000 buckets expected");
    sl_limits **box = slb_box(L, SET);
    *box = sl_limits_new((size_t)max);
    if (!*box) return luaL_error(L, "out of memory");
    return 1;
}

static int set_gc(lua_State *L) {
    sl_limits **box = luaL_checkudata(L, 1, SET);
    sl_limits_free(*box);
    *box = NULL;
    return 0;
}

/* set:bucket({host=, account=, class=, resource=}, rates, now) -> bucket | nil, err */
static int set_bucket(lua_State *L) {
    static const char *const known[] = {"host", "account", "class", "resource", NULL};
    sl_limits *set = slb_unbox(L, 1, SET);
    slb_check_options(L, 2, "bucket", known);
    sl_limit_key key = {slb_opt_str(L, 2, "host", SL_STR("")), slb_opt_str(L, 2, "account", SL_STR("")),
                        slb_opt_str(L, 2, "class", SL_STR("")), slb_opt_str(L, 2, "resource", SL_STR(""))};
    sl_rates rates;
    sl_err err;
    check_rates(L, 3, &rates);
    int64_t now = to_us(L, 4);
    bucket *b = push_bucket(L);
    b->held = sl_limits_hold(set, &key, &rates, now, &err);
    if (!b->held) return slb_fail(L, &err);
    lua_pushvalue(L, 1); /* the set lives as long as what it lends */
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* #set -> buckets in it */
static int set_len(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)sl_limits_count(slb_unbox(L, 1, SET)));
    return 1;
}

/* At the end of the Lua state the set may be collected before its buckets: then there is nothing to give back. */
static int bucket_gc(lua_State *L) {
    bucket *b = luaL_checkudata(L, 1, BUCKET);
    lua_getiuservalue(L, 1, 1);
    sl_limits **set = luaL_testudata(L, -1, SET);
    if (b->held && set && *set) sl_limits_release(b->held);
    b->held = NULL;
    return 0;
}

/* bucket:take(now) -> 0 (taken: send now) | seconds to wait */
static int l_take(lua_State *L) {
    sl_limit *l = check(L);
    push_s(L, sl_bucket_take(&l->bucket, &l->rates, to_us(L, 2)));
    return 1;
}

/* bucket:reserve(now) -> time of the slot */
static int l_reserve(lua_State *L) {
    sl_limit *l = check(L);
    push_s(L, sl_bucket_reserve(&l->bucket, &l->rates, to_us(L, 2)));
    return 1;
}

/* bucket:claim(slot, now) -> 0 (send now) | seconds to wait on */
static int l_claim(lua_State *L) {
    sl_limit *l = check(L);
    push_s(L, sl_bucket_claim(&l->bucket, &l->rates, to_us(L, 2), to_us(L, 3)));
    return 1;
}

/* bucket:cancel(slot, now) -> true where the slot came back */
static int l_cancel(lua_State *L) {
    sl_limit *l = check(L);
    lua_pushboolean(L, sl_bucket_cancel(&l->bucket, &l->rates, to_us(L, 2), to_us(L, 3)));
    return 1;
}

/* bucket:learn(count, window, now) -> true where it changed something */
static int l_learn(lua_State *L) {
    sl_limit *l = check(L);
    lua_Integer count = luaL_checkinteger(L, 2);
    lua_pushboolean(L, sl_bucket_learn(&l->bucket, &l->rates, count, to_us(L, 3), to_us(L, 4)));
    return 1;
}

/* bucket:penalty(until, now) */
static int l_penalty(lua_State *L) {
    sl_limit *l = check(L);
    sl_bucket_penalty(&l->bucket, &l->rates, to_us(L, 2), to_us(L, 3));
    return 0;
}

/* bucket:shift(seconds) */
static int l_shift(lua_State *L) {
    sl_bucket_shift(&check(L)->bucket, to_us(L, 2));
    return 0;
}

/* bucket:state(now) -> { rates=, interval=, wait=, fill=, learnt=, blocked= } */
static int l_state(lua_State *L) {
    sl_limit *l = check(L);
    int64_t now = to_us(L, 2);
    const sl_bucket *b = &l->bucket;
    lua_createtable(L, 0, 6);
    push_rates_text(L, &l->rates);
    lua_setfield(L, -2, "rates");
    push_number_field(L, "interval", (lua_Number)sl_bucket_interval_us(b, &l->rates, now) / 1e6);
    push_number_field(L, "wait", (lua_Number)sl_bucket_wait(b, &l->rates, now) / 1e6);
    push_number_field(L, "fill", (lua_Number)sl_bucket_fill_permille(b, &l->rates, now) / 1000);
    push_number_field(L, "blocked", b->blocked_us > now ? (lua_Number)(b->blocked_us - now) / 1e6 : 0);
    if (b->learnt_count)
        push_number_field(L, "learnt", (lua_Number)b->learnt_count * 1e6 / (lua_Number)b->learnt_window_us);
    return 1;
}

static const luaL_Reg bucket_methods[] = {{"take", l_take},     {"reserve", l_reserve}, {"claim", l_claim},
                                          {"cancel", l_cancel}, {"learn", l_learn},     {"penalty", l_penalty},
                                          {"shift", l_shift},   {"state", l_state},     {NULL, NULL}};
static const luaL_Reg bucket_meta[] = {{"__gc", bucket_gc}, {NULL, NULL}};
static const luaL_Reg set_methods[] = {{"bucket", set_bucket}, {NULL, NULL}};
static const luaL_Reg set_meta[] = {{"__gc", set_gc}, {"__len", set_len}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"new", l_new}, {"parse", l_parse}, {"set", l_set}, {NULL, NULL}};

int luaopen_sluice_limit(lua_State *L);
int luaopen_sluice_limit(lua_State *L) {
    slb_type(L, BUCKET, bucket_meta, bucket_methods);
    slb_type(L, SET, set_meta, set_methods);
    luaL_newlib(L, functions);
    return 1;
}
