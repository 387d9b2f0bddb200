/* One character at a time; long runs of ASCII are skipped eight bytes at a step. */
#include "data/utf8.h"

static int is_tail(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

/* What the second byte may be decides overlong forms, surrogates and the upper end (RFC 3629, section 4). */
static size_t step3(const unsigned char *s) {
    unsigned char low = s[0] == 0xE0 ? 0xA0 : 0x80, high = s[0] == 0xED ? 0x9F : 0xBF;
    return s[1] >= low && s[1] <= high && is_tail(s[2]) ? 3 : 0;
}

static size_t step4(const unsigned char *s) {
    unsigned char low = s[0] == 0xF0 ? 0x90 : 0x80, high = s[0] == 0xF4 ? 0x8F : 0xBF;
    return s[1] >= low && s[1] <= high && is_tail(s[2]) && is_tail(s[3]) ? 4 : 0;
}

size_t sl_utf8_step(const char *p, const char *end) {
    const unsigned char *s = (const unsigned char *)p;
    ptrdiff_t room = end - p;
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2) return 0;
    if (s[0] < 0xE0) return room >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] < 0xF0) return room >= 3 ? step3(s) : 0;
    return s[0] < 0xF5 && room >= 4 ? step4(s) : 0;
}

ptrdiff_t sl_utf8_check(sl_str text) {
    const char *p = text.ptr, *end = text.ptr + text.len;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8) {
            memcpy(&word, p, 8);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                p += 8;
                continue;
            }
        }
        size_t n = sl_utf8_step(p, end);
        if (n == 0) return p - text.ptr;
        p += n;
    }
    return -1;
}

size_t sl_utf8_put(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | code);
    return n;
}
