/* Doubling growth up to the ceiling; one spare byte is always there for the terminator. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void sl_buf_init(sl_buf *b, size_t max_bytes) {
    *b = (sl_buf){NULL, 0, 0, max_bytes};
}

void sl_buf_free(sl_buf *b) {
    free(b->data);
    sl_buf_init(b, b->max);
}

int sl_buf_grow(sl_buf *b, size_t more, sl_err *err) {
    if (more > b->max || b->len > b->max - more)
        return sl_fail(err, SL_LIMIT, 0, "more than the %zu bytes allowed here", b->max);
    size_t need = b->len + more + 1;
    if (need <= b->cap) return 0;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need) cap *= 2;
    if (cap > b->max + 1) cap = b->max + 1;
    char *data = realloc(b->data, cap);
    if (!data) return sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu bytes", cap);
    b->data = data;
    b->cap = cap;
    return 0;
}

int sl_buf_put(sl_buf *b, const void *bytes, size_t len, sl_err *err) {
    if (sl_buf_reserve(b, len, err) < 0) return -1;
    if (len) memcpy(b->data + b->len, bytes, len);
    b->len += len;
    return 0;
}

int sl_buf_put_str(sl_buf *b, sl_str s, sl_err *err) {
    return sl_buf_put(b, s.ptr, s.len, err);
}

int sl_buf_vprintf(sl_buf *b, sl_err *err, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    int rc = n < 0 ? sl_fail(err, SL_INTERNAL, 0, "bad format") : sl_buf_reserve(b, (size_t)n, err);
    if (rc == 0) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

int sl_buf_printf(sl_buf *b, sl_err *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int rc = sl_buf_vprintf(b, err, fmt, ap);
    va_end(ap);
    return rc;
}

void sl_buf_drop(sl_buf *b, size_t n) {
    sl_assert(n <= b->len);
    if (n && b->len > n) memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

const char *sl_buf_cstr(sl_buf *b) {
    if (!b->data && sl_buf_reserve(b, 0, NULL) < 0) return "";
    b->data[b->len] = '\0';
    return b->data;
}
