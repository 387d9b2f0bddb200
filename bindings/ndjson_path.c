/* Compiled paths on records (get, map), and the records in an array of an answer (elements). */
#include "bindings/ndjson_parts.h"

#include "data/path.h"
#include "data/scan.h"
#include "data/walk.h"

enum { PATHS_KEPT = 256, PLACES_BYTES = 64 << 20 };

/* ---- compiled paths, by their text ---- */

static int l_path_gc(lua_State *L) {
    sl_path **box = lua_touserdata(L, 1);
    sl_path_free(*box);
    *box = NULL;
    return 0;
}

/* Pushes the table of compiled paths; a new one when it has grown too large. */
static void push_cache(lua_State *L, ndjson_memory *m) {
    if (lua_getiuservalue(L, lua_upvalueindex(UP_MEMORY), 1) == LUA_TTABLE && m->paths < PATHS_KEPT) return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, lua_upvalueindex(UP_MEMORY), 1);
    m->paths = 0;
}

const sl_path *path_check(lua_State *L, int arg, const char *what) {
    static const luaL_Reg meta[] = {{"__gc", l_path_gc}, {NULL, NULL}};
    ndjson_memory *m = ndjson_memory_up(L);
    sl_str text;
    sl_err err;
    if (lua_type(L, arg) != LUA_TSTRING) slb_usage(L, "%s: a path is a text, not a %s", what, luaL_typename(L, arg));
    text.ptr = lua_tolstring(L, arg, &text.len);
    push_cache(L, m);
    lua_pushvalue(L, arg);
    if (lua_rawget(L, -2) == LUA_TUSERDATA) return *(sl_path **)lua_touserdata(L, -1);
    lua_pop(L, 1);
    slb_type(L, "sluice.path", meta, NULL);
    sl_path **box = slb_box(L, "sluice.path");
    *box = sl_path_new(text, &err);
    if (!*box) slb_raise(L, &err);
    lua_pushvalue(L, arg);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    m->paths++;
    return *box;
}

/* ---- places ---- */

/* What a call of get or map works with; collected with it, whatever raises. */
typedef struct job {
    const sl_path *path;
    sl_buf places; /* of sl_place */
    sl_buf texts;  /* map: the new values, one behind the other */
    sl_buf ends;   /* map: size_t, where each ends; as the one before: it stays as it is */
    size_t done;   /* map: values that were handed to the function */
    uint32_t edits;
} job;

static int l_job_gc(lua_State *L) {
    job *j = lua_touserdata(L, 1);
    sl_buf_free(&j->places);
    sl_buf_free(&j->texts);
    sl_buf_free(&j->ends);
    return 0;
}

static job *push_job(lua_State *L, const sl_path *path) {
    static const luaL_Reg meta[] = {{"__gc", l_job_gc}, {NULL, NULL}};
    job *j = lua_newuserdatauv(L, sizeof *j, 0);
    *j = (job){.path = path};
    sl_buf_init(&j->places, PLACES_BYTES);
    sl_buf_init(&j->texts, SL_RECORD_MAX);
    sl_buf_init(&j->ends, PLACES_BYTES);
    slb_type(L, "sluice.path.job", meta, NULL);
    luaL_setmetatable(L, "sluice.path.job");
    return j;
}

/* 1 where the first step of the path is a name that the value has, 0 where it has not, -1 where it is no name. */
static int first_step(lua_State *L, const sl_path *path, const record_node *n, sl_place *first) {
    sl_str name;
    if (!sl_path_first_name(path, &name)) return -1;
    sl_index *x = record_index(L, n);
    ptrdiff_t i = sl_index_find(x, &n->root->rec, name);
    if (i < 0) return 0;
    *first = (sl_place){n->at, (uint32_t)i, x->members[i].at, x->members[i].end};
    return 1;
}

static size_t places_find(lua_State *L, job *j, const record_node *n) {
    sl_err err;
    sl_place first;
    const sl_record *r = &n->root->rec;
    sl_str text = sl_str_make(r->text, r->len);
    sl_buf_clear(&j->places);
    int rc = first_step(L, j->path, n, &first);
    if (rc > 0) rc = sl_path_find_from(j->path, text, first, &j->places, &err);
    else if (rc < 0) rc = sl_path_find(j->path, text, n->at, &j->places, &err);
    if (rc < 0) slb_raise(L, &err);
    j->edits = r->edits;
    return j->places.len / sizeof(sl_place);
}

static sl_place place_of(const job *j, size_t i) {
    return ((const sl_place *)(const void *)j->places.data)[i];
}

static sl_str place_text(const record_node *n, sl_place p) {
    return sl_str_make(n->root->rec.text + p.at, p.end - p.at);
}

/* ---- get ---- */

static bool get_one(lua_State *L, const sl_path *path, const record_node *n, sl_str *value) {
    sl_place first;
    int rc = first_step(L, path, n, &first);
    if (rc > 0) return sl_path_get_from(path, sl_str_make(n->root->rec.text + first.at, first.end - first.at), value);
    return rc < 0 && sl_path_get(path, record_text(n), value);
}

/* get(rec, path) -> value | nil; with [*] in the path the list of all values */
static int l_get(lua_State *L) {
    record_node *n = record_get(L, 1, "ndjson.get");
    const sl_path *path = path_check(L, 2, "ndjson.get");
    sl_str value;
    if (sl_path_steps(path) == 0) {
        lua_pushvalue(L, 1);
        return 1;
    }
    if (!sl_path_many(path)) {
        if (!get_one(L, path, n, &value)) return 0;
        record_push_value(L, 1, n, value);
        return 1;
    }
    job *j = push_job(L, path);
    size_t count = places_find(L, j, n);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        record_push_value(L, 1, n, place_text(n, place_of(j, i)));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- map ---- */

/* On the stack of map: the record, the path, the function, the compiled path (and its table), the job. */
enum { MAP_REC = 1, MAP_FN = 3, MAP_JOB = 6, MAP_VALUE = 7, MAP_ANSWER = 8 };

/* What the function changed by itself moved the places; as long as they are as many, each is found again. */
static void find_again(lua_State *L, job *j, const record_node *n) {
    size_t before = j->places.len;
    if (j->edits == n->root->rec.edits) return;
    places_find(L, j, n);
    if (j->places.len != before)
        slb_usage(L, "ndjson.map: the function changed the record so that the path leads to other values");
}

/* Takes the function's answer: nil, or the view it was given, leaves the value as it is. */
static void take_answer(lua_State *L, job *j) {
    sl_err err;
    bool same = lua_isnil(L, MAP_ANSWER);
    if (!same && lua_type(L, MAP_ANSWER) == LUA_TUSERDATA) same = lua_rawequal(L, MAP_VALUE, MAP_ANSWER);
    if (!same) badline_raise(L, MAP_ANSWER);
    if (!same && slb_json_put(L, MAP_ANSWER, &j->texts, &err) < 0) slb_raise(L, &err);
    if (sl_buf_put(&j->ends, &j->texts.len, sizeof j->texts.len, &err) < 0) slb_raise(L, &err);
    j->done++;
}

/* From the last to the first, so that the places before stay right. */
static void put_answers(lua_State *L, job *j, const record_node *n) {
    const size_t *ends = (const size_t *)(const void *)j->ends.data;
    sl_indexes *all = &n->root->memory->indexes;
    if (j->texts.len == 0) return;
    record_room(L, MAP_REC, n, 0, j->texts.len);
    for (size_t i = j->done; i-- > 0;) {
        size_t start = i ? ends[i - 1] : 0;
        if (ends[i] == start) continue;
        sl_place p = place_of(j, i);
        sl_record_replace(&n->root->rec, all, p.at, p.end, sl_str_make(j->texts.data + start, ends[i] - start));
    }
}

/* The function may wait, so this is left and entered again between its calls (ctx 1: an answer is on the stack). */
static int map_step(lua_State *L, int status, lua_KContext ctx) {
    job *j = lua_touserdata(L, MAP_JOB);
    (void)status;
    for (;; ctx = 1) {
        if (ctx) take_answer(L, j);
        lua_settop(L, MAP_JOB);
        record_node *n = record_get(L, MAP_REC, "ndjson.map");
        find_again(L, j, n);
        if (j->done == j->places.len / sizeof(sl_place)) {
            put_answers(L, j, n);
            lua_pushinteger(L, (lua_Integer)j->done);
            return 1;
        }
        record_push_value(L, MAP_REC, n, place_text(n, place_of(j, j->done)));
        lua_pushvalue(L, MAP_FN);
        lua_pushvalue(L, MAP_VALUE);
        lua_callk(L, 1, 1, 1, map_step);
    }
}

/* map(rec, path, fn) -> number of values; fn(value) -> new value | nil to leave it as it is */
static int l_map(lua_State *L) {
    luaL_checktype(L, MAP_FN, LUA_TFUNCTION);
    lua_settop(L, MAP_FN);
    record_node *n = record_get(L, MAP_REC, "ndjson.map");
    const sl_path *path = path_check(L, 2, "ndjson.map");
    if (sl_path_steps(path) == 0) slb_usage(L, "ndjson.map: the path is empty");
    places_find(L, push_job(L, path), n);
    return map_step(L, LUA_OK, 0);
}

/* ---- elements ---- */

/* The iterator: upvalue 3 is the text, 4 the place of the next element in it, 5 its number, 6 the path for messages. */
static int l_next(lua_State *L) {
    size_t len;
    const char *text = lua_tolstring(L, lua_upvalueindex(3), &len);
    sl_walk_items it = {.p = text + lua_tointeger(L, lua_upvalueindex(4)), .end = text + len};
    lua_Integer number = lua_tointeger(L, lua_upvalueindex(5)) + 1;
    sl_str value;
    if (!sl_walk_item(&it, &value)) return 0;
    lua_pushinteger(L, it.p - text);
    lua_replace(L, lua_upvalueindex(4));
    lua_pushinteger(L, number);
    lua_replace(L, lua_upvalueindex(5));
    if (value.ptr[0] == '{' || value.ptr[0] == '[') {
        record_new(L, (record_line){.text = value}, ndjson_memory_up(L), lua_upvalueindex(UP_META));
        return 1;
    }
    lua_pushfstring(L, "a record must be an object, this is %s", sl_walk_kind(value));
    badline_push(L, lua_tostring(L, lua_upvalueindex(6)), (int64_t)number, value.ptr - text, (int64_t)value.len, value,
                 lua_tostring(L, -1));
    return 1;
}

/* The one value of the text; raises where it is not JSON. */
static sl_str check_text(lua_State *L, sl_str text) {
    sl_err err;
    sl_scan_fault fault;
    const char *end = text.ptr + text.len, *start = sl_scan_blank(text.ptr, end);
    const char *stop = sl_scan_value(start, end, SL_SCAN_DEPTH, &fault);
    if (stop && sl_scan_blank(stop, end) == end) return sl_str_make(start, (size_t)(stop - start));
    if (stop) sl_scan_stop(&fault, sl_scan_blank(stop, end), "expected the end of the text");
    sl_scan_fail(&err, text, &fault);
    slb_raise(L, &err);
}

/* The array at the path; raises where there is none. */
static sl_str find_array(lua_State *L, sl_str value, const sl_path *path, const char *path_text) {
    sl_err err;
    sl_str found;
    bool there = sl_path_get(path, value, &found);
    if (there && found.ptr[0] == '[') return found;
    sl_fail(&err, SL_INVALID, 0, "expected an array at \"%s\", found %s", path_text, there ? sl_walk_kind(found) : "nothing");
    slb_raise(L, &err);
}

/* elements(text, path?) -> iterator of records over the array there; raises where there is none */
static int l_elements(lua_State *L) {
    sl_str text;
    bool checked = lua_type(L, 1) != LUA_TSTRING && slb_record_test(L, 1);
    if (checked) {
        text = record_text(record_get(L, 1, "ndjson.elements"));
        lua_pushlstring(L, text.ptr, text.len);
        lua_replace(L, 1);
    }
    text.ptr = luaL_checklstring(L, 1, &text.len);
    const char *path_text = luaL_optstring(L, 2, "");
    lua_settop(L, 1);
    lua_pushstring(L, path_text);
    const sl_path *path = path_check(L, 2, "ndjson.elements");
    if (sl_path_many(path)) slb_usage(L, "ndjson.elements: the path must lead to one array, without [*]");
    sl_str array = find_array(L, checked ? text : check_text(L, text), path, path_text);
    lua_pushvalue(L, lua_upvalueindex(UP_MEMORY));
    lua_pushvalue(L, lua_upvalueindex(UP_META));
    lua_pushvalue(L, 1);
    lua_pushinteger(L, sl_walk_open(array).p - text.ptr);
    lua_pushinteger(L, 0);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, l_next, 6);
    return 1;
}

const luaL_Reg path_functions[] = {{"get", l_get}, {"map", l_map}, {"elements", l_elements}, {NULL, NULL}};
