/* 10^e and 5^e differ in the binary exponent alone, so the table holds the leading bits of powers of five: upwards by
 * multiplying a long number by 5, downwards by dividing 2^960 by 5 again and again. Rounding down each time is
 * rounding down once, so both ways are exact to the last bit that is kept. */
#include "data/pow10.h"

#include <threads.h>

enum { WORDS = 30, BITS = 32 * WORDS }; /* 5^342 has 795 bits, and 128 of the quotient must remain */

static sl_pow10 table[SL_POW10_MAX - SL_POW10_MIN + 1];
static once_flag table_once = ONCE_FLAG_INIT;

static uint32_t word_at(const uint32_t *num, int i) {
    return i < 0 ? 0 : num[i];
}

/* 64 bits of the number whose highest is bit `top`; bits below zero are zeros. */
static uint64_t bits_below(const uint32_t *num, int top) {
    int i = top >= 0 ? top / 32 : (top - 31) / 32, shift = 31 - (top - 32 * i);
    uint64_t high = (uint64_t)word_at(num, i) << 32 | word_at(num, i - 1);
    return shift ? high << shift | word_at(num, i - 2) >> (32 - shift) : high;
}

static sl_pow10 leading_bits(const uint32_t *num) {
    int i = WORDS - 1;
    while (num[i] == 0) i--;
    int top = 32 * i + 31 - __builtin_clz(num[i]);
    return (sl_pow10){bits_below(num, top), bits_below(num, top - 64)};
}

static void times5(uint32_t *num) {
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)num[i] * 5;
        num[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void divide5(uint32_t *num) {
    uint64_t rest = 0;
    for (int i = WORDS - 1; i >= 0; i--) {
        rest = rest << 32 | num[i];
        num[i] = (uint32_t)(rest / 5);
        rest %= 5;
    }
}

static void table_fill(void) {
    uint32_t up[WORDS] = {1}, down[WORDS] = {0};
    down[WORDS - 1] = UINT32_C(1) << 31;
    for (int e = 0; e <= SL_POW10_MAX; e++, times5(up)) table[e - SL_POW10_MIN] = leading_bits(up);
    for (int e = -1; e >= SL_POW10_MIN; e--) {
        divide5(down);
        table[e - SL_POW10_MIN] = leading_bits(down);
    }
}

sl_pow10 sl_pow10_get(int e) {
    call_once(&table_once, table_fill);
    return table[e - SL_POW10_MIN];
}
