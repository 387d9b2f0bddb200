/* Powers of ten as 128-bit fractions, for exact conversions between doubles and decimals.
 *
 *   sl_pow10 p = sl_pow10_get(-3);     // 10^-3 = (p.hi * 2^64 + p.lo + less than 1) * 2^r, top bit of hi set
 *
 * Rounded down; sl_pow10_exact() tells where nothing was lost. The table is computed when first asked for (some
 * fifty microseconds): thirty lines that can be read and checked instead of ten thousand bytes of digits that can't.
 */
#ifndef SL_DATA_POW10_H
#define SL_DATA_POW10_H

#include <stdbool.h>
#include <stdint.h>

/* The exponents that reading and printing of doubles ask for. */
enum { SL_POW10_MIN = -342, SL_POW10_MAX = 324 };

typedef struct sl_pow10 {
    uint64_t hi, lo;
} sl_pow10;

/* 10^e for SL_POW10_MIN <= e <= SL_POW10_MAX. */
sl_pow10 sl_pow10_get(int e);

/* True where the 128 bits are all of it (5^55 is the last power that fits). */
static inline bool sl_pow10_exact(int e) {
    return e >= 0 && e <= 55;
}

#endif
