/* A growable byte buffer that names its ceiling.
 *
 *   sl_buf b;
 *   sl_buf_init(&b, 8 << 20);                      // may never hold more than 8 MB
 *   if (sl_buf_put(&b, bytes, len, &err) < 0) …    // SL_LIMIT past the ceiling, b unchanged
 *   use(b.data, b.len);                            // not terminated; sl_buf_cstr() terminates
 *   sl_buf_free(&b);
 */
#ifndef SL_BASE_BUF_H
#define SL_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

typedef struct sl_buf {
    char *data; /* NULL until something was put in */
    size_t len;
    size_t cap;
    size_t max; /* the ceiling for len */
} sl_buf;

/* Empty, with a ceiling in bytes. Allocates nothing. */
void sl_buf_init(sl_buf *b, size_t max_bytes);

/* Frees the memory; the buffer is empty afterwards and may be used again. */
void sl_buf_free(sl_buf *b);

/* len = 0, memory kept. */
static inline void sl_buf_clear(sl_buf *b) {
    b->len = 0;
}

/* The slow half of sl_buf_reserve. */
int sl_buf_grow(sl_buf *b, size_t more, sl_err *err);

/* Makes room for `more` bytes behind len; after that b->data + b->len takes them directly. */
static inline int sl_buf_reserve(sl_buf *b, size_t more, sl_err *err) {
    return more < b->cap - b->len ? 0 : sl_buf_grow(b, more, err); /* cap is never more than max + 1 */
}

/* Append. 0, or -1 with SL_LIMIT (ceiling) or SL_INTERNAL (memory); the buffer is unchanged then. */
int sl_buf_put(sl_buf *b, const void *bytes, size_t len, sl_err *err);
int sl_buf_put_str(sl_buf *b, sl_str s, sl_err *err);
static inline int sl_buf_put_char(sl_buf *b, char c, sl_err *err) {
    if (sl_buf_reserve(b, 1, err) < 0) return -1;
    b->data[b->len++] = c;
    return 0;
}
int sl_buf_printf(sl_buf *b, sl_err *err, const char *fmt, ...) SL_PRINTF(3, 4);
int sl_buf_vprintf(sl_buf *b, sl_err *err, const char *fmt, va_list ap);

/* Drops the first n bytes, moving the rest to the front. */
void sl_buf_drop(sl_buf *b, size_t n);

/* Terminates behind len (not counted) and returns data; "" when memory is out. Borrowed. */
const char *sl_buf_cstr(sl_buf *b);

static inline sl_str sl_buf_str(const sl_buf *b) {
    return (sl_str){b->data ? b->data : "", b->len};
}

#endif
