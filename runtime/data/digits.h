/* Eight characters as one word, the first one the lowest byte: which of them are digits, and what number they make.
 *
 *   uint64_t eight = sl_digits_load(p);                            // "123.45,…"
 *   int n = sl_digits_first(sl_digits_not(eight));                 // 3: the place of the first that is no digit
 *   uint32_t v = sl_digits_value(eight, n);                        // 123
 *
 * For machines whose words begin with the lowest byte (SL_DIGITS is 1 there).
 */
#ifndef SL_DATA_DIGITS_H
#define SL_DATA_DIGITS_H

#include <stdint.h>
#include <string.h>

#define SL_DIGITS (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

static inline uint64_t sl_digits_load(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* One bit, the highest, of each byte that is no digit. */
static inline uint64_t sl_digits_not(uint64_t eight) {
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    uint64_t v = eight ^ 0x3030303030303030u;
    return (((v & low) + 0x7676767676767676u) | v) & ~low;
}

/* The number of the lowest byte that has such a bit; there must be one. */
static inline int sl_digits_first(uint64_t bits) {
    return __builtin_ctzll(bits) / 8;
}

/* The number that the first n characters make, n from 1 to 8, all of them digits. */
static inline uint32_t sl_digits_value(uint64_t eight, int n) {
    uint64_t v = (eight ^ 0x3030303030303030u) << 8 * (8 - n); /* zeros before it */
    v = v * 10 + (v >> 8);                                     /* pairs of digits, in every second byte */
    const uint64_t pairs = 0x000000FF000000FFu;
    return (uint32_t)(((v & pairs) * 0x000F424000000064u + (v >> 16 & pairs) * 0x0000271000000001u) >> 32);
}

/* Without the character at place n; those behind it move up. */
static inline uint64_t sl_digits_without(uint64_t eight, int n) {
    uint64_t before = (UINT64_C(1) << 8 * n) - 1;
    return (eight & before) | (eight >> 8 & ~before);
}

#endif
