/* ndjson.records and ndjson.values: lines of a file, of standard input, or of anything that gives one piece of bytes
 * after the other. Regular files are read in place; all else waits for its next piece as a task does. A piece of input
 * is copied once, into the splitter's buffer; a line is decoded where it stands. */
#include "bindings/ndjson_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/ndjson.h"

#define READER_TYPE "sluice.ndjson.reader"

enum { READ_BYTES = 64 << 10 };

typedef enum bad_policy { BAD_VALUE, BAD_SKIP, BAD_RAISE } bad_policy;
typedef enum source_kind { FROM_FILE, FROM_HANDLE, FROM_PIECES } source_kind;

typedef struct reader {
    sl_ndjson lines;
    ndjson_memory *memory;
    source_kind kind;
    int fd;          /* FROM_FILE and the waiting descriptor; -1: none */
    bool own_fd;
    bool records;    /* else values */
    bool asking;     /* the source was called and has not answered */
    bool failed;     /* READER_ERROR is raised from now on */
    bad_policy bad;
    int64_t skipped;
} reader;

/* User values: what is called for the next piece (or the Lua file), its argument, the name for messages, the error. */
enum { READER_SOURCE = 1, READER_SELF, READER_NAME, READER_ERROR, READER_VALUES = READER_ERROR };

/* The iterator's upvalues: memory and metatable of records, and the reader. */
enum { UP_READER = 3 };

static reader *reader_up(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(UP_READER));
}

static void close_fd(reader *r) {
    if (r->own_fd && r->fd >= 0) close(r->fd);
    r->fd = -1;
}

static void finish(reader *r) {
    close_fd(r);
    sl_ndjson_end(&r->lines);
}

/* Pushes the name of the source; borrowed while the reader lives. */
static const char *push_name(lua_State *L) {
    lua_getiuservalue(L, lua_upvalueindex(UP_READER), READER_NAME);
    return lua_tostring(L, -1);
}

/* Raises the value on top of the stack, now and whenever the iterator is called again. */
static int fail(lua_State *L, reader *r) {
    r->failed = true;
    close_fd(r);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, lua_upvalueindex(UP_READER), READER_ERROR);
    return lua_error(L);
}

static void fail_errno(lua_State *L, reader *r) {
    sl_err err;
    int cause = errno;
    const char *name = push_name(L);
    errno = cause;
    sl_fail_errno(&err, "read %s", name);
    slb_push_error(L, &err);
    fail(L, r);
}

/* ---- lines to values ---- */

/* The line as value on the stack: 1, or 0 where it is none and nothing was pushed; *reason then says why. */
static int push_line(lua_State *L, const reader *r, sl_str text, char reason[RECORD_REASON]) {
    sl_err err;
    ndjson_memory *m = r->memory;
    record_line line = {.text = text, .slack = true};
    if (r->records) {
        if (record_check(m, &line, reason) < 0) return 0;
        record_new(L, line, m, lua_upvalueindex(UP_META));
        return 1;
    }
    if (slb_json_push(L, text, &err) == 0) return 1;
    if (line_check(m, &line, reason) == 0) snprintf(reason, RECORD_REASON, "%.*s", RECORD_REASON - 1, err.msg);
    return 0;
}

/* Pushes what a line that is none gives; 0 where it is passed over. */
static int push_bad(lua_State *L, reader *r, const sl_line *line, const char *reason) {
    if (r->bad == BAD_SKIP) {
        r->skipped++;
        return 0;
    }
    badline_push(L, push_name(L), line->number, line->offset, line->length, line->text, reason);
    if (r->bad == BAD_RAISE) badline_raise(L, lua_gettop(L));
    return 1;
}

/* Pushes the next value that the buffer holds; 0 where it holds none. */
static int produce(lua_State *L, reader *r) {
    char reason[RECORD_REASON];
    sl_line line;
    while (sl_ndjson_next(&r->lines, &line)) {
        if (line.too_long)
            snprintf(reason, sizeof reason, "the line has %lld bytes, at most %zu are allowed (max_line_bytes)",
                     (long long)line.length, r->lines.max_line);
        else if (push_line(L, r, line.text, reason)) return 1;
        if (push_bad(L, r, &line, reason)) return 1;
    }
    return 0;
}

/* ---- input ---- */

static char *room(lua_State *L, reader *r, size_t *bytes) {
    sl_err err;
    char *into = sl_ndjson_room(&r->lines, READ_BYTES, bytes, &err);
    if (!into) slb_raise(L, &err);
    return into;
}

static void read_file(lua_State *L, reader *r) {
    size_t bytes;
    char *into = room(L, r, &bytes);
    ssize_t n;
    do n = read(r->fd, into, bytes);
    while (n < 0 && errno == EINTR);
    if (n < 0) fail_errno(L, r);
    else if (n == 0) finish(r);
    else sl_ndjson_filled(&r->lines, (size_t)n);
}

/* Whole blocks of a regular file; of a pipe what is there up to the next line end, so that nothing is held back. */
static size_t read_stream(FILE *f, char *into, size_t bytes) {
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) return fread(into, 1, bytes, f);
    size_t n = 0;
    int c = 0;
    flockfile(f);
    while (n < bytes && c != '\n' && (c = getc_unlocked(f)) != EOF) into[n++] = (char)c;
    funlockfile(f);
    return n;
}

static void read_handle(lua_State *L, reader *r) {
    size_t bytes;
    char *into = room(L, r, &bytes);
    lua_getiuservalue(L, lua_upvalueindex(UP_READER), READER_SOURCE);
    luaL_Stream *stream = lua_touserdata(L, -1);
    if (!stream->closef) slb_usage(L, "ndjson: the file was closed while it was read");
    errno = 0;
    size_t n = read_stream(stream->f, into, bytes);
    if (n == 0 && ferror(stream->f)) fail_errno(L, r);
    sl_ndjson_filled(&r->lines, n);
    if (n == 0) finish(r);
    lua_pop(L, 1);
}

/* The answer of the source is on the stack: piece, or nil at the end, or nil and an error. */
static void take_piece(lua_State *L, reader *r) {
    sl_err err;
    sl_str piece;
    r->asking = false;
    if (lua_isnil(L, -2) && lua_toboolean(L, -1)) fail(L, r);
    if (lua_type(L, -2) == LUA_TSTRING) {
        piece.ptr = lua_tolstring(L, -2, &piece.len);
        if (sl_ndjson_feed(&r->lines, piece, &err) < 0) slb_raise(L, &err);
    } else if (!lua_toboolean(L, -2)) {
        finish(r);
    } else {
        slb_usage(L, "ndjson: a source gives pieces of text and nil at the end, not a %s", luaL_typename(L, -2));
    }
    lua_pop(L, 2);
}

static void push_call(lua_State *L, reader *r) {
    if (r->asking) slb_usage(L, "ndjson: another task waits for this iterator, or its source has failed");
    r->asking = true;
    lua_getiuservalue(L, lua_upvalueindex(UP_READER), READER_SOURCE);
    lua_getiuservalue(L, lua_upvalueindex(UP_READER), READER_SELF);
}

/* The source may wait, so this is left and entered again (ctx 1: its answer is on the stack). */
static int step(lua_State *L, int status, lua_KContext ctx) {
    reader *r = reader_up(L);
    (void)status;
    for (;;) {
        if (ctx) take_piece(L, r);
        ctx = 0;
        if (produce(L, r)) return 1;
        if (r->lines.ended) return 0;
        if (r->kind == FROM_FILE) {
            read_file(L, r);
        } else if (r->kind == FROM_HANDLE) {
            read_handle(L, r);
        } else {
            push_call(L, r);
            lua_callk(L, 1, 2, 1, step);
            ctx = 1;
        }
    }
}

/* The iterator: () -> record or value | bad line | nil at the end; raises what the source failed with */
static int l_next(lua_State *L) {
    reader *r = reader_up(L);
    if (r->failed) {
        lua_getiuservalue(L, lua_upvalueindex(UP_READER), READER_ERROR);
        return lua_error(L);
    }
    if (produce(L, r)) return 1;
    lua_settop(L, 0);
    return step(L, LUA_OK, 0);
}

/* ---- a descriptor that has to be waited for ---- */

static int push_read(lua_State *L, sl_op *op) {
    char piece[16 << 10];
    sl_err err;
    reader *r = luaL_checkudata(L, 1, READER_TYPE);
    if (sl_op_error(op)) return slb_fail(L, sl_op_error(op));
    ssize_t n;
    do n = r->fd >= 0 ? read(r->fd, piece, sizeof piece) : 0;
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (n < 0) {
        int cause = errno;
        lua_getiuservalue(L, 1, READER_NAME);
        errno = cause;
        sl_fail_errno(&err, "read %s", lua_tostring(L, -1));
        return slb_fail(L, &err);
    }
    if (n == 0) lua_pushnil(L);
    else lua_pushlstring(L, piece, (size_t)n);
    return 1;
}

/* (reader) -> piece | nil at the end | nil, err    (waits) */
static int l_wait_piece(lua_State *L) {
    sl_err err;
    reader *r = luaL_checkudata(L, 1, READER_TYPE);
    slb_check_task(L, "ndjson");
    lua_settop(L, 1);
    sl_op **box = slb_op_box(L);
    *box = sl_fd_start(slb_loop(L), r->fd, SL_FD_READ, &err);
    if (!*box) return slb_fail(L, &err);
    return slb_wait(L, push_read);
}

/* ---- opening ---- */

static int l_gc(lua_State *L) {
    reader *r = luaL_checkudata(L, 1, READER_TYPE);
    int64_t lines = r->lines.number;
    sl_ndjson_free(&r->lines);
    r->lines.number = lines;
    finish(r);
    return 0;
}

/* reader:skipped() -> bad lines that were passed over */
static int l_skipped(lua_State *L) {
    lua_pushinteger(L, ((reader *)luaL_checkudata(L, 1, READER_TYPE))->skipped);
    return 1;
}

/* reader:lines() -> lines so far, blank ones counted */
static int l_lines(lua_State *L) {
    lua_pushinteger(L, ((reader *)luaL_checkudata(L, 1, READER_TYPE))->lines.number);
    return 1;
}

/* reader:close(): nothing more is read, the iterator is at its end */
static int l_close(lua_State *L) {
    reader *r = luaL_checkudata(L, 1, READER_TYPE);
    if (r->kind == FROM_HANDLE || r->asking) return 0;
    return l_gc(L);
}

static reader *push_reader(lua_State *L, bool records) {
    static const char *const known[] = {"bad", "max_line_bytes", NULL};
    static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_close}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"skipped", l_skipped}, {"lines", l_lines}, {"close", l_close}, {NULL, NULL}};
    const char *what = records ? "ndjson.records" : "ndjson.values";
    slb_check_options(L, 2, what, known);
    const char *bad = slb_opt_string(L, 2, "bad", "value");
    int64_t most = slb_opt_int(L, 2, "max_line_bytes", SL_NDJSON_LINE);
    if (most < 1 || most > SL_RECORD_MAX) slb_usage(L, "%s: max_line_bytes must be from 1 to %d", what, (int)SL_RECORD_MAX);
    bad_policy policy = strcmp(bad, "skip") == 0 ? BAD_SKIP : strcmp(bad, "raise") == 0 ? BAD_RAISE : BAD_VALUE;
    if (policy == BAD_VALUE && strcmp(bad, "value") != 0)
        slb_usage(L, "%s: bad must be \"value\", \"skip\" or \"raise\", not \"%s\"", what, bad);
    slb_type(L, READER_TYPE, meta, methods);
    reader *r = lua_newuserdatauv(L, sizeof *r, READER_VALUES);
    memset(r, 0, sizeof *r);
    r->fd = -1;
    r->memory = ndjson_memory_up(L);
    r->records = records;
    r->bad = policy;
    sl_ndjson_init(&r->lines, (size_t)most);
    luaL_setmetatable(L, READER_TYPE);
    return r;
}

/* The reader is on top of the stack in all that follows. */
static void name(lua_State *L, const char *text) {
    lua_pushstring(L, text);
    lua_setiuservalue(L, -2, READER_NAME);
}

static void open_path(lua_State *L, reader *r, const char *path) {
    struct stat st;
    sl_err err;
    bool standard = strcmp(path, "-") == 0;
    name(L, standard ? "standard input" : path);
    r->own_fd = !standard;
    r->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &st) < 0) {
        sl_fail_errno(&err, "open %s", path);
        slb_raise(L, &err);
    }
    r->kind = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? FROM_FILE : FROM_PIECES; /* read() says what is wrong with a folder */
    if (r->kind == FROM_FILE) return;
    lua_pushcfunction(L, l_wait_piece);
    lua_setiuservalue(L, -2, READER_SOURCE);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, -2, READER_SELF);
}

/* A field that may be called, on top of the stack; else nothing is pushed. */
static bool method(lua_State *L, const char *key) {
    int type = lua_type(L, 1);
    if (type != LUA_TTABLE && !(type == LUA_TUSERDATA && luaL_getmetafield(L, 1, "__index") != LUA_TNIL)) return false;
    if (type == LUA_TUSERDATA) lua_pop(L, 1);
    if (lua_getfield(L, 1, key) == LUA_TFUNCTION) return true;
    lua_pop(L, 1);
    return false;
}

static void open_object(lua_State *L, reader *r) {
    name(L, "the source");
    r->kind = FROM_PIECES;
    if (lua_type(L, 1) == LUA_TFUNCTION) {
        lua_pushvalue(L, 1);
    } else if (method(L, "chunks")) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 1);
    } else if (method(L, "read")) {
        lua_pushvalue(L, 1);
        lua_setiuservalue(L, -3, READER_SELF);
    } else if (luaL_getmetafield(L, 1, "__call") != LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, 1);
    } else {
        slb_usage(L, "ndjson: expected a path, \"-\", a file, or what gives pieces of text (a function, an object with "
                     "chunks or read), got a %s", luaL_typename(L, 1));
    }
    lua_setiuservalue(L, -2, READER_SOURCE);
}

static int open_source(lua_State *L, bool records) {
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(UP_MEMORY));
    lua_pushvalue(L, lua_upvalueindex(UP_META));
    reader *r = push_reader(L, records);
    if (lua_type(L, 1) == LUA_TSTRING) {
        open_path(L, r, lua_tostring(L, 1));
    } else if (luaL_testudata(L, 1, LUA_FILEHANDLE)) {
        if (!((luaL_Stream *)lua_touserdata(L, 1))->closef) slb_usage(L, "ndjson: the file is closed");
        name(L, "the file");
        r->kind = FROM_HANDLE;
        lua_pushvalue(L, 1);
        lua_setiuservalue(L, -2, READER_SOURCE);
    } else {
        open_object(L, r);
    }
    lua_pushvalue(L, -1);
    lua_insert(L, 3); /* the reader, for the loop to close */
    lua_pushcclosure(L, l_next, 3);
    lua_pushvalue(L, 3);
    lua_pushnil(L);
    lua_pushvalue(L, 3);
    return 4;
}

/* records(source, {bad=, max_line_bytes=}) -> iterator of records, reader */
static int l_records(lua_State *L) {
    return open_source(L, true);
}

/* values(source, {bad=, max_line_bytes=}) -> iterator of decoded values, reader */
static int l_values(lua_State *L) {
    return open_source(L, false);
}

const luaL_Reg reader_functions[] = {{"records", l_records}, {"values", l_values}, {NULL, NULL}};
