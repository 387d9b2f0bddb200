/* Strings are copied and looked at in the same go, sixteen bytes at a step; the loop stops where a byte needs more than
 * a copy. Room for the plain copy is made once at the start, and again only after an escape. */
#include "data/json.h"

#include <math.h>

#include "data/number.h"
#include "data/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool is_plain(char c) {
    return (unsigned char)c >= ' ' && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

#ifndef __SSE2__
/* True where all eight bytes are plain (a zero byte in x shows in (x - ones) & ~x & tops). */
static inline bool plain8(uint64_t v) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    uint64_t hit = (v - ones * ' ') | v | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (hit & tops) == 0;
}
#endif

#ifdef __SSE2__
/* A bit for each byte that is not plain. */
static inline unsigned special16(__m128i v) {
    __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    /* signed: bytes from 0x80 are below the space too */
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(hit, _mm_cmplt_epi8(v, _mm_set1_epi8(' '))));
}

static inline unsigned copy16(const char *p, char *out) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    _mm_storeu_si128((__m128i *)(void *)out, v);
    return special16(v);
}
#endif

/* Copies `len` bytes (1 to 16) by two steps that may overlap. False where one is not plain. */
static inline bool copy_short(const char *p, size_t len, char *out) {
    uint64_t first = 0, last = 0;
    if (len >= 8) {
        memcpy(&first, p, 8);
        memcpy(&last, p + len - 8, 8);
        memcpy(out, &first, 8);
        memcpy(out + len - 8, &last, 8);
    } else if (len >= 4) {
        uint32_t head, tail;
        memcpy(&head, p, 4);
        memcpy(&tail, p + len - 4, 4);
        memcpy(out, &head, 4);
        memcpy(out + len - 4, &tail, 4);
        first = last = (uint64_t)tail << 32 | head;
    } else {
        char all[8] = {p[0], p[len / 2], p[len - 1], ' ', ' ', ' ', ' ', ' '};
        out[0] = all[0];
        out[len / 2] = all[1];
        out[len - 1] = all[2];
        memcpy(&first, all, 8);
        last = first;
    }
#ifdef __SSE2__
    return special16(_mm_set_epi64x((long long)last, (long long)first)) == 0;
#else
    return plain8(first) && plain8(last);
#endif
}

/* Copies up to the first byte that is not plain; the place in the source, *out moved on. */
static inline const char *copy_plain(const char *p, const char *end, char **out) {
    char *o = *out;
#ifdef __SSE2__
    for (; end - p > 16; p += 16, o += 16) {
        unsigned mask = copy16(p, o);
        if (mask == 0) continue;
        *out = o + __builtin_ctz(mask);
        return p + __builtin_ctz(mask);
    }
#else
    while (end - p > 16 && copy_short(p, 16, o)) p += 16, o += 16;
#endif
    size_t rest = (size_t)(end - p);
    if (rest > 0 && rest <= 16 && copy_short(p, rest, o)) {
        *out = o + rest;
        return end;
    }
    while (p < end && is_plain(*p)) *o++ = *p++;
    *out = o;
    return p;
}

/* The escape of a quote, a backslash or a control character; its length. */
static size_t escape(unsigned char c, char out[6]) {
    static const char hex[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *hit = memchr(from, c, sizeof from - 1);
    out[0] = '\\';
    if (hit) {
        out[1] = to[hit - from];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/* What copy_plain stopped at: *p is moved behind it. Afterwards there is room again for the rest and the quote. */
static int put_special(sl_buf *out, const char **p, sl_str text, sl_err *err) {
    const char *at = *p, *end = text.ptr + text.len;
    char bytes[6];
    size_t n = 1;
    if ((unsigned char)*at >= 0x80) {
        n = sl_utf8_step(at, end);
        if (n == 0) return sl_fail(err, SL_INVALID, 0, "the string is not valid UTF-8 at byte %td", at - text.ptr);
        memcpy(out->data + out->len, at, n);
        out->len += n;
        *p = at + n;
        return 0;
    }
    n = escape((unsigned char)*at, bytes);
    if (sl_buf_reserve(out, n + (size_t)(end - at), err) < 0) return -1;
    memcpy(out->data + out->len, bytes, n);
    out->len += n;
    *p = at + 1;
    return 0;
}

int sl_json_put_string(sl_buf *out, sl_str text, sl_err *err) {
    size_t before = out->len;
    if (sl_buf_reserve(out, text.len + 2, err) < 0) return -1;
    out->data[out->len++] = '"';
    const char *p = text.ptr, *end = p + text.len;
    for (;;) {
        char *o = out->data + out->len;
        p = copy_plain(p, end, &o);
        out->len = (size_t)(o - out->data);
        if (p == end) break;
        if (put_special(out, &p, text, err) < 0) {
            out->len = before;
            return -1;
        }
    }
    out->data[out->len++] = '"';
    return 0;
}

int sl_json_put_double(sl_buf *out, double value, sl_err *err) {
    if (!isfinite(value))
        return sl_fail(err, SL_INVALID, 0, "JSON has no number for %s", isnan(value) ? "NaN" : "infinity");
    char text[SL_NUMBER_ROOM];
    return sl_buf_put(out, text, sl_number_print_double(value, text), err);
}

int sl_json_put_int(sl_buf *out, int64_t value, sl_err *err) {
    char text[SL_NUMBER_ROOM];
    return sl_buf_put(out, text, sl_number_print_int(value, text), err);
}
