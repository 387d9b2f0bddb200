/* Steps over JSON that data/scan has accepted: no checks of the grammar, so it is fast, and never for raw input.
 *
 *   sl_str id;
 *   if (sl_walk_member(record, SL_STR("id"), &id)) …           // the last one, where the key is there twice
 *   sl_walk_items it = sl_walk_open(array);
 *   for (sl_str item; sl_walk_item(&it, &item);) use(item);    // elements as they stand in the text
 */
#ifndef SL_DATA_WALK_H
#define SL_DATA_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* From the first byte of a value to the byte after it. */
const char *sl_walk_value(const char *p, const char *end);

/* From the byte after the opening quote to the closing quote; sets *escaped where there is a backslash. */
const char *sl_walk_string(const char *p, const char *end, bool *escaped);

/* True where the content of a string (without quotes, escapes as written) stands for `key`. */
bool sl_walk_key_is(sl_str inner, bool escaped, sl_str key);

/* True where two such contents stand for the same key. */
bool sl_walk_same_key(sl_str a, bool a_escaped, sl_str b, bool b_escaped);

/* The elements of an array or the members of an object, in order. */
typedef struct sl_walk_items {
    const char *p, *end;
    sl_str key;       /* of the member, without quotes, escapes as written; empty in an array */
    bool key_escaped;
    bool object;
} sl_walk_items;

/* `text` starts at the opening bracket. */
sl_walk_items sl_walk_open(sl_str text);

/* The next value; false at the end (it->p is then the closing bracket). */
bool sl_walk_item(sl_walk_items *it, sl_str *value);

/* The value of that key, the last where there are several. False where there is none. */
bool sl_walk_member(sl_str object, sl_str key, sl_str *value);

/* How a message calls the value that starts like this: "a text", "a number", "an object", … */
const char *sl_walk_kind(sl_str value);

/* True where `text` has line ends (they can only stand between tokens). */
bool sl_walk_has_lines(sl_str text);

/* Copies text to out (room for text.len) without the white space around line ends, so that it is one line; gives its
 * length. Nothing else changes. */
size_t sl_walk_one_line(sl_str text, char *out);

#endif
