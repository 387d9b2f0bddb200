/* The grammar of RFC 8259, checked without building anything: what is skipped is as valid as what is read.
 *
 *   sl_scan_fault fault;
 *   const char *end = line.ptr + line.len, *p = sl_scan_blank(line.ptr, end);
 *   p = sl_scan_value(p, end, SL_SCAN_DEPTH, &fault);                // the byte after the value
 *   if (!p || sl_scan_blank(p, end) != end) …
 *   if (!p) return sl_scan_fail(err, line, &fault);                  // "line 1, column 8 (byte 7): expected …"
 *
 * Nothing reads at or past `end`, and the text need not be terminated. Strings must be valid UTF-8 and their escapes
 * must make characters: a surrogate without its partner ("\ud800" alone) is refused, since no UTF-8 can hold it.
 */
#ifndef SL_DATA_SCAN_H
#define SL_DATA_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Levels of arrays and objects: what is allowed unless the caller says otherwise, and the most anyone may allow. */
enum { SL_SCAN_DEPTH = 512, SL_SCAN_DEPTH_MAX = 4096 };

/* Where and why a text is not JSON. `reason` is a literal that reads on after a position. */
typedef struct sl_scan_fault {
    const char *at;
    const char *reason;
} sl_scan_fault;

/* The reason for too many levels: compare the pointer. sl_scan_fail gives it the code SL_LIMIT. */
extern const char sl_scan_too_deep[];

/* From the first byte of a value to the byte after it; NULL with *fault. `depth_left` levels may still be opened. */
const char *sl_scan_value(const char *p, const char *end, int depth_left, sl_scan_fault *fault);

/* From the opening quote to the byte after the closing one; NULL with *fault. */
const char *sl_scan_string(const char *p, const char *end, sl_scan_fault *fault);

/* The same, from the byte after the opening quote; sets *escaped where the string has a backslash. */
const char *sl_scan_string_rest(const char *p, const char *end, bool *escaped, sl_scan_fault *fault);

/* From the backslash of an escape to the byte after it, or after both of a pair of surrogates; NULL with *fault. */
const char *sl_scan_escape(const char *p, const char *end, sl_scan_fault *fault);

/* From the first byte of a number to the byte after it; NULL with *fault. */
const char *sl_scan_number(const char *p, const char *end, sl_scan_fault *fault);

/* From the first letter of true, false or null to the byte after it; NULL with *fault. */
const char *sl_scan_word(const char *p, const char *end, sl_scan_fault *fault);

/* Notes the fault and returns NULL. */
const char *sl_scan_stop(sl_scan_fault *fault, const char *at, const char *reason) SL_COLD;

/* What is wrong with the byte at p (or with the end), where a value should start. Returns NULL. */
const char *sl_scan_no_value(const char *p, const char *end, sl_scan_fault *fault) SL_COLD;

/* Appends the content of a string (without its quotes) that sl_scan_string has accepted, escapes undone. */
int sl_scan_unescape(sl_str inner, sl_buf *out, sl_err *err);

/* The same into `out`, which has room for inner.len bytes; returns the length. */
size_t sl_scan_unescape_into(sl_str inner, char *out);

/* Line and column of a place in the text, both from 1; columns count characters. */
void sl_scan_where(sl_str text, const char *at, size_t *line, size_t *column);

/* Turns a fault in `text` into an error with line, column, byte offset (from 0) and what was found. Returns -1. */
int sl_scan_fail(sl_err *err, sl_str text, const sl_scan_fault *fault) SL_COLD;

/* Skips JSON's white space. */
static inline const char *sl_scan_blank(const char *p, const char *end) {
    while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* The first byte in [p, end) that ends a plain run inside a string: quote, backslash, control or beyond ASCII. */
static inline const char *sl_scan_plain(const char *p, const char *end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* signed: bytes from 0x80 are below the space too */
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        int mask = _mm_movemask_epi8(_mm_or_si128(hit, _mm_cmplt_epi8(v, space)));
        if (mask) return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ' && (unsigned char)*p < 0x80) p++;
    return p;
}

#endif
