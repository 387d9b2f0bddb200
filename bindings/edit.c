/* sluice.edit: a line that a person edits on the terminal. Pull: what TAB and Ctrl-C mean is the caller's business. */
#include "io/editor.h"
#include "bindings/slb.h"

#define EDIT_TYPE "sluice.edit"
#define HISTORY_MAX 100000

static sl_editor *editor_at(lua_State *L, int arg) {
    return slb_unbox(L, arg, EDIT_TYPE);
}

/* open({history=}) -> editor | nil, err */
static int l_open(lua_State *L) {
    static const char *const known[] = {"history", NULL};
    slb_check_options(L, 1, "edit.open", known);
    int64_t history = slb_opt_int(L, 1, "history", 1000);
    if (history < 1 || history > HISTORY_MAX) slb_usage(L, "edit.open: history must be a number from 1 to %d", HISTORY_MAX);
    sl_err err;
    sl_editor **box = slb_box(L, EDIT_TYPE);
    *box = sl_editor_open((int)history, &err);
    return *box ? 1 : slb_fail(L, &err);
}

/* The editor stands below the box of the operation. */
static int push_line(lua_State *L, sl_op *op) {
    static const char *const names[] = {"none", "line", "complete", "interrupt", "eof"};
    const sl_err *err = sl_op_error(op);
    if (err) slb_raise(L, err);
    sl_editor *ed = *(sl_editor **)luaL_checkudata(L, 1, EDIT_TYPE); /* NULL: closed meanwhile */
    sl_editor_event event = ed ? sl_editor_event_get(ed) : SL_EDITOR_END;
    size_t cursor = 0;
    lua_pushstring(L, names[event]);
    if (event != SL_EDITOR_LINE && event != SL_EDITOR_COMPLETE) return 1;
    sl_str text = sl_editor_text(ed, &cursor);
    lua_pushlstring(L, text.ptr, text.len);
    lua_pushinteger(L, (lua_Integer)cursor);
    return 3;
}

/* editor:read(prompt) -> "line" | "complete", text, cursor; "interrupt"; "eof"     (waits) */
static int l_read(lua_State *L) {
    sl_editor *ed = editor_at(L, 1);
    const char *prompt = luaL_checkstring(L, 2);
    slb_check_task(L, "editor:read");
    lua_settop(L, 2);
    sl_err err;
    sl_op **box = slb_op_box(L);
    *box = sl_editor_read_start(slb_loop(L), ed, prompt, &err);
    if (!*box) slb_raise(L, &err);
    return slb_wait(L, push_line);
}

/* editor:reads() -> boolean */
static int l_reads(lua_State *L) {
    lua_pushboolean(L, sl_editor_reads(editor_at(L, 1)));
    return 1;
}

/* editor:insert(text, erase) */
static int l_insert(lua_State *L) {
    lua_Integer erase = luaL_optinteger(L, 3, 0);
    if (erase < 0) slb_usage(L, "editor:insert: how many bytes to take away can't be negative");
    sl_editor_insert(editor_at(L, 1), luaL_checkstring(L, 2), (size_t)erase);
    return 0;
}

/* editor:show(text) */
static int l_show(lua_State *L) {
    sl_str text;
    text.ptr = luaL_checklstring(L, 2, &text.len);
    sl_editor_show(editor_at(L, 1), text);
    return 0;
}

/* editor:forget() */
static int l_forget(lua_State *L) {
    sl_editor_forget(editor_at(L, 1));
    return 0;
}

/* editor:pasted() -> boolean */
static int l_pasted(lua_State *L) {
    lua_pushboolean(L, sl_editor_pasted_line(editor_at(L, 1)));
    return 1;
}

/* editor:stop("interrupt" | "eof") */
static int l_stop(lua_State *L) {
    static const char *const ends[] = {"interrupt", "eof", NULL};
    sl_editor *ed = editor_at(L, 1);
    sl_editor_stop(ed, luaL_checkoption(L, 2, NULL, ends) == 0 ? SL_EDITOR_INTERRUPT : SL_EDITOR_END);
    return 0;
}

/* editor:add(text) */
static int l_add(lua_State *L) {
    sl_editor_add(editor_at(L, 1), luaL_checkstring(L, 2));
    return 0;
}

/* editor:close(); while a read is under way it goes on until that was dropped */
static int l_close(lua_State *L) {
    sl_editor **box = luaL_checkudata(L, 1, EDIT_TYPE);
    if (*box && sl_editor_reads(*box)) sl_editor_stop(*box, SL_EDITOR_END);
    sl_editor_close(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg meta[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"add", l_add},   {"close", l_close}, {"forget", l_forget}, {"insert", l_insert}, {"pasted", l_pasted},
                                   {"read", l_read}, {"reads", l_reads}, {"show", l_show},     {"stop", l_stop},     {NULL, NULL}};
static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};

int luaopen_sluice_edit(lua_State *L);
int luaopen_sluice_edit(lua_State *L) {
    slb_type(L, EDIT_TYPE, meta, methods);
    luaL_newlib(L, functions);
    return 1;
}
