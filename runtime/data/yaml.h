/* YAML text to a tree of nodes that know where they stand. Pure: bytes in, tree out.
 *
 *   sl_yaml_options opt = {.name = "sluice.yaml"};
 *   sl_yaml *tree = sl_yaml_parse(text, &opt, &at, &err);        // NULL: err.msg says "sluice.yaml:3:5: …"
 *   for (const sl_yaml_node *key = sl_yaml_root(tree)->first; key; key = key->next->next)
 *       printf("%d: %.*s\n", key->line, (int)key->text.len, key->text.ptr);
 *   sl_yaml_free(tree);
 *
 * What YAML is known for going wrong with does not pass:
 *   - scalars follow the core schema of YAML 1.2; only true and false are booleans. Plain scalars that YAML readers
 *     disagree about (no, on, y, 012, integers beyond 64 bits) are SL_YAML_UNCLEAR: the one who reads the tree either
 *     takes them as they are written, where text is meant, or refuses them with `reason`. 1:30, 1_000 and dates are
 *     text.
 *   - keys are text, as they are written, whatever they look like. A key that comes twice is an error.
 *   - tags, merge keys (<<), several documents, and keys that are no scalars are errors.
 *   - bytes, depth, nodes (each alias counted as if it were written out) and aliases have ceilings.
 */
#ifndef SL_DATA_YAML_H
#define SL_DATA_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef enum sl_yaml_kind {
    SL_YAML_NULL,
    SL_YAML_BOOLEAN,
    SL_YAML_INTEGER,
    SL_YAML_FLOAT,
    SL_YAML_TEXT,
    SL_YAML_UNCLEAR, /* a plain scalar with two readings; `reason` says which */
    SL_YAML_LIST,
    SL_YAML_MAP,
} sl_yaml_kind;

typedef struct sl_yaml_node {
    sl_yaml_kind kind;
    bool plain;         /* a scalar without quotes that is no | or > block */
    int line, column;   /* from 1; columns count characters; of an alias: where the alias stands */
    sl_str text;        /* scalars: as written, without the quotes; terminated */
    const char *reason; /* UNCLEAR: what is wrong, a literal */
    const char *cure;   /* UNCLEAR: what to write instead, a literal */
    union {
        bool boolean;
        int64_t integer;
        double number;
    } as;
    struct sl_yaml_node *first; /* LIST: the first item; MAP: the first key */
    struct sl_yaml_node *next;  /* after an item the next item; after a key its value, after the value the next key */
    size_t count;               /* items or entries */
    size_t weight;              /* nodes in it, itself included, aliases written out */
    int height;                 /* levels in it: 0 for scalars */
} sl_yaml_node;

/* Ceilings; 0 in the options stands for these. */
#define SL_YAML_MAX_BYTES ((size_t)4 << 20)
#define SL_YAML_MAX_NODES ((size_t)200000)
#define SL_YAML_MAX_DEPTH 64
#define SL_YAML_MAX_ANCHORS 1000
#define SL_YAML_MAX_ALIASES 10000

typedef struct sl_yaml_options {
    const char *name; /* of the file, for messages; "yaml" where it is NULL */
    size_t max_bytes;
    size_t max_nodes;
    int max_depth; /* SL_YAML_MAX_DEPTH at most */
    bool strict;   /* UNCLEAR values are errors */
} sl_yaml_options;

typedef struct sl_yaml_mark {
    int line, column;
} sl_yaml_mark;

typedef struct sl_yaml sl_yaml;

/* Reads one document; the empty text is one null. The tree is owned by the caller and keeps nothing of `text`. NULL:
 * err->msg begins with name:line:column, err->hint says what to do, and *at (may be NULL) is the place. */
sl_yaml *sl_yaml_parse(sl_str text, const sl_yaml_options *options, sl_yaml_mark *at, sl_err *err);

/* The document's node, never NULL. Borrowed from the tree. */
const sl_yaml_node *sl_yaml_root(const sl_yaml *tree);

/* Takes a key and its value out of the root, where that is a map that has it. */
void sl_yaml_leave_out(sl_yaml *tree, sl_str key);

/* Frees the tree and all its nodes. NULL is fine. */
void sl_yaml_free(sl_yaml *tree);

/* "map" for SL_YAML_MAP. */
const char *sl_yaml_kind_name(sl_yaml_kind kind);

/* The version of libyaml that is at work. Borrowed, for good. */
const char *sl_yaml_version(void);

#endif
