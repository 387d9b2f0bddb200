/* Eight characters as one word, the first one the lowest byte: which of them are digits, and what number they make.
 *
 *   uint64_t eight = sl_digits_load(p);                            // "123.45,…"
 *   int n = sl_digits_first(sl_digits_not(eight));                 // 3: the place of the first that is no digit
 *   uint32_t v = sl_digits_value(eight, n);                        // 123
 *
 *   uint64_t word = sl_digits_of(123) + SL_DIGITS_ZERO;            // "00000123"
 *
 * For machines whose words begin with the lowest byte (SL_DIGITS is 1 there).
 */
#ifndef SL_DATA_DIGITS_H
#define SL_DATA_DIGITS_H

#include <stdint.h>
#include <string.h>

#define SL_DIGITS (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#define SL_DIGITS_ZERO 0x3030303030303030u

static inline uint64_t sl_digits_load(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* One bit, the highest, of each byte that is no digit. */
static inline uint64_t sl_digits_not(uint64_t eight) {
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    uint64_t v = eight ^ SL_DIGITS_ZERO;
    return (((v & low) + 0x7676767676767676u) | v) & ~low;
}

/* The number of the lowest byte that has such a bit; there must be one. */
static inline int sl_digits_first(uint64_t bits) {
    return __builtin_ctzll(bits) / 8;
}

/* The number that the first n characters make, n from 1 to 8, all of them digits. */
static inline uint32_t sl_digits_value(uint64_t eight, int n) {
    uint64_t v = (eight ^ SL_DIGITS_ZERO) << 8 * (8 - n); /* zeros before it */
    v = v * 10 + (v >> 8);                                     /* pairs of digits, in every second byte */
    const uint64_t pairs = 0x000000FF000000FFu;
    return (uint32_t)(((v & pairs) * 0x000F424000000064u + (v >> 16 & pairs) * 0x0000271000000001u) >> 32);
}

/* The eight digits of v, below 100,000,000, as values from 0 to 9, zeros before them and all: halves, quarters, digits. */
static inline uint64_t sl_digits_of(uint32_t v) {
    uint64_t halves = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = halves * 10486 >> 20 & 0x0000007F0000007Fu;
    uint64_t quarters = hundreds | (halves - 100 * hundreds) << 16;
    uint64_t tens = quarters * 103 >> 10 & 0x000F000F000F000Fu;
    return tens | (quarters - 10 * tens) << 8;
}

/* Without the character at place n; those behind it move up. */
static inline uint64_t sl_digits_without(uint64_t eight, int n) {
    uint64_t before = (UINT64_C(1) << 8 * n) - 1;
    return (eight & before) | (eight >> 8 & ~before);
}

#endif
