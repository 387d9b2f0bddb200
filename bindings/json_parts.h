/* What the three files of sluice.json share: json.c (the module and its types), json_decode.c, json_encode.c.
 *
 *   json_memory *m = json_memory_push(L);       // userdata on the stack: what reading and writing remember
 *   lua_getiuservalue(L, -1, JSON_ARRAY_SLOT);  // the metatable of arrays
 */
#ifndef SLB_JSON_PARTS_H
#define SLB_JSON_PARTS_H

#include "bindings/slb.h"

#define JSON_NUMBER "sluice.json.number" /* a number that keeps its digits: userdata with its text */
#define JSON_ARRAY "sluice.json.array"   /* the metatable that makes a table an array even when it is empty */

/* Where the compiler's own choice costs: scalars are dispatched in place, only tables cost a call. */
#if defined(__GNUC__)
#define JSON_INLINE inline __attribute__((always_inline))
#define JSON_CALL __attribute__((noinline))
#else
#define JSON_INLINE inline
#define JSON_CALL
#endif

/* Texts of our own making have a ceiling as well. */
#define JSON_BYTES_MAX ((int64_t)1 << 30)

enum {
    JSON_PLACES = 1024,    /* places of keys in documents, see json_decode.c */
    JSON_KEYS = 1024,      /* written keys, see json_encode.c; a power of two, as the next */
    JSON_WORDS = 512,      /* short strings that come again and again, see json_decode.c */
    JSON_PLACE_TEXT = 54,  /* a key with its quotes and the colon, as it is read: 64 bytes with the rest */
    JSON_KEY_TEXT = 54,    /* the same, as it is written */
    JSON_SCRATCH_KEPT = 1 << 20 /* bytes of work space that stay allocated between calls */
};

/* User values of the memory: a key string for each place, one for each written key, the metatable of arrays, and a
 * userdata that holds the strings of the words. They start at 1, and so do places that hold a key. The words have their
 * own userdata because they change all the time: the collector then finds the memory itself old and leaves it alone. */
enum {
    JSON_KEY_SLOT = JSON_PLACES,
    JSON_ARRAY_SLOT = JSON_KEY_SLOT + JSON_KEYS + 1,
    JSON_WORDS_SLOT,
    JSON_SLOTS = JSON_WORDS_SLOT
};

/* A key at its place among the keys of the objects read before. */
typedef struct json_place {
    uint16_t next;    /* the key that came after it, 0 if none */
    uint16_t child;   /* the first key of the objects that were its value */
    uint16_t members; /* how many members the last of those had */
    uint16_t known;   /* how many places hang below it */
    uint8_t len;
    int8_t luck;      /* goes up where its strings are found among the words */
    char text[JSON_PLACE_TEXT]; /* "name": */
} json_place;

/* A string of at most 24 bytes: its first, middle and last eight, which may overlap. */
typedef struct json_word {
    uint64_t part[3];
    uint32_t len;   /* plus 1; 0 is an empty entry */
    uint32_t found; /* since it was last threatened: such a word stays when another one wants its entry */
} json_word;

/* A key as it was written: the Lua string (kept alive in its slot, so that its address is its name) and its JSON. */
typedef struct json_key {
    const void *string;
    uint16_t len;
    char text[JSON_KEY_TEXT]; /* "name": */
} json_key;

typedef struct json_memory {
    sl_buf scratch;    /* strings with escapes, on their way to Lua */
    sl_buf out;        /* text under construction; nested use is stacked */
    sl_buf sorted;     /* lists of keys in order, stacked */
    const void *array_meta; /* what the array slot holds, as lua_topointer gives it */
    unsigned places;   /* in use */
    unsigned misses;   /* keys that found no room since then */
    json_place place[JSON_PLACES];
    json_key key[JSON_KEYS];
    json_word word[JSON_WORDS];
} json_memory;

/* Pushes the state's one memory, made when first asked for. [-0, +1, m] */
json_memory *json_memory_push(lua_State *L);

/* As slb_json_push and slb_json_put, with the settings that decode() and encode() take. */
int json_read(lua_State *L, sl_str text, int max_depth, sl_err *err);

typedef struct json_style {
    int max_depth;
    bool sort;   /* keys by their bytes */
    bool pretty; /* a line for each value, two spaces for each level */
} json_style;

int json_write(lua_State *L, int idx, const json_style *style, sl_buf *out, sl_err *err);

/* Pushes a number that keeps its digits. [-0, +1, m] */
void json_number_push(lua_State *L, sl_str digits);

#endif
