/* sluice.server's Stream: an answer that is written piece by piece (io/server.h). */
#include "bindings/server_stream.h"

#include "bindings/slb.h"
#include "io/server.h"

/* stream:write(text) -> true | nil, err     (waits) */
static int stream_write(lua_State *L) {
    sl_stream *stream = slb_unbox(L, 1, SLB_STREAM);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    slb_check_task(L, "stream:write");
    sl_op **box = slb_op_box(L);
    sl_err err;
    *box = sl_stream_write_start(stream, sl_str_make(text, len), &err);
    if (!*box) return slb_fail(L, &err);
    return slb_wait(L, slb_push_true);
}

/* stream:open() -> boolean */
static int stream_open(lua_State *L) {
    sl_stream **box = luaL_checkudata(L, 1, SLB_STREAM);
    lua_pushboolean(L, *box && sl_stream_open(*box));
    return 1;
}

static int end(lua_State *L, bool whole) {
    sl_stream **box = luaL_checkudata(L, 1, SLB_STREAM);
    sl_stream *stream = *box;
    *box = NULL;
    sl_stream_end(stream, whole);
    return 0;
}

/* stream:close() */
static int stream_close(lua_State *L) {
    return end(L, true);
}

static int stream_cut(lua_State *L) {
    return end(L, false);
}

void slb_stream_type(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", stream_cut}, {"__close", stream_cut}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"write", stream_write}, {"open", stream_open}, {"close", stream_close}, {NULL, NULL}};
    slb_type(L, SLB_STREAM, meta, methods);
}
