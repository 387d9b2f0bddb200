/* sluice.http_core: requests and exchanges as Lua sees them. The loops over bodies are Lua's (stdlib/http.lua), so
 * that an iterator of a script may wait and C never calls into it. */
#include "bindings/http_parts.h"

#define EXCHANGE_TYPE "sluice.http.exchange"
#define RESPONSE_TYPE "sluice.http.response"

/* ---- the exchange ---- */

static sl_http *check_exchange(lua_State *L) {
    return slb_unbox(L, 1, EXCHANGE_TYPE);
}

/* exchange:close() */
static int l_close(lua_State *L) {
    sl_http **box = luaL_checkudata(L, 1, EXCHANGE_TYPE);
    sl_http *x = *box;
    *box = NULL;
    sl_http_close(x);
    return 0;
}

/* http_core.open(method, url, options) -> exchange | nil, err */
static int l_open(lua_State *L) {
    sl_err err;
    lua_settop(L, 3);
    http_job *job = http_check_request(L, true);
    sl_http **box = slb_box(L, EXCHANGE_TYPE);
    *box = sl_http_open(slb_loop(L), &job->request, &err);
    if (*box) return 1;
    if (err.code == SL_USAGE) slb_raise(L, &err);
    return slb_fail(L, &err);
}

/* A record or table as one line of NDJSON. */
static int write_line(lua_State *L, sl_http *x, sl_err *err) {
    sl_buf *line = &http_push_buffer(L)->body;
    if (slb_json_put(L, 2, line, err) < 0 || sl_buf_put_char(line, '\n', err) < 0) slb_raise(L, err);
    int rc = sl_http_write(x, sl_buf_str(line), err);
    sl_buf_free(line);
    return rc;
}

/* exchange:write(value) -> true | false (wait for room first) | nil, err */
static int l_write(lua_State *L) {
    sl_err err;
    sl_http *x = check_exchange(L);
    int rc;
    if (lua_type(L, 2) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, 2, &len);
        rc = sl_http_write(x, sl_str_make(text, len), &err);
    } else {
        rc = write_line(L, x, &err);
    }
    if (rc < 0 && err.code == SL_USAGE) slb_raise(L, &err);
    if (rc < 0) return slb_fail(L, &err);
    lua_pushboolean(L, rc == 0);
    return 1;
}

/* exchange:finish() -> true | nil, err */
static int l_finish(lua_State *L) {
    sl_err err;
    if (sl_http_write_end(check_exchange(L), &err) < 0) {
        if (err.code == SL_USAGE) slb_raise(L, &err);
        return slb_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int wait_for(lua_State *L, sl_op *(*start)(sl_http *, sl_err *), const char *what, slb_push push) {
    sl_err err;
    sl_http *x = check_exchange(L);
    slb_check_task(L, what);
    sl_op **box = slb_op_box(L);
    *box = start(x, &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push);
}

/* exchange:room() -> true | nil, err     (waits) */
static int l_room(lua_State *L) {
    return wait_for(L, sl_http_room_start, "a streamed request", slb_push_true);
}

static int push_head(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) return slb_fail(L, err);
    http_push_response(L, sl_http_response_get(op));
    return 1;
}

/* exchange:head() -> response | nil, err     (waits) */
static int l_head(lua_State *L) {
    return wait_for(L, sl_http_head_start, "a streamed request", push_head);
}

static int push_read(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) return slb_fail(L, err);
    sl_str bytes = sl_http_read_get(op);
    if (bytes.len)
        lua_pushlstring(L, bytes.ptr, bytes.len);
    else
        lua_pushnil(L);
    return 1;
}

/* exchange:read() -> bytes | nil at the end | nil, err     (waits) */
static int l_read(lua_State *L) {
    return wait_for(L, sl_http_read_start, "response:read", push_read);
}

/* ---- a request in one piece ---- */

static int push_answer(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) return slb_fail(L, err);
    http_push_response(L, sl_http_response_get(op));
    return 1;
}

/* The exchange outlives the operation: the body is read from it. So it holds the job, whose bytes may still be sent
 * where the answer came early. */
static int push_stream(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) return slb_fail(L, err);
    http_push_response(L, sl_http_response_get(op));
    sl_http **box = slb_box(L, EXCHANGE_TYPE);
    *box = sl_http_take(op);
    lua_pushvalue(L, HTTP_JOB_AT);
    lua_setiuservalue(L, -2, 1);
    lua_setfield(L, -2, "exchange");
    return 1;
}

/* http_core.request(method, url, options) -> response | nil, err     (waits) */
static int l_request(lua_State *L) {
    sl_err err;
    lua_settop(L, 3);
    http_job *job = http_check_request(L, false);
    slb_check_task(L, "an HTTP request");
    sl_op **box = slb_op_box(L);
    lua_pushvalue(L, HTTP_JOB_AT);
    lua_setiuservalue(L, -2, 1); /* what is sent stays, even where a script closes the coroutine that waits here */
    *box = sl_http_start(slb_loop(L), &job->request, &err);
    if (*box) return slb_wait(L, job->request.stream ? push_stream : push_answer);
    if (err.code == SL_USAGE) slb_raise(L, &err);
    return slb_fail(L, &err);
}

/* http_core.check(options): raises for options that no request could take */
static int l_check(lua_State *L) {
    lua_settop(L, 1);
    lua_pushliteral(L, "GET");
    lua_pushliteral(L, "http://localhost/");
    lua_rotate(L, 1, 2);
    http_check_request(L, false);
    return 0;
}

/* http_core.pool{per_host=, total=}: connections at a time to one host, idle ones in all */
static int l_pool(lua_State *L) {
    static const char *const known[] = {"per_host", "total", NULL};
    slb_check_options(L, 1, "http.pool", known);
    int64_t per_host = slb_opt_int(L, 1, "per_host", 16), total = slb_opt_int(L, 1, "total", 64);
    if (per_host < 1 || per_host > 1000 || total < 1 || total > 10000)
        slb_usage(L, "http.pool: per_host must be 1 to 1000, total 1 to 10000");
    sl_http_pool(slb_loop(L), (int)per_host, (int)total);
    return 0;
}

int luaopen_sluice_http_core(lua_State *L);

int luaopen_sluice_http_core(lua_State *L) {
    static const luaL_Reg functions[] = {{"request", l_request},
                                         {"open", l_open},
                                         {"check", l_check},
                                         {"pool", l_pool},
                                         {"query", http_push_query},
                                         {"form", http_push_form},
                                         {"defaults", http_push_defaults},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"write", l_write}, {"finish", l_finish}, {"room", l_room}, {"head", l_head},
                                       {"read", l_read},   {"close", l_close},   {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
    slb_type(L, EXCHANGE_TYPE, meta, methods);
    http_request_types(L);
    http_response_types(L);
    luaL_newlib(L, functions);
    luaL_getmetatable(L, RESPONSE_TYPE);
    lua_getfield(L, -1, "__index");
    lua_setfield(L, -3, "response"); /* the methods of answers: stdlib/http.lua puts them in */
    lua_pop(L, 1);
    return 1;
}
