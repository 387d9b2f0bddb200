/* A place within a JSON value, compiled once: variants[*].price, a.b[2].c, ["odd key"].x
 *
 *   sl_path *path = sl_path_new(SL_STR("variants[*].price"), &err);
 *   sl_buf places;                                   // of sl_place, in the order of the text
 *   sl_buf_init(&places, 1 << 20);
 *   sl_path_find(path, text, 0, &places, &err);      // text is valid JSON
 *
 * Names are separated by dots and taken as they stand; one with a dot, a bracket or a quote in it goes into [""], where
 * a backslash takes the next byte as it is. [n] is an element, from 1; [*] is each element of an array, or each member of an object.
 */
#ifndef SL_DATA_PATH_H
#define SL_DATA_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { SL_PATH_STEPS = 64, SL_PATH_TEXT = 4096 };

typedef struct sl_path sl_path;

/* One match: value number `i` (from 0) of the array or object that starts at `holder` stands at [at, end). */
typedef struct sl_place {
    uint32_t holder, i, at, end;
} sl_place;

/* Owned by the caller. NULL with SL_USAGE where the text is no path. The empty text is the value itself. */
sl_path *sl_path_new(sl_str text, sl_err *err);
void sl_path_free(sl_path *p);

/* True where it may match more than once. */
bool sl_path_many(const sl_path *p);

size_t sl_path_steps(const sl_path *p);

/* Appends an sl_place for each match in the value that starts at text.ptr + start. Of members with the same name the
 * last counts. -1: memory, or more matches than the buffer may hold. */
int sl_path_find(const sl_path *p, sl_str text, uint32_t start, sl_buf *places, sl_err *err);

/* Whether the path starts with a name, for those who have an index of the value: the two functions _from go on from what
 * stands there. */
bool sl_path_first_name(const sl_path *p, sl_str *name);

/* As sl_path_find, where the first step has led to `first`. */
int sl_path_find_from(const sl_path *p, sl_str text, sl_place first, sl_buf *places, sl_err *err);

/* As sl_path_get, where the first step has led to `value`. */
bool sl_path_get_from(const sl_path *p, sl_str value, sl_str *found);

/* The value at the path (the first, where there may be many), which may be `value` itself. False: there is none. */
bool sl_path_get(const sl_path *p, sl_str value, sl_str *found);

#endif
