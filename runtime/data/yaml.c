/* libyaml's events, composed into a tree. libyaml only cuts the text; what its scalars mean, which keys are twice,
 * what an alias may cost and how complaints read is decided here, because its own document API does none of it.
 *
 * All memory of a tree is in one arena of blocks. An alias is a copy of one node that shares the children below it,
 * so it costs nothing here; what it would cost written out is added up as `weight` and has a ceiling. */
#include "data/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/libyaml.h"
#include "data/yaml_fault.h"
#include "data/yaml_scalar.h"

/* ---- the tree's memory ---- */

#define BLOCK_BYTES ((size_t)16 << 10)

typedef struct block {
    struct block *next;
    size_t used, size;
    max_align_t bytes[];
} block;

struct sl_yaml {
    block *blocks;
    sl_yaml_node *root;
};

static void *tree_alloc(sl_yaml *tree, size_t size) {
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    block *b = tree->blocks;
    if (!b || b->size - b->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        b = malloc(sizeof *b + room);
        if (!b) return NULL;
        *b = (block){.next = tree->blocks, .used = 0, .size = room};
        tree->blocks = b;
    }
    void *p = (char *)b->bytes + b->used;
    b->used += size;
    return p;
}

void sl_yaml_free(sl_yaml *tree) {
    if (!tree) return;
    for (block *b = tree->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(tree);
}

const sl_yaml_node *sl_yaml_root(const sl_yaml *tree) {
    return tree->root;
}

void sl_yaml_leave_out(sl_yaml *tree, sl_str key) {
    if (tree->root->kind != SL_YAML_MAP) return;
    for (sl_yaml_node **at = &tree->root->first; *at; at = &(*at)->next->next) {
        if (!sl_str_eq((*at)->text, key)) continue;
        *at = (*at)->next->next;
        tree->root->count--;
        return;
    }
}

const char *sl_yaml_kind_name(sl_yaml_kind kind) {
    static const char *const names[] = {"null", "boolean", "integer", "float", "text", "unclear", "list", "map"};
    return names[kind];
}

/* ---- the composer ---- */

typedef struct anchor {
    struct anchor *next;
    const char *name;
    const sl_yaml_node *node; /* NULL while its node is being read: an alias in there would never end */
} anchor;

typedef struct composer {
    yaml_parser_t parser;
    yaml_event_t event; /* the one at hand; its memory is libyaml's until the next */
    sl_yaml *tree;
    sl_str text;
    sl_yaml_options limits;
    anchor *anchors;
    size_t anchor_count, alias_count, weight;
    sl_yaml_mark at;
    sl_err *err;
} composer;

/* Complains about a place. Returns NULL, so that those who make nodes can `return refuse(…)`. */
static void *refuse(composer *c, sl_yaml_mark at, const char *hint, const char *fmt, ...) SL_PRINTF(4, 5);
static void *refuse(composer *c, sl_yaml_mark at, const char *hint, const char *fmt, ...) {
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    c->at = at;
    sl_fail(c->err, SL_INVALID, 0, "%.180s:%d:%d: %s", c->limits.name, at.line, at.column, what);
    if (hint) sl_hint(c->err, "%s", hint);
    return NULL;
}

static void *refuse_memory(composer *c) {
    sl_fail(c->err, SL_INTERNAL, 0, "%.180s: out of memory", c->limits.name);
    return NULL;
}

static sl_yaml_mark mark_of(const composer *c) {
    return (sl_yaml_mark){(int)c->event.start_mark.line + 1, (int)c->event.start_mark.column + 1};
}

static sl_yaml_mark node_mark(const sl_yaml_node *node) {
    return (sl_yaml_mark){node->line, node->column};
}

static bool next_event(composer *c) {
    yaml_event_delete(&c->event);
    if (yaml_parser_parse(&c->parser, &c->event)) return true;
    sl_yaml_fault fault;
    sl_yaml_explain(&c->parser, c->text, &fault);
    refuse(c, fault.at, fault.hint, "%s", fault.message);
    return false;
}

static sl_yaml_node *new_node(composer *c, sl_yaml_kind kind) {
    sl_yaml_mark at = mark_of(c);
    if (++c->weight > c->limits.max_nodes)
        return refuse(c, at, "split the file", "more than the %zu values allowed here", c->limits.max_nodes);
    sl_yaml_node *node = tree_alloc(c->tree, sizeof *node);
    if (!node) return refuse_memory(c);
    *node = (sl_yaml_node){.kind = kind, .line = at.line, .column = at.column, .weight = 1};
    return node;
}

static const char *copy_text(composer *c, const char *bytes, size_t len) {
    char *copy = tree_alloc(c->tree, len + 1);
    if (!copy) return refuse_memory(c);
    if (len) memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

/* ---- anchors and aliases ---- */

static anchor *anchor_open(composer *c, const yaml_char_t *name) {
    if (++c->anchor_count > SL_YAML_MAX_ANCHORS)
        return refuse(c, mark_of(c), NULL, "more than the %d anchors (&) allowed", SL_YAML_MAX_ANCHORS);
    anchor *a = tree_alloc(c->tree, sizeof *a);
    if (!a) return refuse_memory(c);
    *a = (anchor){.next = c->anchors};
    a->name = copy_text(c, (const char *)name, strlen((const char *)name));
    if (!a->name) return NULL;
    c->anchors = a;
    return a;
}

static const anchor *anchor_find(const composer *c, const char *name) {
    const anchor *a = c->anchors;
    while (a && strcmp(a->name, name) != 0) a = a->next;
    return a;
}

static sl_yaml_node *compose_alias(composer *c, int depth) {
    const char *name = (const char *)c->event.data.alias.anchor;
    sl_yaml_mark at = mark_of(c);
    if (++c->alias_count > SL_YAML_MAX_ALIASES)
        return refuse(c, at, NULL, "more than the %d aliases (*) allowed", SL_YAML_MAX_ALIASES);
    const anchor *a = anchor_find(c, name);
    if (!a)
        return refuse(c, at, "set the anchor above it, or quote a text that begins with '*'",
                      "the alias *%.60s names no anchor (&%.60s)", name, name);
    if (!a->node) return refuse(c, at, "write it out", "the alias *%.60s stands inside of what it names", name);
    if (depth + a->node->height > c->limits.max_depth)
        return refuse(c, at, NULL, "nested deeper than the %d levels allowed", c->limits.max_depth);
    c->weight += a->node->weight - 1;
    sl_yaml_node *node = new_node(c, a->node->kind);
    if (!node) return NULL;
    *node = *a->node;
    node->line = at.line;
    node->column = at.column;
    node->next = NULL;
    return node;
}

/* ---- nodes ---- */

static sl_yaml_node *compose_scalar(composer *c) {
    sl_yaml_node *node = new_node(c, SL_YAML_TEXT);
    if (!node) return NULL;
    size_t len = c->event.data.scalar.length;
    const char *text = copy_text(c, (const char *)c->event.data.scalar.value, len);
    if (!text) return NULL;
    node->text = sl_str_make(text, len);
    node->plain = c->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (node->plain) sl_yaml_resolve(node);
    return node;
}

static sl_yaml_node *compose(composer *c, int depth);

/* Puts `child` behind `*last` and adds it up. */
static void append(sl_yaml_node *parent, sl_yaml_node **last, sl_yaml_node *child) {
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
    parent->weight += child->weight;
    if (parent->height < child->height + 1) parent->height = child->height + 1;
}

static sl_yaml_node *compose_list(composer *c, int depth) {
    sl_yaml_node *list = new_node(c, SL_YAML_LIST), *last = NULL;
    if (!list) return NULL;
    for (;;) {
        if (!next_event(c)) return NULL;
        if (c->event.type == YAML_SEQUENCE_END_EVENT) return list;
        sl_yaml_node *item = compose(c, depth + 1);
        if (!item) return NULL;
        append(list, &last, item);
        list->count++;
    }
}

static sl_yaml_node *refuse_tag(composer *c, const yaml_char_t *tag) {
    return refuse(c, mark_of(c), "remove it, or quote a text that begins with '!'", "tags are not read (%.60s)",
                  (const char *)tag);
}

static sl_yaml_node *compose_key(composer *c) {
    sl_yaml_mark at = mark_of(c);
    if (c->event.type == YAML_ALIAS_EVENT) return refuse(c, at, "write the key out", "an alias can't be a key");
    if (c->event.type != YAML_SCALAR_EVENT)
        return refuse(c, at, "quote it: a plain value can't begin with { or [", "a list or map can't be a key");
    if (c->event.data.scalar.tag) return refuse_tag(c, c->event.data.scalar.tag);
    if (c->event.data.scalar.anchor)
        return refuse(c, at, "put it after the ':'", "an anchor (&) can't stand before a key");
    sl_yaml_node *key = compose_scalar(c);
    if (!key) return NULL;
    if (key->plain && key->text.len == 0)
        return refuse(c, at, "write one, or \"\"", "there is no key before this ':'");
    if (key->plain && sl_str_eq(key->text, SL_STR("<<")))
        return refuse(c, at, "write the keys out", "merge keys (<<) are not read");
    key->kind = SL_YAML_TEXT;
    key->reason = key->cure = NULL;
    return key;
}

static bool stands_before(const sl_yaml_node *a, const sl_yaml_node *b) {
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static int by_key(const void *a, const void *b) {
    const sl_yaml_node *x = *(sl_yaml_node *const *)a, *y = *(sl_yaml_node *const *)b;
    size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = len ? memcmp(x->text.ptr, y->text.ptr, len) : 0;
    if (order) return order;
    if (x->text.len != y->text.len) return x->text.len < y->text.len ? -1 : 1;
    return stands_before(x, y) ? -1 : 1;
}

/* Sorting finds what comes twice in n log n, whatever the keys are made of. */
static bool keys_differ(composer *c, const sl_yaml_node *map) {
    if (map->count < 2) return true;
    sl_yaml_node **keys = calloc(map->count, sizeof(sl_yaml_node *));
    if (!keys) return refuse_memory(c);
    size_t n = 0;
    for (sl_yaml_node *key = map->first; key; key = key->next->next) keys[n++] = key;
    qsort(keys, n, sizeof(sl_yaml_node *), by_key);
    const sl_yaml_node *twice = NULL, *before = NULL;
    for (size_t i = 1; i < n; i++) {
        if (!sl_str_eq(keys[i - 1]->text, keys[i]->text) || (twice && stands_before(twice, keys[i]))) continue;
        before = keys[i - 1];
        twice = keys[i];
    }
    free(keys);
    if (twice)
        refuse(c, node_mark(twice), "remove one of them", "the key \"%.80s\" is here already at %d:%d",
               twice->text.ptr, before->line, before->column);
    return !twice;
}

static sl_yaml_node *compose_map(composer *c, int depth) {
    sl_yaml_node *map = new_node(c, SL_YAML_MAP), *last = NULL;
    if (!map) return NULL;
    for (;;) {
        if (!next_event(c)) return NULL;
        if (c->event.type == YAML_MAPPING_END_EVENT) return keys_differ(c, map) ? map : NULL;
        sl_yaml_node *key = compose_key(c);
        if (!key) return NULL;
        append(map, &last, key);
        if (!next_event(c)) return NULL;
        sl_yaml_node *value = compose(c, depth + 1);
        if (!value) return NULL;
        append(map, &last, value);
        map->count++;
    }
}

static const yaml_char_t *event_anchor(const composer *c) {
    switch (c->event.type) {
    case YAML_SCALAR_EVENT: return c->event.data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return c->event.data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return c->event.data.mapping_start.anchor;
    default: return NULL;
    }
}

static const yaml_char_t *event_tag(const composer *c) {
    switch (c->event.type) {
    case YAML_SCALAR_EVENT: return c->event.data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT: return c->event.data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return c->event.data.mapping_start.tag;
    default: return NULL;
    }
}

/* The node that begins with the event at hand; `depth` levels are open around it. */
static sl_yaml_node *compose(composer *c, int depth) {
    if (event_tag(c)) return refuse_tag(c, event_tag(c));
    if (c->event.type == YAML_ALIAS_EVENT) return compose_alias(c, depth);
    anchor *a = NULL;
    if (event_anchor(c) && !(a = anchor_open(c, event_anchor(c)))) return NULL;
    if (c->event.type != YAML_SCALAR_EVENT && depth >= c->limits.max_depth)
        return refuse(c, mark_of(c), NULL, "nested deeper than the %d levels allowed", c->limits.max_depth);
    sl_yaml_node *node = c->event.type == YAML_SCALAR_EVENT           ? compose_scalar(c)
                         : c->event.type == YAML_SEQUENCE_START_EVENT ? compose_list(c, depth)
                                                                      : compose_map(c, depth);
    if (a) a->node = node;
    if (node && node->kind == SL_YAML_UNCLEAR && c->limits.strict)
        return refuse(c, node_mark(node), node->cure, "%s", node->reason);
    return node;
}

/* ---- the document ---- */

/* Bytes that libyaml would take, but not as they are: the line breaks of YAML 1.1 that no editor counts as lines. */
static bool check_breaks(composer *c) {
    static const struct { const char *bytes; size_t len; const char *name; } breaks[] = {
        {"\xC2\x85", 2, "U+0085"}, {"\xE2\x80\xA8", 3, "U+2028"}, {"\xE2\x80\xA9", 3, "U+2029"}};
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        ptrdiff_t at = sl_str_find(c->text, sl_str_make(breaks[i].bytes, breaks[i].len));
        if (at < 0) continue;
        refuse(c, sl_yaml_mark_of(c->text, (size_t)at), "remove it, or write it as \\uNNNN in a \"…\" text",
               "an unusual line break (%s)", breaks[i].name);
        return false;
    }
    return true;
}

static bool check_text(composer *c) {
    sl_yaml_mark top = {1, 1};
    if (c->text.len > c->limits.max_bytes) {
        refuse(c, top, NULL, "%zu bytes are more than the %zu allowed here", c->text.len, c->limits.max_bytes);
        return false;
    }
    if (sl_str_starts(c->text, SL_STR("\xFF\xFE")) || sl_str_starts(c->text, SL_STR("\xFE\xFF"))) {
        refuse(c, top, "save the file as UTF-8", "this is UTF-16");
        return false;
    }
    return check_breaks(c);
}

static sl_yaml_node *compose_document(composer *c) {
    if (!next_event(c) || !next_event(c)) return NULL; /* stream start, document start or stream end */
    if (c->event.type == YAML_STREAM_END_EVENT) return new_node(c, SL_YAML_NULL);
    if (!next_event(c)) return NULL;
    sl_yaml_node *root = compose(c, 0);
    if (!root || !next_event(c) || !next_event(c)) return NULL; /* document end, stream end */
    if (c->event.type == YAML_STREAM_END_EVENT) return root;
    return refuse(c, mark_of(c), "one file holds one document: move this one to a file of its own",
                  "a second document begins here");
}

static sl_yaml_options limits_of(const sl_yaml_options *options) {
    sl_yaml_options limits = options ? *options : (sl_yaml_options){0};
    if (!limits.name) limits.name = "yaml";
    if (!limits.max_bytes) limits.max_bytes = SL_YAML_MAX_BYTES;
    if (!limits.max_nodes) limits.max_nodes = SL_YAML_MAX_NODES;
    if (limits.max_depth <= 0 || limits.max_depth > SL_YAML_MAX_DEPTH) limits.max_depth = SL_YAML_MAX_DEPTH;
    return limits;
}

sl_yaml *sl_yaml_parse(sl_str text, const sl_yaml_options *options, sl_yaml_mark *at, sl_err *err) {
    if (sl_str_starts(text, SL_STR("\xEF\xBB\xBF"))) text = sl_str_make(text.ptr + 3, text.len - 3);
    composer c = {.text = text, .limits = limits_of(options), .at = {1, 1}, .err = err};
    if (at) *at = c.at;
    if (sl_libyaml_open(err) < 0) return NULL;
    if (!yaml_parser_initialize(&c.parser)) {
        refuse_memory(&c);
        return NULL;
    }
    c.tree = calloc(1, sizeof *c.tree);
    if (!c.tree) {
        refuse_memory(&c);
    } else if (check_text(&c)) {
        yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&c.parser, (const unsigned char *)text.ptr, text.len);
        c.tree->root = compose_document(&c);
    }
    yaml_event_delete(&c.event);
    yaml_parser_delete(&c.parser);
    if (at) *at = c.at;
    if (c.tree && c.tree->root) return c.tree;
    sl_yaml_free(c.tree);
    return NULL;
}

const char *sl_yaml_version(void) {
    return sl_libyaml_open(NULL) == 0 ? yaml_get_version_string() : "missing";
}
