/* ndjson.writer: lines into a buffer, and from there in large pieces to a file (written aside, see io/file), to standard
 * output or to a Lua file. Its methods raise: a recipe that does not look must stop, not go on with half a file. */
#include "bindings/ndjson_parts.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "io/file.h"

#define WRITER_TYPE "sluice.ndjson.writer"

enum { PIECE_BYTES = 128 << 10 };

typedef struct writer {
    const void *tag;
    sl_buf lines;
    size_t whole;  /* bytes in the buffer that are complete lines: what an error leaves behind them is dropped */
    sl_file *file; /* NULL: a stream */
    FILE *stream;  /* borrowed; the Lua file is the user value */
    bool open, aside, each_line;
    int64_t count;
} writer;

static const char writer_tag;

static writer *check(lua_State *L) {
    writer *w = ndjson_tagged(L, 1, &writer_tag, sizeof *w);
    if (w && w->open) return w;
    if (w) slb_usage(L, "this writer is closed");
    slb_usage(L, "expected a writer, got a %s (a method is called with a colon: out:write())", luaL_typename(L, 1));
}

/* Frees what the writer has; a file that was written aside is dropped. */
static void drop(writer *w) {
    sl_file_abort(w->file);
    w->file = NULL;
    w->open = false;
    w->whole = 0;
    sl_buf_free(&w->lines);
}

static int write_stream(lua_State *L, int idx, writer *w, sl_str bytes, sl_err *err) {
    if (lua_getiuservalue(L, idx, 1) == LUA_TUSERDATA && !((luaL_Stream *)lua_touserdata(L, -1))->closef)
        return sl_fail(err, SL_USAGE, 0, "ndjson: the file was closed before its writer");
    lua_pop(L, 1);
    errno = 0;
    if (fwrite(bytes.ptr, 1, bytes.len, w->stream) == bytes.len) return 0;
    return sl_fail_errno(err, "%s: can't be written", w->stream == stdout ? "standard output" : "the file");
}

static int flush(lua_State *L, int idx, writer *w, sl_err *err) {
    sl_str bytes = sl_str_make(w->lines.data, w->whole);
    if (bytes.len == 0) return 0;
    int rc = w->file ? sl_file_write(w->file, bytes, err) : write_stream(L, idx, w, bytes, err);
    sl_buf_clear(&w->lines);
    w->whole = 0;
    if (w->lines.cap > 8 * PIECE_BYTES) sl_buf_free(&w->lines); /* after one enormous record */
    return rc;
}

static int flush_all(lua_State *L, int idx, writer *w, sl_err *err) {
    if (flush(L, idx, w, err) < 0) return -1;
    if (w->file) return 0;
    errno = 0;
    return fflush(w->stream) == 0 ? 0 : sl_fail_errno(err, "the output can't be written");
}

/* Sends what is there; a writer whose file can't be written is of no use any more. */
static void send(lua_State *L, writer *w) {
    sl_err err;
    int rc = w->each_line ? flush_all(L, 1, w, &err) : flush(L, 1, w, &err);
    if (rc == 0) return;
    drop(w);
    slb_raise(L, &err);
}

/* writer:write(record | value | text) -> the writer */
static int l_write(lua_State *L) {
    writer *w = check(L);
    sl_err err;
    record_node *n = record_test(L, 2);
    if (!n) luaL_checkany(L, 2);
    w->lines.len = w->whole;
    int rc = n ? record_put(L, 2, n, &w->lines, &err) : slb_line_put(L, 2, &w->lines, &err);
    if (rc < 0 || sl_buf_put_char(&w->lines, '\n', &err) < 0) slb_raise(L, &err);
    w->whole = w->lines.len;
    w->count++;
    if (w->whole >= PIECE_BYTES || w->each_line) send(L, w);
    lua_settop(L, 1);
    return 1;
}

/* writer:count() -> lines written so far */
static int l_count(lua_State *L) {
    lua_pushinteger(L, check(L)->count);
    return 1;
}

/* writer:close() */
static int l_close(lua_State *L) {
    writer *w = check(L);
    sl_err err;
    int rc = flush_all(L, 1, w, &err);
    if (rc == 0 && w->file) {
        rc = sl_file_commit(w->file, &err);
        w->file = NULL;
    }
    drop(w);
    if (rc < 0) slb_raise(L, &err);
    return 0;
}

/* writer:abort(): drops a file that is not in its place yet, and what is in the buffer */
static int l_abort(lua_State *L) {
    writer *w = luaL_checkudata(L, 1, WRITER_TYPE);
    drop(w);
    return 0;
}

/* local out <close>: closed where the block ends well, dropped where it raises */
static int l_leave(lua_State *L) {
    writer *w = luaL_checkudata(L, 1, WRITER_TYPE);
    if (!w->open) return 0;
    return lua_isnil(L, 2) ? l_close(L) : l_abort(L);
}

/* A file that was begun is dropped; what goes to a stream or behind another file was meant to be there. */
static int l_gc(lua_State *L) {
    writer *w = luaL_checkudata(L, 1, WRITER_TYPE);
    sl_err err;
    if (w->open && !w->aside && flush_all(L, 1, w, &err) < 0) sl_log(SL_LOG_ERROR, "ndjson", "%s", err.msg);
    drop(w);
    return 0;
}

static writer *push_writer(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_leave}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"write", l_write}, {"close", l_close}, {"abort", l_abort}, {"count", l_count}, {NULL, NULL}};
    slb_type(L, WRITER_TYPE, meta, methods);
    writer *w = lua_newuserdatauv(L, sizeof *w, 1);
    *w = (writer){.tag = &writer_tag, .open = true};
    sl_buf_init(&w->lines, SL_RECORD_MAX);
    luaL_setmetatable(L, WRITER_TYPE);
    return w;
}

static void open_target(lua_State *L, writer *w, bool append) {
    sl_err err;
    luaL_Stream *handle = luaL_testudata(L, 1, LUA_FILEHANDLE);
    const char *path = handle ? NULL : lua_tostring(L, 1);
    if (handle) {
        if (!handle->closef) slb_usage(L, "ndjson.writer: the file is closed");
        w->stream = handle->f;
        lua_pushvalue(L, 1);
        lua_setiuservalue(L, -2, 1);
    } else if (strcmp(path, "-") == 0) {
        w->stream = stdout;
        w->each_line = isatty(STDOUT_FILENO) == 1;
    } else {
        w->aside = !append;
        w->file = append ? sl_file_append(path, &err) : sl_file_create(path, &err);
        if (!w->file) slb_raise(L, &err);
    }
}

/* writer(path | "-" | file, {append=}) -> writer */
static int l_writer(lua_State *L) {
    static const char *const known[] = {"append", NULL};
    slb_check_options(L, 2, "ndjson.writer", known);
    bool append = slb_opt_bool(L, 2, "append", false);
    if (lua_type(L, 1) != LUA_TSTRING && !luaL_testudata(L, 1, LUA_FILEHANDLE))
        slb_usage(L, "ndjson.writer: expected a path, \"-\" or a file, got a %s", luaL_typename(L, 1));
    lua_settop(L, 1);
    open_target(L, push_writer(L), append);
    return 1;
}

const luaL_Reg writer_functions[] = {{"writer", l_writer}, {NULL, NULL}};
