/* Borrowed bytes: a pointer and a length, not terminated, never owned.
 *
 *   sl_str key = SL_STR("id");
 *   if (sl_str_eq(key, sl_str_of(text))) …
 */
#ifndef SL_BASE_STR_H
#define SL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct sl_str {
    const char *ptr;
    size_t len;
} sl_str;

#define SL_STR(lit) ((sl_str){(lit), sizeof(lit) - 1})

/* The bytes of a C string; NULL gives the empty string. */
static inline sl_str sl_str_of(const char *text) {
    return (sl_str){text ? text : "", text ? strlen(text) : 0};
}

static inline sl_str sl_str_make(const char *ptr, size_t len) {
    return (sl_str){ptr, len};
}

static inline bool sl_str_eq(sl_str a, sl_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal without regard to ASCII case (header names, units). */
bool sl_str_ieq(sl_str a, sl_str b);

bool sl_str_starts(sl_str s, sl_str prefix);

/* Without ASCII white space at both ends. */
sl_str sl_str_trim(sl_str s);

/* Offset of the first `needle` in `hay`, or -1. */
ptrdiff_t sl_str_find(sl_str hay, sl_str needle);

/* An owned, terminated copy; the caller frees it. NULL when memory is out. */
char *sl_str_dup(sl_str s);

/* The candidate nearest to `word` (edit distance, at most a third of its length away), or NULL: "did you mean". */
const char *sl_str_nearest(const char *word, const char *const *candidates, size_t count);

#endif
