/* A recursive walk over the text with a bounded depth; the plain runs of strings go sixteen bytes at a step. */
#include "data/scan.h"

#include <stdint.h>
#include <stdio.h>

#include "data/utf8.h"

const char sl_scan_too_deep[] = "nested deeper than allowed here (max_depth)";

const char *sl_scan_stop(sl_scan_fault *fault, const char *at, const char *reason) {
    fault->at = at;
    fault->reason = reason;
    return NULL;
}

const char *sl_scan_no_value(const char *p, const char *end, sl_scan_fault *fault) {
    if (p < end && *p == '\'') return sl_scan_stop(fault, p, "expected a value; strings take double quotes");
    if (end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
        return sl_scan_stop(fault, p, "expected a value; a byte order mark is not part of JSON");
    return sl_scan_stop(fault, p, "expected a value");
}

/* ---- numbers and words ---- */

static inline bool is_digit(const char *p, const char *end) {
    return p < end && (unsigned)(*p - '0') < 10;
}

static inline const char *skip_digits(const char *p, const char *end) {
    while (is_digit(p, end)) p++;
    return p;
}

const char *sl_scan_number(const char *p, const char *end, sl_scan_fault *fault) {
    if (p < end && *p == '-') p++;
    if (!is_digit(p, end)) return sl_scan_stop(fault, p, "expected a digit");
    if (*p == '0' && is_digit(p + 1, end)) return sl_scan_stop(fault, p, "a number can't start with a zero");
    p = skip_digits(p, end);
    if (p < end && *p == '.') {
        if (!is_digit(++p, end)) return sl_scan_stop(fault, p, "expected a digit after the decimal point");
        p = skip_digits(p, end);
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (!is_digit(p, end)) return sl_scan_stop(fault, p, "expected a digit in the exponent");
        p = skip_digits(p, end);
    }
    return p;
}

const char *sl_scan_word(const char *p, const char *end, sl_scan_fault *fault) {
    size_t room = (size_t)(end - p);
    if (room >= 4 && memcmp(p, "true", 4) == 0) return p + 4;
    if (room >= 4 && memcmp(p, "null", 4) == 0) return p + 4;
    if (room >= 5 && memcmp(p, "false", 5) == 0) return p + 5;
    return sl_scan_stop(fault, p, "expected true, false or null");
}

/* ---- strings ---- */

/* The four hex digits at p, or -1. */
static int hex4(const char *p, const char *end) {
    if (end - p < 4) return -1;
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i], low = c | 0x20;
        if (c >= '0' && c <= '9') code = code << 4 | (c - '0');
        else if (low >= 'a' && low <= 'f') code = code << 4 | (low - 'a' + 10);
        else return -1;
    }
    return code;
}

/* p is behind "\u". A high surrogate takes the low one that must follow it along. */
static const char *scan_unicode(const char *p, const char *end, sl_scan_fault *fault) {
    int code = hex4(p, end);
    if (code < 0) return sl_scan_stop(fault, p, "expected four hex digits after \\u");
    if (code < 0xD800 || code > 0xDFFF) return p + 4;
    int low = code < 0xDC00 && end - p >= 6 && p[4] == '\\' && p[5] == 'u' ? hex4(p + 6, end) : -1;
    if (low >= 0xDC00 && low <= 0xDFFF) return p + 10;
    return sl_scan_stop(fault, p - 2, "a surrogate escape without its partner makes no character");
}

const char *sl_scan_escape(const char *p, const char *end, sl_scan_fault *fault) {
    if (end - p < 2) return sl_scan_stop(fault, end, "the string is not closed");
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 2;
    case 'u':
        return scan_unicode(p + 2, end, fault);
    default:
        return sl_scan_stop(fault, p + 1, "no such escape; allowed are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    }
}

const char *sl_scan_string_rest(const char *p, const char *end, bool *escaped, sl_scan_fault *fault) {
    for (;;) {
        p = sl_scan_plain(p, end);
        if (p == end) return sl_scan_stop(fault, p, "the string is not closed");
        if (*p == '"') return p + 1;
        if (*p == '\\') {
            *escaped = true;
            if (!(p = sl_scan_escape(p, end, fault))) return NULL;
        } else if ((unsigned char)*p < ' ') {
            return sl_scan_stop(fault, p, "a control character in a string must be escaped");
        }
        while (p < end && (unsigned char)*p >= 0x80) {
            size_t n = sl_utf8_step(p, end);
            if (n == 0) return sl_scan_stop(fault, p, "invalid UTF-8");
            p += n;
        }
    }
}

const char *sl_scan_string(const char *p, const char *end, sl_scan_fault *fault) {
    bool escaped;
    if (p == end || *p != '"') return sl_scan_stop(fault, p, "expected a string");
    return sl_scan_string_rest(p + 1, end, &escaped, fault);
}

/* ---- values ---- */

static const char *scan_key(const char *p, const char *end, sl_scan_fault *fault) {
    if (p == end || *p != '"') return sl_scan_stop(fault, p, "expected a key in double quotes");
    bool escaped;
    if (!(p = sl_scan_string_rest(p + 1, end, &escaped, fault))) return NULL;
    p = sl_scan_blank(p, end);
    if (p == end || *p != ':') return sl_scan_stop(fault, p, "expected ':' after the key");
    return sl_scan_blank(p + 1, end);
}

static const char *scan_object(const char *p, const char *end, int depth_left, sl_scan_fault *fault) {
    p = sl_scan_blank(p + 1, end);
    if (p < end && *p == '}') return p + 1;
    for (;;) {
        if (!(p = scan_key(p, end, fault))) return NULL;
        if (!(p = sl_scan_value(p, end, depth_left, fault))) return NULL;
        p = sl_scan_blank(p, end);
        if (p < end && *p == '}') return p + 1;
        if (p == end || *p != ',') return sl_scan_stop(fault, p, "expected ',' or '}'");
        p = sl_scan_blank(p + 1, end);
    }
}

static const char *scan_array(const char *p, const char *end, int depth_left, sl_scan_fault *fault) {
    p = sl_scan_blank(p + 1, end);
    if (p < end && *p == ']') return p + 1;
    for (;;) {
        if (!(p = sl_scan_value(p, end, depth_left, fault))) return NULL;
        p = sl_scan_blank(p, end);
        if (p < end && *p == ']') return p + 1;
        if (p == end || *p != ',') return sl_scan_stop(fault, p, "expected ',' or ']'");
        p = sl_scan_blank(p + 1, end);
    }
}

const char *sl_scan_value(const char *p, const char *end, int depth_left, sl_scan_fault *fault) {
    if (p == end) return sl_scan_no_value(p, end, fault);
    bool escaped;
    switch (*p) {
    case '"':
        return sl_scan_string_rest(p + 1, end, &escaped, fault);
    case '{':
        return depth_left > 0 ? scan_object(p, end, depth_left - 1, fault) : sl_scan_stop(fault, p, sl_scan_too_deep);
    case '[':
        return depth_left > 0 ? scan_array(p, end, depth_left - 1, fault) : sl_scan_stop(fault, p, sl_scan_too_deep);
    case 't': case 'f': case 'n':
        return sl_scan_word(p, end, fault);
    default:
        if (*p == '-' || is_digit(p, end)) return sl_scan_number(p, end, fault);
        return sl_scan_no_value(p, end, fault);
    }
}

/* ---- escapes undone ---- */

/* p is at the backslash of a checked escape; writes the character, moves *out on, returns the byte after it. */
static const char *unescape_one(const char *p, const char *end, char **out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        const char *hit = memchr(from, p[1], sizeof from - 1);
        *(*out)++ = hit ? to[hit - from] : p[1];
        return p + 2;
    }
    int code = hex4(p + 2, end);
    p += 6;
    if (code >= 0xD800 && code <= 0xDBFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(p + 2, end) - 0xDC00);
        p += 6;
    }
    *out += sl_utf8_put((uint32_t)code, *out);
    return p;
}

size_t sl_scan_unescape_into(sl_str inner, char *out) {
    const char *p = inner.ptr, *end = inner.ptr + inner.len;
    char *start = out;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        memcpy(out, p, plain);
        out += plain;
        p += plain;
        if (p < end) p = unescape_one(p, end, &out);
    }
    return (size_t)(out - start);
}

int sl_scan_unescape(sl_str inner, sl_buf *out, sl_err *err) {
    if (sl_buf_reserve(out, inner.len, err) < 0) return -1;
    out->len += sl_scan_unescape_into(inner, out->data + out->len);
    return 0;
}

/* ---- errors ---- */

void sl_scan_where(sl_str text, const char *at, size_t *line, size_t *column) {
    *line = *column = 1;
    for (const char *p = text.ptr; p < at; p++) {
        if (*p == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

/* ", found 'x'": the character at p as a person would write it. */
static void found_text(const char *p, const char *end, char out[32]) {
    size_t n = p < end ? sl_utf8_step(p, end) : 0;
    if (p >= end) snprintf(out, 32, ", found the end of the text");
    else if (n == 0 || (unsigned char)*p < ' ' || *p == 0x7F)
        snprintf(out, 32, ", found byte 0x%02X", (unsigned)(unsigned char)*p);
    else snprintf(out, 32, ", found '%.*s'", (int)n, p);
}

int sl_scan_fail(sl_err *err, sl_str text, const sl_scan_fault *fault) {
    size_t line, column;
    char found[32];
    sl_scan_where(text, fault->at, &line, &column);
    found_text(fault->at, text.ptr + text.len, found);
    bool deep = fault->reason == sl_scan_too_deep;
    return sl_fail(err, deep ? SL_LIMIT : SL_INVALID, 0, "invalid JSON at line %zu, column %zu (byte %zu): %s%s", line,
                   column, (size_t)(fault->at - text.ptr), fault->reason, deep ? "" : found);
}
