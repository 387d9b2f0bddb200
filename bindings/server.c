/* sluice.server: HTTP requests as values that a task accepts and answers. Idea and rules are in io/server.h; the Lua
 * side is described in bindings/server.lua. */
#include "io/server.h"

#include "bindings/server_stream.h"
#include "bindings/slb.h"
#include "data/gzip.h"
#include "data/utf8.h"

#define SERVER "sluice.server"
#define REQUEST "sluice.request"

enum { MAX_HEADERS = 64 };

/* ---- requests ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pushes the percent-decoded text; a broken escape stays as it is. */
static void push_unescaped(lua_State *L, sl_str s, bool plus_is_space) {
    luaL_Buffer b;
    luaL_buffinitsize(L, &b, s.len);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        int hi = c == '%' && i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int lo = hi >= 0 ? hex_digit(s.ptr[i + 2]) : -1;
        if (lo >= 0) {
            luaL_addchar(&b, (char)(hi * 16 + lo));
            i += 2;
        } else {
            luaL_addchar(&b, c == '+' && plus_is_space ? ' ' : c);
        }
    }
    luaL_pushresult(&b);
}

/* Pushes the decoded query as a table; of a name that comes twice the last value counts. */
static void push_query(lua_State *L, sl_str query) {
    lua_newtable(L);
    while (query.len) {
        const char *amp = memchr(query.ptr, '&', query.len);
        size_t n = amp ? (size_t)(amp - query.ptr) : query.len;
        const char *eq = memchr(query.ptr, '=', n);
        size_t name = eq ? (size_t)(eq - query.ptr) : n;
        if (name) {
            push_unescaped(L, sl_str_make(query.ptr, name), true);
            push_unescaped(L, eq ? sl_str_make(eq + 1, n - name - 1) : SL_STR(""), true);
            lua_rawset(L, -3);
        }
        n += amp ? 1 : 0;
        query = sl_str_make(query.ptr + n, query.len - n);
    }
}

static void put_header(void *ctx, const char *name, const char *value) {
    lua_State *L = ctx;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (; *name; name++) luaL_addchar(&b, (char)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name));
    luaL_pushresult(&b);
    lua_pushstring(L, value);
    lua_rawset(L, -3);
}

static void fill_fields(lua_State *L, const sl_request *req) {
    sl_str target = sl_str_of(sl_request_target(req));
    const char *mark = memchr(target.ptr, '?', target.len);
    size_t path = mark ? (size_t)(mark - target.ptr) : target.len;
    lua_pushstring(L, sl_request_method(req));
    lua_setfield(L, -2, "method");
    lua_pushlstring(L, target.ptr, target.len);
    lua_setfield(L, -2, "target");
    lua_pushlstring(L, target.ptr, path);
    lua_setfield(L, -2, "path");
    push_query(L, mark ? sl_str_make(mark + 1, target.len - path - 1) : SL_STR(""));
    lua_setfield(L, -2, "query");
    lua_createtable(L, 0, 8);
    sl_request_headers(req, put_header, L);
    lua_setfield(L, -2, "headers");
    sl_str body = sl_request_body(req);
    lua_pushlstring(L, body.ptr, body.len);
    lua_setfield(L, -2, "body");
    lua_pushstring(L, sl_request_peer(req));
    lua_setfield(L, -2, "peer");
}

static int push_request(lua_State *L, sl_op *op) {
    sl_request **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = NULL;
    luaL_setmetatable(L, REQUEST);
    *box = sl_server_accept_take(op);
    if (!*box) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 8);
    fill_fields(L, *box);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* A field of the object, kept in its user value, or else a method, from the upvalue. */
static int index_of(lua_State *L, const char *type) {
    luaL_checkudata(L, 1, type);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) return 1;
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
}

static int request_index(lua_State *L) {
    return index_of(L, REQUEST);
}

static int request_gc(lua_State *L) {
    sl_request **box = luaL_checkudata(L, 1, REQUEST);
    sl_request *req = *box;
    *box = NULL;
    if (req) sl_request_answer(req, &(sl_answer){.status = 500}, NULL);
    return 0;
}

/* The request is used up by what follows. */
static sl_request *take_request(lua_State *L) {
    sl_request **box = luaL_checkudata(L, 1, REQUEST);
    sl_request *req = *box;
    if (!req) slb_usage(L, "this request was answered already");
    return req;
}

static void forget_request(lua_State *L) {
    *(sl_request **)lua_touserdata(L, 1) = NULL;
}

/* Reads the table of headers at idx into `out`; the texts stay on the stack. */
static size_t read_headers(lua_State *L, int idx, sl_header out[MAX_HEADERS]) {
    size_t n = 0;
    luaL_checkstack(L, 2 * MAX_HEADERS + 4, "too many headers");
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        if (n == MAX_HEADERS) slb_usage(L, "more than %d headers in an answer", MAX_HEADERS);
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
            slb_usage(L, "headers must be a table of name = \"value\"");
        out[n].name = lua_tostring(L, -2);
        out[n++].value = lua_tostring(L, -1);
        lua_pushvalue(L, -2); /* name and value stay below, lua_next takes the copy */
    }
    return n;
}

/* The field `headers` of the table at 2, where it has one. */
static void head_of(lua_State *L, const char *what, sl_answer *a, sl_header headers[MAX_HEADERS]) {
    a->headers = headers;
    int type = lua_getfield(L, 2, "headers");
    if (type == LUA_TTABLE)
        a->header_count = read_headers(L, lua_gettop(L), headers);
    else if (type != LUA_TNIL)
        slb_usage(L, "%s: headers must be a table", what);
}

static int answer(lua_State *L, sl_answer_fault fault) {
    static const char *const whole[] = {"status", "headers", "body", NULL};
    static const char *const faulty[] = {"status", "headers", "body", "after", "hold", NULL};
    sl_request *req = take_request(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    slb_check_options(L, 2, "respond", fault == SL_ANSWER_WHOLE ? whole : faulty);
    sl_header headers[MAX_HEADERS];
    int64_t after = slb_opt_int(L, 2, "after", 0);
    if (after < 0) slb_usage(L, "respond: after must be a number of bytes");
    sl_answer a = {.status = (int)slb_opt_int(L, 2, "status", 200),
                   .body = slb_opt_str(L, 2, "body", SL_STR("")),
                   .fault = fault,
                   .after_bytes = (size_t)after,
                   .hold_ms = slb_opt_ms(L, 2, "hold", 60000)};
    head_of(L, "respond", &a, headers);
    forget_request(L);
    sl_err err;
    int rc = sl_request_answer(req, &a, &err);
    if (rc < 0 && err.code == SL_USAGE) slb_raise(L, &err);
    if (rc < 0) return slb_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* req:respond{status=, headers=, body=} -> true | nil, err */
static int request_respond(lua_State *L) {
    return answer(L, SL_ANSWER_WHOLE);
}

/* req:truncate{status=, headers=, body=, after=} -> true | nil, err */
static int request_truncate(lua_State *L) {
    return answer(L, SL_ANSWER_TRUNCATE);
}

/* req:stall{status=, headers=, body=, after=, hold=} -> true | nil, err */
static int request_stall(lua_State *L) {
    return answer(L, SL_ANSWER_STALL);
}

/* req:stream{status=, headers=} -> stream | nil, err */
static int request_stream(lua_State *L) {
    static const char *const known[] = {"status", "headers", NULL};
    sl_request *req = take_request(L);
    slb_check_options(L, 2, "stream", known);
    sl_header headers[MAX_HEADERS];
    sl_answer head = {.status = (int)slb_opt_int(L, 2, "status", 200)};
    if (lua_istable(L, 2)) head_of(L, "stream", &head, headers);
    sl_stream **box = slb_box(L, SLB_STREAM);
    forget_request(L);
    sl_err err;
    *box = sl_request_stream(req, &head, &err);
    if (*box) return 1;
    if (err.code == SL_USAGE) slb_raise(L, &err);
    return slb_fail(L, &err);
}

/* req:reset() */
static int request_reset(lua_State *L) {
    sl_request *req = take_request(L);
    forget_request(L);
    sl_request_reset(req);
    return 0;
}

/* req:raw(bytes) -> true | nil, err */
static int request_raw(lua_State *L) {
    sl_request *req = take_request(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    forget_request(L);
    sl_err err;
    if (sl_request_raw(req, sl_str_make(bytes, len), &err) < 0) return slb_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- servers ---- */

/* server.listen{host=, port=, max_body=, max_connections=, max_of_one=, idle_timeout=} -> srv | nil, err */
static int server_listen(lua_State *L) {
    static const char *const known[] = {"host",       "port",         "max_body", "max_connections",
                                        "max_of_one", "idle_timeout", NULL};
    slb_check_options(L, 1, "server.listen", known);
    sl_server_options o = {.host = slb_opt_string(L, 1, "host", NULL),
                           .port = (int)slb_opt_int(L, 1, "port", 0),
                           .max_body_bytes = (size_t)slb_opt_int(L, 1, "max_body", 0),
                           .max_connections = (int)slb_opt_int(L, 1, "max_connections", 0),
                           .max_of_one = (int)slb_opt_int(L, 1, "max_of_one", 0),
                           .idle_timeout_ms = slb_opt_ms(L, 1, "idle_timeout", 0)};
    sl_server **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = NULL;
    luaL_setmetatable(L, SERVER);
    lua_createtable(L, 0, 3);
    sl_err err;
    *box = sl_server_open(slb_loop(L), &o, &err);
    if (!*box && err.code == SL_USAGE) slb_raise(L, &err);
    if (!*box) return slb_fail(L, &err);
    lua_pushinteger(L, sl_server_port(*box));
    lua_setfield(L, -2, "port");
    const char *host = o.host ? o.host : "127.0.0.1";
    lua_pushfstring(L, strchr(host, ':') ? "http://[%s]:%d" : "http://%s:%d", host, sl_server_port(*box));
    lua_setfield(L, -2, "url");
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int server_index(lua_State *L) {
    return index_of(L, SERVER);
}

/* srv:accept() -> req | nil     (waits; nil once the server is closed) */
static int server_accept(lua_State *L) {
    sl_server **server = luaL_checkudata(L, 1, SERVER);
    if (!*server) {
        lua_pushnil(L);
        return 1;
    }
    slb_check_task(L, "server:accept");
    sl_op **box = slb_op_box(L);
    sl_err err;
    *box = sl_server_accept_start(*server, &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push_request);
}

/* srv:cut{method=, path=, after=} */
static int server_cut(lua_State *L) {
    static const char *const known[] = {"method", "path", "after", NULL};
    sl_server *server = slb_unbox(L, 1, SERVER);
    slb_check_options(L, 2, "server:cut", known);
    int64_t after = slb_opt_int(L, 2, "after", 0);
    if (after < 0) slb_usage(L, "server:cut: after must be a number of bytes");
    sl_err err;
    if (sl_server_cut(server, slb_opt_string(L, 2, "method", NULL), slb_opt_string(L, 2, "path", "/"), (size_t)after,
                      &err) < 0)
        slb_raise(L, &err);
    return 0;
}

/* srv:close() */
static int server_close(lua_State *L) {
    sl_server **box = luaL_checkudata(L, 1, SERVER);
    sl_server *server = *box;
    *box = NULL;
    sl_server_close(server);
    return 0;
}

/* ---- text ---- */

/* server.unescape(text) -> text */
static int server_unescape(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    push_unescaped(L, sl_str_make(text, len), false);
    return 1;
}

/* server.is_text(bytes) -> boolean */
static int server_is_text(lua_State *L) {
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    unsigned control = 0;
    for (size_t i = 0; i < len; i++) control |= (unsigned char)bytes[i] < 32;
    lua_pushboolean(L, !control && sl_utf8_check(sl_str_make(bytes, len)) < 0);
    return 1;
}

static int gunzip_all(sl_str in, sl_buf *out, sl_err *err) {
    sl_gunzip *g = sl_gunzip_new(err);
    if (!g) return -1;
    int rc = 0;
    bool empty = in.len == 0;
    while (rc == 0 && (in.len || sl_gunzip_more(g))) rc = sl_gunzip_put(g, &in, out, 1 << 20, err);
    if (rc == 0 && (empty || !sl_gunzip_whole(g)))
        rc = sl_fail(err, SL_PROTOCOL, 0, "the compressed data ends in the middle");
    sl_gunzip_free(g);
    return rc;
}

/* server.gunzip(bytes, max_bytes) -> text | nil, err */
static int server_gunzip(lua_State *L) {
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    lua_Integer max = luaL_checkinteger(L, 2);
    luaL_argcheck(L, max >= 0, 2, "must not be negative");
    sl_buf out;
    sl_buf_init(&out, (size_t)max);
    sl_err err;
    if (gunzip_all(sl_str_make(bytes, len), &out, &err) < 0) {
        sl_buf_free(&out);
        return slb_fail(L, &err);
    }
    lua_pushlstring(L, sl_buf_cstr(&out), out.len);
    sl_buf_free(&out);
    return 1;
}

static void make_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction index,
                      lua_CFunction gc) {
    luaL_newmetatable(L, name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_pushcclosure(L, index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int luaopen_sluice_server(lua_State *L);
int luaopen_sluice_server(lua_State *L) {
    static const luaL_Reg request_methods[] = {{"respond", request_respond}, {"truncate", request_truncate},
                                               {"stall", request_stall},     {"reset", request_reset},
                                               {"raw", request_raw},         {"stream", request_stream},
                                               {NULL, NULL}};
    static const luaL_Reg server_methods[] = {
        {"accept", server_accept}, {"cut", server_cut}, {"close", server_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"listen", server_listen},
                                         {"unescape", server_unescape},
                                         {"is_text", server_is_text},
                                         {"gunzip", server_gunzip},
                                         {NULL, NULL}};
    make_type(L, REQUEST, request_methods, request_index, request_gc);
    slb_stream_type(L);
    make_type(L, SERVER, server_methods, server_index, server_close);
    luaL_newlib(L, functions);
    return 1;
}
