/* Since the text is known to be valid, a closing bracket belongs to the opening one by counting alone, and a string
 * ends at the first quote without a backslash before it. */
#include "data/walk.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "data/bits.h"
#include "data/scan.h"

/* The next quote or backslash at or after p. */
static inline const char *quote_or_slash(const char *p, const char *end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
        if (mask) return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\') p++;
    return p;
}

const char *sl_walk_string(const char *p, const char *end, bool *escaped) {
    for (;;) {
        p = quote_or_slash(p, end);
        if (p == end || *p == '"') return p;
        *escaped = true;
        p += 2;
    }
}

static const char *past_string(const char *p, const char *end) {
    bool escaped;
    return sl_walk_string(p + 1, end, &escaped) + 1;
}

#ifdef __SSE2__

/* 64 bytes as bits, the first byte the lowest. */
typedef struct marks {
    uint64_t quotes, slashes, opens, closes;
} marks;

/* Bit n is set where byte n of the four vectors is c. */
static inline uint64_t bits_where(__m128i v0, __m128i v1, __m128i v2, __m128i v3, char c) {
    const __m128i all = _mm_set1_epi8(c);
    uint64_t m0 = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v0, all));
    uint64_t m1 = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v1, all));
    uint64_t m2 = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v2, all));
    uint64_t m3 = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v3, all));
    return m0 | m1 << 16 | m2 << 32 | m3 << 48;
}

static inline marks marks_of(const char *p) {
    const __m128i *at = (const __m128i *)(const void *)p, bit = _mm_set1_epi8(0x20);
    __m128i v0 = _mm_loadu_si128(at), v1 = _mm_loadu_si128(at + 1);
    __m128i v2 = _mm_loadu_si128(at + 2), v3 = _mm_loadu_si128(at + 3);
    marks m = {.quotes = bits_where(v0, v1, v2, v3, '"'), .slashes = bits_where(v0, v1, v2, v3, '\\')};
    v0 = _mm_or_si128(v0, bit); /* makes [ and ] into { and } */
    v1 = _mm_or_si128(v1, bit);
    v2 = _mm_or_si128(v2, bit);
    v3 = _mm_or_si128(v3, bit);
    m.opens = bits_where(v0, v1, v2, v3, '{');
    m.closes = bits_where(v0, v1, v2, v3, '}');
    return m;
}

static const char *past_container(const char *p, const char *end) {
    uint64_t carry = 0, in_string = 0;
    size_t depth = 0;
    for (; p < end; p += 64) {
        char tail[64];
        bool whole = end - p >= 64;
        if (!whole) memcpy(memset(tail, ' ', sizeof tail), p, (size_t)(end - p));
        marks m = marks_of(whole ? p : tail);
        if (m.slashes | carry) m.quotes &= ~sl_bits_escaped(m.slashes, &carry);
        uint64_t inside = sl_bits_inside(m.quotes) ^ in_string;
        in_string = 0 - (inside >> 63);
        for (uint64_t left = (m.opens | m.closes) & ~inside; left; left &= left - 1) {
            int i = __builtin_ctzll(left);
            if (m.opens >> i & 1) depth++;
            else if (--depth == 0) return p + i + 1;
        }
    }
    return end;
}

#else

static const char *past_container(const char *p, const char *end) {
    size_t depth = 0;
    do {
        while (p < end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}') p++;
        if (p >= end) return end;
        if (*p == '"') {
            p = past_string(p, end);
            continue;
        }
        if ((*p++ | 0x20) == '{') depth++;
        else depth--;
    } while (depth > 0);
    return p;
}

#endif

const char *sl_walk_value(const char *p, const char *end) {
    if (*p == '"') return past_string(p, end);
    if (*p == '{' || *p == '[') return past_container(p, end);
    while (p < end && *p != ',' && *p != '}' && *p != ']' && (unsigned char)*p > ' ') p++;
    return p;
}

/* The bytes of one escape sequence: \n is 2, \u20AC is 6, a pair of surrogates 12. */
static size_t escape_len(sl_str at) {
    if (at.len < 6 || at.ptr[1] != 'u') return 2;
    bool high = (at.ptr[2] | 0x20) == 'd' && strchr("89abAB", at.ptr[3]) != NULL;
    return high && at.len >= 12 ? 12 : 6;
}

bool sl_walk_key_is(sl_str inner, bool escaped, sl_str key) {
    if (!escaped) return sl_str_eq(inner, key);
    while (inner.len > 0) {
        char text[12] = {inner.ptr[0]};
        size_t step = 1, n = 1;
        if (inner.ptr[0] == '\\') {
            step = escape_len(inner);
            n = sl_scan_unescape_into(sl_str_make(inner.ptr, step), text);
        }
        if (key.len < n || memcmp(text, key.ptr, n) != 0) return false;
        key = sl_str_make(key.ptr + n, key.len - n);
        inner = sl_str_make(inner.ptr + step, inner.len - step);
    }
    return key.len == 0;
}

bool sl_walk_same_key(sl_str a, bool a_escaped, sl_str b, bool b_escaped) {
    if (!a_escaped) return sl_walk_key_is(b, b_escaped, a);
    if (!b_escaped) return sl_walk_key_is(a, a_escaped, b);
    sl_buf plain;
    sl_buf_init(&plain, a.len);
    bool same = sl_scan_unescape(a, &plain, NULL) == 0 && sl_walk_key_is(b, true, sl_buf_str(&plain));
    sl_buf_free(&plain);
    return same;
}

sl_walk_items sl_walk_open(sl_str text) {
    const char *end = text.ptr + text.len;
    return (sl_walk_items){.p = sl_scan_blank(text.ptr + 1, end), .end = end, .object = text.ptr[0] == '{'};
}

bool sl_walk_item(sl_walk_items *it, sl_str *value) {
    const char *p = it->p, *end = it->end;
    if (p >= end || *p == '}' || *p == ']') return false;
    if (it->object) {
        it->key_escaped = false;
        const char *close = sl_walk_string(p + 1, end, &it->key_escaped);
        it->key = sl_str_make(p + 1, (size_t)(close - p - 1));
        p = sl_scan_blank(close + 1, end); /* the colon */
        p = sl_scan_blank(p + 1, end);
    }
    const char *stop = sl_walk_value(p, end);
    *value = sl_str_make(p, (size_t)(stop - p));
    p = sl_scan_blank(stop, end);
    it->p = p < end && *p == ',' ? sl_scan_blank(p + 1, end) : p;
    return true;
}

bool sl_walk_member(sl_str object, sl_str key, sl_str *value) {
    bool found = false;
    if (object.len == 0 || object.ptr[0] != '{') return false;
    sl_walk_items it = sl_walk_open(object);
    for (sl_str v; sl_walk_item(&it, &v);) {
        if (!sl_walk_key_is(it.key, it.key_escaped, key)) continue;
        *value = v;
        found = true;
    }
    return found;
}

const char *sl_walk_kind(sl_str value) {
    switch (value.len ? value.ptr[0] : 0) {
    case '{': return "an object";
    case '[': return "an array";
    case '"': return "a text";
    case 't': return "true";
    case 'f': return "false";
    case 'n': return "null";
    case 0: return "nothing";
    default: return "a number";
    }
}

bool sl_walk_has_lines(sl_str text) {
    return text.len > 0 && (memchr(text.ptr, '\n', text.len) || memchr(text.ptr, '\r', text.len));
}

/* Copies one run of white space, or drops it where it has a line end. */
static size_t copy_blank(const char *from, const char *to, char *out) {
    size_t len = (size_t)(to - from);
    if (sl_walk_has_lines(sl_str_make(from, len))) return 0;
    memcpy(out, from, len);
    return len;
}

size_t sl_walk_one_line(sl_str text, char *out) {
    const char *p = text.ptr, *end = p + text.len;
    size_t len = 0;
    while (p < end) {
        const char *from = p;
        p = sl_scan_blank(p, end);
        len += copy_blank(from, p, out + len);
        if (p == end) break;
        from = p;
        p = *p == '"' ? past_string(p, end) : p + 1;
        memcpy(out + len, from, (size_t)(p - from));
        len += (size_t)(p - from);
    }
    return len;
}
