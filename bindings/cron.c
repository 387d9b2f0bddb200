/* sluice.cron: when schedules are due. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bindings/slb.h"
#include "data/civil.h"
#include "io/zones.h"
#include "policy/cron.h"

#define SPEC "sluice.cron"
#define ZONES "sluice.cron.zones"
#define TIMES_MAX 1000000

static const char zones_key; /* its address is the registry key of the zones that this state shares */

/* ---- zones ---- */

static int zones_gc(lua_State *L) {
    sl_zones **box = luaL_checkudata(L, 1, ZONES);
    sl_zones_free(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg zones_meta[] = {{"__gc", zones_gc}, {NULL, NULL}};

static sl_zones *zones_of(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &zones_key);
    sl_zones **box = lua_touserdata(L, -1);
    lua_pop(L, 1); /* the registry keeps it */
    return *box;
}

static void make_zones(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &zones_key) == LUA_TNIL) {
        sl_zones **box = slb_box(L, ZONES);
        *box = sl_zones_new(NULL);
        if (!*box) luaL_error(L, "out of memory for time zones");
        lua_rawsetp(L, LUA_REGISTRYINDEX, &zones_key);
    }
    lua_pop(L, 1);
}

static sl_zone *find_zone(void *self, sl_str name, sl_err *err) {
    return sl_zones_get(self, name, err);
}

/* ---- arguments ---- */

static sl_cron *check(lua_State *L) {
    return slb_unbox(L, 1, SPEC);
}

/* Whole seconds: a due time is later than t where it is later than the second that t lies in. */
static int64_t check_time(lua_State *L, int arg) {
    lua_Number t = luaL_checknumber(L, arg);
    luaL_argcheck(L, t > -1e12 && t < 1e12, arg, "a time in seconds expected");
    return (int64_t)floor(t);
}

static lua_Integer check_count(lua_State *L, int arg) {
    lua_Integer n = luaL_checkinteger(L, arg);
    luaL_argcheck(L, n >= 0 && n <= TIMES_MAX, arg, "0 to 1,000,000 times");
    return n;
}

static int push_text(lua_State *L, sl_buf *b, int rc, const sl_err *err) {
    if (rc == 0) lua_pushlstring(L, b->data, b->len);
    sl_buf_free(b);
    if (rc < 0) slb_raise(L, err);
    return 1;
}

/* ---- making ---- */

/* nil and the error, with line, column and reason; the message has all three. */
static int fail_at(lua_State *L, sl_err *err, sl_cron_place place) {
    char reason[sizeof err->msg];
    memcpy(reason, err->msg, sizeof reason);
    snprintf(err->msg, sizeof err->msg, "line %d, column %d: %.480s", place.line, place.column, reason);
    slb_fail(L, err);
    slb_set_int(L, "line", place.line);
    slb_set_int(L, "column", place.column);
    slb_set_text(L, "reason", reason);
    return 2;
}

/* cron.parse(text, {name=, zone=}) -> spec | nil, err */
static int l_parse(lua_State *L) {
    static const char *const known[] = {"name", "zone", NULL};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    slb_check_options(L, 2, "cron.parse", known);
    sl_cron_options options = {.name = slb_opt_str(L, 2, "name", SL_STR("")),
                               .zone = slb_opt_str(L, 2, "zone", SL_STR("UTC")),
                               .find_zone = find_zone,
                               .self = zones_of(L)};
    sl_cron **box = slb_box(L, SPEC);
    sl_cron_place place;
    sl_err err;
    *box = sl_cron_parse(sl_str_make(text, len), &options, &place, &err);
    return *box ? 1 : fail_at(L, &err, place);
}

/* cron.every(seconds, {name=}) -> spec */
static int l_every(lua_State *L) {
    static const char *const known[] = {"name", NULL};
    lua_Integer seconds = luaL_checkinteger(L, 1);
    slb_check_options(L, 2, "cron.every", known);
    sl_str name = slb_opt_str(L, 2, "name", SL_STR(""));
    sl_cron **box = slb_box(L, SPEC);
    sl_err err;
    sl_zone *utc = sl_zones_get(zones_of(L), SL_STR("UTC"), &err);
    *box = utc ? sl_cron_every(seconds, name, utc, &err) : NULL;
    sl_zone_free(utc);
    if (!*box) slb_raise(L, &err);
    return 1;
}

static int l_gc(lua_State *L) {
    sl_cron **box = luaL_checkudata(L, 1, SPEC);
    sl_cron_free(*box);
    *box = NULL;
    return 0;
}

/* ---- asking ---- */

/* spec:next(after) -> time | nil */
static int l_next(lua_State *L) {
    int64_t t;
    if (!sl_cron_next(check(L), check_time(L, 2), &t)) return 0;
    lua_pushinteger(L, t);
    return 1;
}

/* Pushes the due times after `after`, up to `upto` and `most` of them. */
static void push_times(lua_State *L, const sl_cron *cron, int64_t after, int64_t upto, lua_Integer most) {
    lua_newtable(L);
    for (lua_Integer n = 1; n <= most && sl_cron_next(cron, after, &after) && after <= upto; n++) {
        lua_pushinteger(L, after);
        lua_rawseti(L, -2, n);
    }
}

/* spec:times(after, count) -> list */
static int l_times(lua_State *L) {
    push_times(L, check(L), check_time(L, 2), INT64_MAX, check_count(L, 3));
    return 1;
}

/* spec:count(after, upto) -> n, first, last */
static int l_count(lua_State *L) {
    const sl_cron *cron = check(L);
    int64_t after = check_time(L, 2), upto = check_time(L, 3), first, last;
    int64_t count = sl_cron_count(cron, after, upto);
    lua_pushinteger(L, count);
    if (count == 0 || !sl_cron_next(cron, after, &first)) return 1;
    if (!sl_cron_next(cron, sl_cron_before_last(cron, after, upto, 1), &last)) return 1;
    lua_pushinteger(L, first);
    lua_pushinteger(L, last);
    return 3;
}

/* spec:last(after, upto, n) -> list */
static int l_last(lua_State *L) {
    const sl_cron *cron = check(L);
    int64_t after = check_time(L, 2), upto = check_time(L, 3);
    lua_Integer n = check_count(L, 4);
    if (after < upto) after = sl_cron_before_last(cron, after, upto, n > 0 ? n : 1);
    push_times(L, cron, after, upto, n);
    return 1;
}

/* spec:format(time) -> text */
static int l_format(lua_State *L) {
    sl_err err;
    sl_buf b;
    sl_buf_init(&b, 64);
    return push_text(L, &b, sl_cron_format(check(L), check_time(L, 2), &b, &err), &err);
}

/* spec:describe() -> list of texts */
static int l_describe(lua_State *L) {
    const sl_cron *cron = check(L);
    lua_newtable(L);
    for (size_t i = 0; i < sl_cron_lines(cron); i++) {
        sl_err err;
        sl_buf b;
        sl_buf_init(&b, 4096);
        push_text(L, &b, sl_cron_describe(cron, i, &b, &err), &err);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static void push_local(lua_State *L, int64_t minute) {
    char text[40];
    sl_civil date = sl_civil_of(sl_civil_floor_div(minute, 1440));
    int in_day = (int)(minute - sl_civil_floor_div(minute, 1440) * 1440);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d", (int)date.year, date.month, date.day, in_day / 60,
             in_day % 60);
    lua_pushstring(L, text);
}

/* Appends an entry to the list on top of the stack. */
static void push_change(void *self, const sl_cron_change *change) {
    lua_State *L = self;
    sl_err err;
    sl_buf b;
    sl_buf_init(&b, 1024);
    lua_createtable(L, 0, 5);
    slb_set_text(L, "kind", sl_cron_effect_name(change->effect));
    slb_set_int(L, "at", change->at_s);
    slb_set_int(L, "count", change->count);
    push_text(L, &b, sl_cron_change_text(change, &b, &err), &err);
    lua_setfield(L, -2, "text");
    lua_newtable(L);
    for (int i = 0; i < SL_CRON_SHOWN && i < change->count; i++) {
        push_local(L, change->minutes[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "locals");
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* spec:changes(after, upto) -> list */
static int l_changes(lua_State *L) {
    const sl_cron *cron = check(L);
    int64_t after = check_time(L, 2), upto = check_time(L, 3);
    lua_newtable(L);
    sl_cron_changes(cron, after, upto, push_change, L);
    return 1;
}

static const luaL_Reg methods[] = {{"next", l_next},         {"times", l_times},   {"count", l_count},
                                   {"last", l_last},         {"format", l_format}, {"changes", l_changes},
                                   {"describe", l_describe}, {NULL, NULL}};

/* spec.zone, spec.empty, spec.interval, or a method (upvalue 1) */
static int l_index(lua_State *L) {
    const sl_cron *cron = check(L);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(key, "zone") == 0)
        lua_pushstring(L, sl_zone_name(sl_cron_zone(cron)));
    else if (strcmp(key, "empty") == 0)
        lua_pushboolean(L, sl_cron_empty(cron));
    else if (strcmp(key, "interval") == 0 && sl_cron_interval(cron) > 0)
        lua_pushinteger(L, sl_cron_interval(cron));
    else
        lua_getfield(L, lua_upvalueindex(1), key);
    return 1;
}

static const luaL_Reg meta[] = {{"__gc", l_gc}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"parse", l_parse}, {"every", l_every}, {NULL, NULL}};

int luaopen_sluice_cron(lua_State *L);
int luaopen_sluice_cron(lua_State *L) {
    slb_type(L, ZONES, zones_meta, NULL);
    slb_type(L, SPEC, meta, NULL);
    luaL_getmetatable(L, SPEC);
    luaL_newlib(L, methods);
    lua_pushcclosure(L, l_index, 1);
    lua_setfield(L, -2, "__index");
    make_zones(L);
    luaL_newlib(L, functions);
    return 1;
}
