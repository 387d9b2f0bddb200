/* sluice.yaml: YAML texts as Lua values, or as a tree of nodes that know where they stand. */
#include <errno.h>
#include <stdio.h>

#include "bindings/slb.h"
#include "data/yaml.h"

#define TREE_TYPE "sluice.yaml.tree"

static int tree_gc(lua_State *L) {
    sl_yaml **box = luaL_checkudata(L, 1, TREE_TYPE);
    sl_yaml_free(*box);
    *box = NULL;
    return 0;
}

static const luaL_Reg tree_meta[] = {{"__gc", tree_gc}, {NULL, NULL}};

/* ---- options and errors ---- */

static sl_yaml_options check_options(lua_State *L, int idx, const char *what, bool may_be_unclear) {
    static const char *const known[] = {"max_bytes", "max_depth", "max_nodes", "name", "unclear", NULL};
    static const char *const known_to_parse[] = {"max_bytes", "max_depth", "max_nodes", "name", "without", NULL};
    slb_check_options(L, idx, what, may_be_unclear ? known_to_parse : known);
    int64_t bytes = slb_opt_int(L, idx, "max_bytes", 0), nodes = slb_opt_int(L, idx, "max_nodes", 0);
    int64_t depth = slb_opt_int(L, idx, "max_depth", 0);
    if (bytes < 0 || nodes < 0 || depth < 0 || depth > SL_YAML_MAX_DEPTH)
        slb_usage(L, "%s: max_bytes and max_nodes must be positive, max_depth at most %d", what, SL_YAML_MAX_DEPTH);
    const char *unclear = may_be_unclear ? "text" : slb_opt_string(L, idx, "unclear", "refuse");
    bool strict = strcmp(unclear, "refuse") == 0;
    if (!strict && strcmp(unclear, "text") != 0) slb_usage(L, "%s: unclear must be 'refuse' or 'text'", what);
    return (sl_yaml_options){.name = slb_opt_string(L, idx, "name", NULL),
                             .max_bytes = (size_t)bytes,
                             .max_nodes = (size_t)nodes,
                             .max_depth = (int)depth,
                             .strict = strict};
}

/* nil and the error with line and column as fields of their own. */
static int fail_at(lua_State *L, const sl_err *err, sl_yaml_mark at) {
    slb_fail(L, err);
    lua_pushinteger(L, at.line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, at.column);
    lua_setfield(L, -2, "column");
    return 2;
}

/* ---- values ---- */

static void push_value(lua_State *L, const sl_yaml_node *node);

static void push_scalar(lua_State *L, const sl_yaml_node *node) {
    switch (node->kind) {
    case SL_YAML_NULL: lua_pushlightuserdata(L, NULL); break;
    case SL_YAML_BOOLEAN: lua_pushboolean(L, node->as.boolean); break;
    case SL_YAML_INTEGER: lua_pushinteger(L, (lua_Integer)node->as.integer); break;
    case SL_YAML_FLOAT: lua_pushnumber(L, node->as.number); break;
    default: lua_pushlstring(L, node->text.ptr, node->text.len);
    }
}

static int presize(size_t count) {
    return count < 65536 ? (int)count : 65536;
}

static void push_list(lua_State *L, const sl_yaml_node *list) {
    lua_createtable(L, presize(list->count), 0);
    if (list->count == 0) { /* so that json.encode writes [] */
        luaL_newmetatable(L, "sluice.json.array");
        lua_setmetatable(L, -2);
    }
    lua_Integer n = 0;
    for (const sl_yaml_node *item = list->first; item; item = item->next) {
        push_value(L, item);
        lua_rawseti(L, -2, ++n);
    }
}

static void push_map(lua_State *L, const sl_yaml_node *map) {
    lua_createtable(L, 0, presize(map->count));
    for (const sl_yaml_node *key = map->first; key; key = key->next->next) {
        lua_pushlstring(L, key->text.ptr, key->text.len);
        push_value(L, key->next);
        lua_rawset(L, -3);
    }
}

static void push_value(lua_State *L, const sl_yaml_node *node) {
    luaL_checkstack(L, 4, "YAML is nested too deeply"); /* the tree's depth is bounded by SL_YAML_MAX_DEPTH */
    if (node->kind == SL_YAML_LIST)
        push_list(L, node);
    else if (node->kind == SL_YAML_MAP)
        push_map(L, node);
    else
        push_scalar(L, node);
}

/* ---- nodes ---- */

static void push_node(lua_State *L, const sl_yaml_node *node);

static void set_place(lua_State *L, const sl_yaml_node *node) {
    lua_pushinteger(L, node->line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, node->column);
    lua_setfield(L, -2, "column");
}

static void set_scalar(lua_State *L, const sl_yaml_node *node) {
    lua_pushlstring(L, node->text.ptr, node->text.len);
    lua_setfield(L, -2, "text");
    lua_pushboolean(L, node->plain);
    lua_setfield(L, -2, "plain");
    slb_set_text(L, "reason", node->reason);
    slb_set_text(L, "cure", node->cure);
    if (node->kind == SL_YAML_NULL || node->kind == SL_YAML_UNCLEAR) return;
    push_scalar(L, node);
    lua_setfield(L, -2, "value");
}

static void push_entry(lua_State *L, const sl_yaml_node *key) {
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, key->text.ptr, key->text.len);
    lua_setfield(L, -2, "key");
    set_place(L, key);
    push_node(L, key->next);
    lua_setfield(L, -2, "value");
}

static void set_children(lua_State *L, const sl_yaml_node *node) {
    bool map = node->kind == SL_YAML_MAP;
    lua_createtable(L, presize(node->count), 0);
    lua_Integer n = 0;
    for (const sl_yaml_node *child = node->first; child; child = map ? child->next->next : child->next) {
        if (map)
            push_entry(L, child);
        else
            push_node(L, child);
        lua_rawseti(L, -2, ++n);
    }
    lua_setfield(L, -2, map ? "entries" : "items");
}

static void push_node(lua_State *L, const sl_yaml_node *node) {
    luaL_checkstack(L, 6, "YAML is nested too deeply");
    lua_createtable(L, 0, 6);
    lua_pushstring(L, sl_yaml_kind_name(node->kind));
    lua_setfield(L, -2, "kind");
    set_place(L, node);
    if (node->kind == SL_YAML_LIST || node->kind == SL_YAML_MAP)
        set_children(L, node);
    else
        set_scalar(L, node);
}

/* ---- the module ---- */

/* Parses into a box, pushes with `push` all but the root's key `without` (may be NULL), frees the tree at once.
 * [-0, +1 or 2, m] */
static int parse_and_push(lua_State *L, sl_str text, const sl_yaml_options *options, const char *without,
                          void (*push)(lua_State *, const sl_yaml_node *)) {
    sl_yaml **box = slb_box(L, TREE_TYPE);
    sl_yaml_mark at;
    sl_err err;
    *box = sl_yaml_parse(text, options, &at, &err);
    if (!*box) return fail_at(L, &err, at);
    if (without) sl_yaml_leave_out(*box, sl_str_of(without));
    push(L, sl_yaml_root(*box));
    sl_yaml_free(*box);
    *box = NULL;
    return 1;
}

static sl_str check_text(lua_State *L, int arg, const char *what) {
    if (lua_type(L, arg) != LUA_TSTRING)
        slb_usage(L, "%s: the text must be a string, not a %s", what, luaL_typename(L, arg));
    size_t len;
    const char *text = lua_tolstring(L, arg, &len);
    return sl_str_make(text, len);
}

/* decode(text, {name=, unclear=, max_bytes=, max_depth=, max_nodes=}?) -> value | nil, err */
static int l_decode(lua_State *L) {
    sl_str text = check_text(L, 1, "yaml.decode");
    sl_yaml_options options = check_options(L, 2, "yaml.decode", false);
    return parse_and_push(L, text, &options, NULL, push_value);
}

/* parse(text, {name=, max_bytes=, max_depth=, max_nodes=, without=}?) -> node | nil, err */
static int l_parse(lua_State *L) {
    sl_str text = check_text(L, 1, "yaml.parse");
    sl_yaml_options options = check_options(L, 2, "yaml.parse", true);
    return parse_and_push(L, text, &options, slb_opt_string(L, 2, "without", NULL), push_node);
}

/* Pushes the file's bytes, one more than allowed at most. -1 with err. [-0, +1 on success, m] */
static int push_file(lua_State *L, const char *path, size_t max_bytes, sl_err *err) {
    FILE *file = fopen(path, "rbe");
    if (!file) return sl_fail_errno(err, "%s", path);
    luaL_Buffer b;
    luaL_buffinit(L, &b); /* a memory error in here would lose the handle, not the data; nothing else can raise */
    size_t total = 0, got;
    do {
        char *room = luaL_prepbuffer(&b);
        got = fread(room, 1, LUAL_BUFFERSIZE, file);
        luaL_addsize(&b, got);
        total += got;
    } while (got > 0 && total <= max_bytes);
    int problem = ferror(file) ? errno : 0;
    fclose(file);
    luaL_pushresult(&b);
    errno = problem;
    return problem ? sl_fail_errno(err, "%s", path) : 0;
}

/* load(path, {unclear=, max_bytes=, max_depth=, max_nodes=}?) -> value | nil, err */
static int l_load(lua_State *L) {
    const char *path = check_text(L, 1, "yaml.load").ptr;
    sl_yaml_options options = check_options(L, 2, "yaml.load", false);
    if (!options.name) options.name = path;
    sl_err err;
    size_t max_bytes = options.max_bytes ? options.max_bytes : SL_YAML_MAX_BYTES;
    if (push_file(L, path, max_bytes, &err) < 0) return slb_fail(L, &err);
    return parse_and_push(L, check_text(L, -1, "yaml.load"), &options, NULL, push_value);
}

static const luaL_Reg functions[] = {{"decode", l_decode}, {"load", l_load}, {"parse", l_parse}, {NULL, NULL}};

int luaopen_sluice_yaml(lua_State *L);
int luaopen_sluice_yaml(lua_State *L) {
    slb_type(L, TREE_TYPE, tree_meta, NULL);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
