/* What the files of sluice.ndjson share: ndjson.c (the module, bad lines), record.c, record_change.c, ndjson_path.c,
 * ndjson_select.c, ndjson_reader.c, ndjson_writer.c, chunk.c.
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
#include "data/valid.h"

#define RECORD_TYPE "sluice.record"
#define BADLINE_TYPE "sluice.badline"

typedef struct record_root record_root;

/* One for a Lua state. */
typedef struct ndjson_memory {
    sl_indexes indexes;
    sl_valid valid;
    sl_buf scratch; /* values on their way into a record */
    sl_buf key;
    int paths; /* in the table that is its user value */
} ndjson_memory;

/* A record or a view: both begin like this and have the same metatable. */
typedef struct record_node {
    const void *tag; /* &record_tag */
    record_root *root;
    uint32_t at;      /* of the value in the record's text; 0 is the record itself */
    uint32_t version; /* of the record when `at` was right */
} record_node;

struct record_root {
    record_node node;
    ndjson_memory *memory; /* the registry holds it */
    bool held;             /* views were made */
    sl_record rec;
    char text[];
};

/* The userdata at idx where it begins with that tag and is large enough, else NULL: cheaper than its metatable. */
static inline void *ndjson_tagged(lua_State *L, int idx, const void *tag, size_t size) {
    const void **block = lua_touserdata(L, idx);
    return block && lua_rawlen(L, idx) >= size && *block == tag ? (void *)block : NULL;
}

extern const char record_tag;
static inline record_node *record_test(lua_State *L, int idx) {
    return ndjson_tagged(L, idx, &record_tag, sizeof(record_node));
}

/* User values. */
enum { ROOT_TEXT = 1, ROOT_CHANGES = 2, VIEW_ROOT = 1 };

/* Functions of records are closures of these two. */
enum { UP_MEMORY = 1, UP_META = 2 };
static inline ndjson_memory *ndjson_memory_up(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(UP_MEMORY));
}

/* Pushes the state's memory. [-0, +1, m] */
ndjson_memory *ndjson_memory_push(lua_State *L);

/* Pushes the metatable of records. [-0, +1, m] */
void record_meta_push(lua_State *L);

/* Text that was not looked at yet, and where its members are, if that is known: members that another look at the indexes
 * takes away. */
typedef struct record_line {
    sl_str text;
    bool slack; /* SL_SIMD_BLOCK bytes behind it may be read */
    bool plain; /* has no line ends within; false: not known */
    sl_index *x;
    uint64_t used; /* of x: making a record may run a finalizer, which may read lines of its own */
} record_line;

/* Takes the white space around the text off; true where data/valid takes it, and then it has an index. False says nothing. */
bool line_valid(ndjson_memory *m, record_line *line);

/* 0 where the text is one JSON value (the white space around it is taken off), or -1 with *reason: "column 12: expected a
 * value". record_check takes objects and arrays alone. */
enum { RECORD_REASON = 200 };
int line_check(ndjson_memory *m, record_line *line, char reason[RECORD_REASON]);
int record_check(ndjson_memory *m, record_line *line, char reason[RECORD_REASON]);

/* Pushes a record of text that is valid, an object or an array, without white space around it (copied). `meta` is the
 * stack index of the metatable, which may be an upvalue. [-0, +1, m] */
record_node *record_new(lua_State *L, record_line line, ndjson_memory *m, int meta);

/* The record or view at arg, up to date; raises a usage error that names `what`. For closures of the two. [-0, +0, e] */
record_node *record_get(lua_State *L, int arg, const char *what);

/* Its text. Borrowed until the record changes. */
sl_str record_text(const record_node *n);

/* As slb_record_put, where the node at idx is known. [-0, +0, e] */
int record_put(lua_State *L, int idx, record_node *n, sl_buf *out, sl_err *err);

/* Pushes a value of the node at arg: a scalar, or a view of what starts with a bracket. [-0, +1, e] */
void record_push_value(lua_State *L, int arg, const record_node *n, sl_str value);

/* The members of the array or object at n. Borrowed until another one is asked for. [-0, +0, e] */
sl_index *record_index(lua_State *L, const record_node *n);

/* Pushes the record that the node at arg belongs to. [-0, +1, -] */
void record_push_root(lua_State *L, int arg, const record_node *n);

/* The key at arg as the number of an element, from 0; -1 where it can't be one. */
int64_t record_element(lua_State *L, int arg);

/* The metamethod of assignments. */
int record_newindex(lua_State *L);

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
extern const luaL_Reg record_functions[], change_functions[], path_functions[], select_functions[], reader_functions[],
    writer_functions[], chunk_functions[];

#endif
