/* What the files of sluice.ndjson share: ndjson.c (the module, bad lines), record.c, ndjson_path.c, ndjson_reader.c,
 * ndjson_select.c, ndjson_writer.c, chunk.c.
 *
 * A record is one userdata that ends with its text; where it outgrows that, the text moves to a userdata in its first
 * user value. A view (a nested value) is a small userdata whose user value is the record. Neither needs a finalizer.
 */
#ifndef SLB_NDJSON_PARTS_H
#define SLB_NDJSON_PARTS_H

#include "bindings/ndjson.h"
#include "bindings/slb.h"
#include "data/path.h"
#include "data/record.h"

#define RECORD_TYPE "sluice.record"
#define BADLINE_TYPE "sluice.badline"

typedef struct record_root record_root;

/* A record or a view: both begin like this and have the same metatable. */
typedef struct record_node {
    record_root *root;
    uint32_t at;      /* of the value in the record's text; 0 is the record itself */
    uint32_t version; /* of the record when `at` was right */
} record_node;

struct record_root {
    record_node node;
    bool held; /* views were made */
    sl_record rec;
    char text[];
};

/* User values. */
enum { ROOT_TEXT = 1, ROOT_CHANGES = 2, VIEW_ROOT = 1 };

/* One for a Lua state. */
typedef struct ndjson_memory {
    sl_indexes indexes;
    sl_buf scratch; /* values on their way into a record */
    sl_buf key;
    int paths; /* in the table that is its user value */
} ndjson_memory;

/* Functions of records are closures of these two. */
enum { UP_MEMORY = 1, UP_META = 2 };
static inline ndjson_memory *ndjson_memory_up(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(UP_MEMORY));
}

/* Pushes the state's memory. [-0, +1, m] */
ndjson_memory *ndjson_memory_push(lua_State *L);

/* Pushes the metatable of records. [-0, +1, m] */
void record_meta_push(lua_State *L);

/* Pushes a record of text that is valid, an object or an array, without white space around it (copied). `meta` is the
 * stack index of the metatable, which may be an upvalue. [-0, +1, m] */
record_node *record_new(lua_State *L, sl_str text, ndjson_memory *m, int meta);

/* Text that was not looked at yet: 0 where it is one JSON value (the white space around it is taken off *text), or -1
 * with *reason: "column 12: expected a value". record_check takes objects and arrays alone. */
enum { RECORD_REASON = 200 };
int line_check(sl_str *text, char reason[RECORD_REASON]);
int record_check(sl_str *text, char reason[RECORD_REASON]);

/* The record or view at arg, up to date; raises a usage error that names `what`. For closures of the two. [-0, +0, e] */
record_node *record_get(lua_State *L, int arg, const char *what);

/* Its text. Borrowed until the record changes. */
sl_str record_text(const record_node *n);

/* Pushes a value of the node at arg: a scalar, or a view of what starts with a bracket. [-0, +1, e] */
void record_push_value(lua_State *L, int arg, const record_node *n, sl_str value);

/* Makes ready for a change with texts of these lengths. [-0, +0, e] */
void record_room(lua_State *L, int arg, const record_node *n, size_t key_bytes, size_t value_bytes);

/* The path at arg, compiled; what keeps it stays on top of the stack as long as it is used. Raises a usage error that names
 * `what`. [-0, +2, e] */
const sl_path *path_check(lua_State *L, int arg, const char *what);

/* Pushes a value that stands for a line that is none. `text` is what there is of it. [-0, +1, m] */
void badline_push(lua_State *L, const char *source, int64_t line, int64_t offset, int64_t length, sl_str text,
                  const char *reason);

/* Raises the error that a bad line at idx stands for; returns where it is none. [-0, +0, e] */
void badline_raise(lua_State *L, int idx);

/* The functions that other files add to the module: closures of memory and metatable. */
extern const luaL_Reg record_functions[], path_functions[], select_functions[], reader_functions[], writer_functions[],
    chunk_functions[];

#endif
