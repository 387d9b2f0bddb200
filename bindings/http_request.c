/* Options of Lua as a request. Only the options that are given are looked at: most requests have two or three. */
#include <stdlib.h>
#include <string.h>

#include "bindings/http_parts.h"
#include "bindings/ndjson.h"
#include "io/url.h"

#define JOB_TYPE "sluice.http.job"
#define PAIRS_MAX 1000
#define BODY_MAX ((size_t)1 << 30)

/* ---- the job ---- */

static int job_gc(lua_State *L) {
    http_job *job = lua_touserdata(L, 1);
    sl_buf_free(&job->url);
    sl_buf_free(&job->body);
    sl_buf_free(&job->text);
    free(job->headers);
    job->headers = NULL;
    return 0;
}

http_job *http_push_buffer(lua_State *L) {
    http_job *job = lua_newuserdatauv(L, sizeof *job, 1);
    memset(job, 0, sizeof *job);
    sl_http_request_init(&job->request);
    sl_buf_init(&job->url, 64u << 10);
    sl_buf_init(&job->body, BODY_MAX);
    sl_buf_init(&job->text, 64u << 10);
    luaL_setmetatable(L, JOB_TYPE);
    return job;
}

void http_request_types(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", job_gc}, {NULL, NULL}};
    slb_type(L, JOB_TYPE, meta, NULL);
}

/* ---- names and values ---- */

/* Text of a scalar at idx, which stays on the stack (numbers are turned into strings in place). */
static sl_str scalar(lua_State *L, int idx, const char *what) {
    idx = lua_absindex(L, idx);
    if (lua_isboolean(L, idx)) return lua_toboolean(L, idx) ? SL_STR("true") : SL_STR("false");
    if (lua_type(L, idx) != LUA_TSTRING && lua_type(L, idx) != LUA_TNUMBER)
        slb_usage(L, "%s must be text, a number or a boolean, not a %s", what, luaL_typename(L, idx));
    size_t len;
    const char *text = lua_tolstring(L, idx, &len);
    return sl_str_make(text, len);
}

/* `fleeting`: the value's text lives on the stack only (a number's), not in the caller's table. */
typedef void (*pair_fn)(lua_State *L, http_job *job, sl_str name, sl_str value, bool fleeting);

/* Calls fn for the scalar on top and pops it. */
static void one_value(lua_State *L, http_job *job, const char *what, sl_str name, pair_fn fn) {
    bool fleeting = lua_type(L, -1) == LUA_TNUMBER;
    fn(L, job, name, scalar(L, -1, what), fleeting);
    lua_pop(L, 1);
}

/* The same for a scalar or a list of them. */
static void each_value(lua_State *L, http_job *job, const char *what, sl_str name, pair_fn fn) {
    if (!lua_istable(L, -1)) {
        one_value(L, job, what, name, fn);
        return;
    }
    lua_Integer n = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        one_value(L, job, what, name, fn);
    }
    lua_pop(L, 1);
}

/* {{name, value}, …}: in this order. */
static void each_listed(lua_State *L, http_job *job, int idx, const char *what, pair_fn fn) {
    lua_Integer n = luaL_len(L, idx);
    for (lua_Integer i = 1; i <= n; i++) {
        if (lua_rawgeti(L, idx, i) != LUA_TTABLE)
            slb_usage(L, "%s: a list holds pairs {name, value}, but entry %d is a %s", what, (int)i,
                      luaL_typename(L, -1));
        if (lua_rawgeti(L, -1, 1) != LUA_TSTRING) slb_usage(L, "%s: the name in entry %d must be text", what, (int)i);
        lua_rawgeti(L, -2, 2);
        sl_str name = scalar(L, -2, what);
        each_value(L, job, what, name, fn);
        lua_pop(L, 2);
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* {name = value | list, …}: sorted by name, so that the same table gives the same request every time. */
static void each_named(lua_State *L, http_job *job, int idx, const char *what, pair_fn fn) {
    const char *names[PAIRS_MAX];
    size_t count = 0;
    names[0] = NULL;
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) slb_usage(L, "%s: names must be text", what);
        if (count < PAIRS_MAX) names[count++] = lua_tostring(L, -1);
        else slb_usage(L, "%s: more than %d entries", what, PAIRS_MAX);
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, idx, names[i]);
        each_value(L, job, what, sl_str_of(names[i]), fn);
    }
}

static void each_pair(lua_State *L, http_job *job, int idx, const char *what, pair_fn fn) {
    idx = lua_absindex(L, idx);
    if (!lua_istable(L, idx)) slb_usage(L, "%s must be a table, not a %s", what, luaL_typename(L, idx));
    luaL_checkstack(L, 8, what);
    bool listed = lua_rawgeti(L, idx, 1) != LUA_TNIL;
    lua_pop(L, 1);
    if (listed)
        each_listed(L, job, idx, what, fn);
    else
        each_named(L, job, idx, what, fn);
}

/* ---- query, form, headers ---- */

static void must(lua_State *L, int rc, const sl_err *err) {
    if (rc < 0) slb_raise(L, err);
}

static void add_query(lua_State *L, http_job *job, sl_str name, sl_str value, bool fleeting) {
    (void)fleeting;
    sl_err err;
    must(L, sl_url_query(&job->url, name, value, &err), &err);
}

static void add_form(lua_State *L, http_job *job, sl_str name, sl_str value, bool fleeting) {
    (void)fleeting;
    sl_err err;
    if (job->body.len) must(L, sl_buf_put_char(&job->body, '&', &err), &err);
    must(L, sl_url_escape(&job->body, name, &err), &err);
    must(L, sl_buf_put_char(&job->body, '=', &err), &err);
    must(L, sl_url_escape(&job->body, value, &err), &err);
}

static void add_header(lua_State *L, http_job *job, sl_str name, sl_str value) {
    if (job->header_count == job->header_cap) {
        size_t cap = job->header_cap ? 2 * job->header_cap : 8;
        sl_http_header *headers = realloc(job->headers, cap * sizeof *headers);
        if (!headers) luaL_error(L, "out of memory");
        job->headers = headers;
        job->header_cap = cap;
    }
    if (sl_str_ieq(name, SL_STR("Content-Type"))) job->typed = true;
    job->headers[job->header_count++] = (sl_http_header){name, value};
}

/* What would be gone before the start is kept in the job, in a buffer that never moves. */
static void add_given_header(lua_State *L, http_job *job, sl_str name, sl_str value, bool fleeting) {
    sl_err err;
    if (!fleeting) {
        add_header(L, job, name, value);
        return;
    }
    if (!job->text.data) must(L, sl_buf_reserve(&job->text, job->text.max, &err), &err);
    const char *at = job->text.data + job->text.len;
    must(L, sl_buf_put_str(&job->text, value, &err), &err);
    add_header(L, job, name, sl_str_make(at, value.len));
}

int http_push_query(lua_State *L) {
    sl_err err;
    size_t len;
    const char *url = luaL_checklstring(L, 1, &len);
    http_job *job = http_push_buffer(L);
    must(L, sl_buf_put(&job->url, url, len, &err), &err);
    if (!lua_isnoneornil(L, 2)) each_pair(L, job, 2, "query", add_query);
    lua_pushlstring(L, job->url.data ? job->url.data : "", job->url.len);
    return 1;
}

int http_push_form(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    http_job *job = http_push_buffer(L);
    each_pair(L, job, 1, "form", add_form);
    lua_pushlstring(L, job->body.data ? job->body.data : "", job->body.len);
    return 1;
}

/* ---- bodies ---- */

static void set_bytes(lua_State *L, http_job *job, const char *type) {
    if (job->request.body.ptr) slb_usage(L, "a request has one body: body, json, form or body_file");
    job->request.body = sl_buf_str(&job->body);
    job->type = type;
}

static void option_json(lua_State *L, http_job *job) {
    sl_err err;
    if (slb_json_put(L, -1, &job->body, &err) < 0) slb_raise(L, &err);
    set_bytes(L, job, "application/json");
}

static void option_form(lua_State *L, http_job *job) {
    each_pair(L, job, -1, "form", add_form);
    set_bytes(L, job, "application/x-www-form-urlencoded");
}

/* A chunk on top of the stack gives way to its text; the chunk itself may then be filled again at once. */
static void take_chunk(lua_State *L, http_job *job) {
    const sl_chunk *chunk = slb_chunk_test(L, -1);
    if (!chunk) return;
    sl_str text = sl_chunk_text(chunk);
    lua_pushlstring(L, text.ptr, text.len);
    lua_replace(L, -2);
    job->type = "application/x-ndjson";
}

/* The job holds on to the text: the caller's table may change while the request is under way. */
static void option_body(lua_State *L, http_job *job) {
    size_t len;
    if (job->request.body_stream) return;
    if (job->request.body.ptr) slb_usage(L, "a request has one body: body, json, form or body_file");
    if (lua_type(L, -1) == LUA_TUSERDATA) take_chunk(L, job);
    if (lua_type(L, -1) != LUA_TSTRING)
        slb_usage(L, "body must be text, a chunk or an iterator, not a %s", luaL_typename(L, -1));
    const char *text = lua_tolstring(L, -1, &len);
    job->request.body = sl_str_make(text, len);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, HTTP_JOB_AT, 1);
}

static void option_headers(lua_State *L, http_job *job) {
    each_pair(L, job, -1, "headers", add_given_header);
}

static void option_query(lua_State *L, http_job *job) {
    each_pair(L, job, -1, "query", add_query);
}

/* ---- options ---- */

static void option_version(lua_State *L, http_job *job) {
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (strcmp(text, "1.1") == 0)
        job->request.version = SL_HTTP_1_1;
    else if (strcmp(text, "2") == 0)
        job->request.version = SL_HTTP_2;
    else if (strcmp(text, "2-only") == 0)
        job->request.version = SL_HTTP_2_ONLY;
    else
        slb_usage(L, "http_version must be \"1.1\", \"2\" or \"2-only\"");
}

static void option_repeat(lua_State *L, http_job *job) {
    if (!lua_isboolean(L, -1)) slb_usage(L, "repeatable must be true or false");
    job->request.repeat = lua_toboolean(L, -1) ? SL_HTTP_REPEAT_SAFE : SL_HTTP_REPEAT_NEVER;
}

static void option_proxy(lua_State *L, http_job *job) {
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        job->request.proxy = SL_STR("none");
    else if (lua_type(L, -1) == LUA_TSTRING)
        job->request.proxy = sl_str_of(lua_tostring(L, -1));
    else
        slb_usage(L, "proxy must be http://[user:password@]host:port, or false for none");
}

typedef enum option_kind { TEXT, SECONDS, BYTES, COUNT, FLAG, CALL } option_kind;

typedef struct option {
    const char *name;
    option_kind kind;
    size_t at; /* offset in sl_http_request */
    void (*call)(lua_State *L, http_job *job);
} option;

#define AT(field) offsetof(sl_http_request, field)

static const option options[] = {
    {"body", CALL, 0, option_body},
    {"body_bytes", COUNT, AT(body_stream_bytes), NULL},
    {"body_file", TEXT, AT(body_file), NULL},
    {"ca_file", TEXT, AT(ca_file), NULL},
    {"client_cert", TEXT, AT(client_cert), NULL},
    {"client_key", TEXT, AT(client_key), NULL},
    {"connect_timeout", SECONDS, AT(connect_timeout_ms), NULL},
    {"first_byte_timeout", SECONDS, AT(first_byte_timeout_ms), NULL},
    {"form", CALL, 0, option_form},
    {"gzip", FLAG, AT(gzip), NULL},
    {"headers", CALL, 0, option_headers},
    {"http_version", CALL, 0, option_version},
    {"json", CALL, 0, option_json},
    {"max_bytes", BYTES, AT(max_body_bytes), NULL},
    {"max_redirects", COUNT, AT(max_redirects), NULL},
    {"proxy", CALL, 0, option_proxy},
    {"query", CALL, 0, option_query},
    {"raw", FLAG, AT(raw), NULL},
    {"repeatable", CALL, 0, option_repeat},
    {"save", TEXT, AT(save), NULL},
    {"stall_timeout", SECONDS, AT(stall_timeout_ms), NULL},
    {"stream", FLAG, AT(stream), NULL},
    {"timeout", SECONDS, AT(total_timeout_ms), NULL},
    {"unix_socket", TEXT, AT(unix_socket), NULL},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

SL_NORETURN static void unknown_option(lua_State *L, const char *name) {
    const char *names[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++) names[i] = options[i].name;
    const char *near = sl_str_nearest(name, names, OPTION_COUNT);
    if (near) slb_usage(L, "http: unknown option '%s' (did you mean '%s'?)", name, near);
    slb_usage(L, "http: unknown option '%s'", name);
}

static const option *find_option(lua_State *L, const char *name) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].name, name) == 0) return &options[i];
    unknown_option(L, name);
}

static void set_count(lua_State *L, const option *o, char *field) {
    int64_t n = slb_opt_int(L, 3, o->name, 0);
    if (n < 0 || (o->at == AT(max_redirects) && n > 100)) slb_usage(L, "option '%s' is out of range", o->name);
    if (o->at == AT(max_redirects))
        *(int *)(void *)field = (int)n;
    else
        *(int64_t *)(void *)field = n;
}

/* The value is on top of the stack; the table is at 3. */
static void set_option(lua_State *L, http_job *job, const option *o) {
    char *field = (char *)&job->request + o->at;
    switch (o->kind) {
    case TEXT:
        *(sl_str *)(void *)field = slb_opt_str(L, 3, o->name, SL_STR(""));
        break;
    case SECONDS:
        *(int64_t *)(void *)field = slb_opt_ms(L, 3, o->name, 0);
        break;
    case BYTES: {
        int64_t n = slb_opt_int(L, 3, o->name, 0);
        if (n < 0 || n > (int64_t)BODY_MAX) slb_usage(L, "option '%s' must be 0 to %zu bytes", o->name, BODY_MAX);
        *(size_t *)(void *)field = (size_t)n;
        break;
    }
    case COUNT:
        set_count(L, o, field);
        break;
    case FLAG:
        *(bool *)(void *)field = slb_opt_bool(L, 3, o->name, false);
        break;
    case CALL:
        o->call(L, job);
        break;
    }
}

static void read_options(lua_State *L, http_job *job) {
    if (lua_isnoneornil(L, 3)) return;
    if (!lua_istable(L, 3)) slb_usage(L, "http: options must be a table, not a %s", luaL_typename(L, 3));
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        if (lua_type(L, -2) != LUA_TSTRING) slb_usage(L, "http: options are named values");
        set_option(L, job, find_option(L, lua_tostring(L, -2)));
        lua_pop(L, 1);
    }
}

http_job *http_check_request(lua_State *L, bool streamed) {
    sl_err err;
    sl_str method = scalar(L, 1, "method"), url = scalar(L, 2, "url");
    http_job *job = http_push_buffer(L);
    sl_http_request *r = &job->request;
    r->body_stream = streamed;
    r->method = method;
    must(L, sl_buf_put_str(&job->url, url, &err), &err);
    read_options(L, job);
    r->url = sl_buf_str(&job->url);
    if (job->type && !job->typed) add_header(L, job, SL_STR("Content-Type"), sl_str_of(job->type));
    r->headers = job->headers;
    r->header_count = job->header_count;
    return job;
}

static void set_seconds(lua_State *L, const char *key, int64_t ms) {
    lua_pushnumber(L, (lua_Number)ms / 1000);
    lua_setfield(L, -2, key);
}

int http_push_defaults(lua_State *L) {
    sl_http_request r;
    sl_http_request_init(&r);
    lua_createtable(L, 0, 7);
    set_seconds(L, "connect_timeout", r.connect_timeout_ms);
    set_seconds(L, "first_byte_timeout", r.first_byte_timeout_ms);
    set_seconds(L, "stall_timeout", r.stall_timeout_ms);
    set_seconds(L, "timeout", r.total_timeout_ms);
    lua_pushinteger(L, (lua_Integer)r.max_body_bytes);
    lua_setfield(L, -2, "max_bytes");
    lua_pushinteger(L, r.max_redirects);
    lua_setfield(L, -2, "max_redirects");
    lua_pushliteral(L, "1.1");
    lua_setfield(L, -2, "http_version");
    return 1;
}
