/* A block of 64 bytes as 64 bits, byte 0 the lowest: what follows from where the quotes and the backslashes are.
 *
 *   uint64_t carry = 0;                                      // for the first block of a text
 *   quotes &= ~sl_bits_escaped(slashes, &carry);
 *   uint64_t inside = sl_bits_inside(quotes) ^ before;       // `before`: all bits where a string was open
 */
#ifndef SL_DATA_BITS_H
#define SL_DATA_BITS_H

#include <stdint.h>

/* The bytes behind backslashes that are not themselves escaped: in a run of backslashes every second one is. *carry is
 * 1 where the first byte of the next block is escaped. */
static inline uint64_t sl_bits_escaped(uint64_t slashes, uint64_t *carry) {
    const uint64_t even = 0x5555555555555555u;
    uint64_t starts = slashes & ~*carry, follows = starts << 1 | *carry, runs;
    *carry = __builtin_add_overflow(starts & ~even & ~follows, starts, &runs);
    return (even ^ (runs << 1)) & follows;
}

/* Each bit is set where the number of quotes up to it is odd: the opening quotes and what is behind them. */
static inline uint64_t sl_bits_inside(uint64_t quotes) {
    quotes ^= quotes << 1;
    quotes ^= quotes << 2;
    quotes ^= quotes << 4;
    quotes ^= quotes << 8;
    quotes ^= quotes << 16;
    return quotes ^ quotes << 32;
}

#endif
