/* What the variants share: from the classes of 64 bytes to tokens. For simd_*.c alone. */
#ifndef SL_DATA_SIMD_BLOCK_H
#define SL_DATA_SIMD_BLOCK_H

#include "data/bits.h"
#include "data/simd.h"

/* Bit n is set where byte n is of that class. */
typedef struct simd_classes {
    uint64_t quotes, slashes;
    uint64_t marks;    /* brackets, commas and colons (the low control characters that may be among them are no tokens) */
    uint64_t blanks;   /* space, tab, line ends */
    uint64_t controls; /* below the space */
} simd_classes;

/* Invalid UTF-8 by J. Keiser and D. Lemire ("Validating UTF-8 in less than one instruction per byte", 2020): each table says
 * which faults the high or the low half of a byte allows; what the three of them allow together is a fault. In order:
 * the high half of the byte before, its low half, the high half of the byte. */
enum {
    U_SHORT = 1, U_LONG = 2, U_OVER3 = 4, U_LARGE = 8, U_SURROGATE = 16, U_OVER2 = 32, U_LARGE2 = 64, U_OVER4 = 64, U_TAILS = 128,
    U_ANY = U_SHORT | U_LONG | U_TAILS,
    U_TAIL = U_LONG | U_OVER2 | U_TAILS /* where the byte is a continuation */
};
static const uint8_t simd_utf8[3][16] = {
    {U_LONG, U_LONG, U_LONG, U_LONG, U_LONG, U_LONG, U_LONG, U_LONG, U_TAILS, U_TAILS, U_TAILS, U_TAILS, U_SHORT | U_OVER2,
     U_SHORT, U_SHORT | U_OVER3 | U_SURROGATE, U_SHORT | U_LARGE | U_LARGE2 | U_OVER4},
    {U_ANY | U_OVER3 | U_OVER2 | U_OVER4, U_ANY | U_OVER2, U_ANY, U_ANY, U_ANY | U_LARGE, U_ANY | U_LARGE | U_LARGE2,
     U_ANY | U_LARGE | U_LARGE2, U_ANY | U_LARGE | U_LARGE2, U_ANY | U_LARGE | U_LARGE2, U_ANY | U_LARGE | U_LARGE2,
     U_ANY | U_LARGE | U_LARGE2, U_ANY | U_LARGE | U_LARGE2, U_ANY | U_LARGE | U_LARGE2,
     U_ANY | U_LARGE | U_LARGE2 | U_SURROGATE, U_ANY | U_LARGE | U_LARGE2, U_ANY | U_LARGE | U_LARGE2},
    {U_SHORT, U_SHORT, U_SHORT, U_SHORT, U_SHORT, U_SHORT, U_SHORT, U_SHORT, U_TAIL | U_OVER3 | U_LARGE2 | U_OVER4,
     U_TAIL | U_OVER3 | U_LARGE, U_TAIL | U_SURROGATE | U_LARGE, U_TAIL | U_SURROGATE | U_LARGE, U_SHORT, U_SHORT, U_SHORT,
     U_SHORT}};

/* Takes the escaped quotes out. */
static inline void simd_escapes(sl_simd *s, simd_classes *c, size_t at) {
    if (!(c->slashes | s->escaped)) return;
    uint64_t escaped = sl_bits_escaped(c->slashes, &s->escaped);
    c->quotes &= ~escaped;
    s->slashes |= c->slashes;
    sl_simd_escapes(s, at, c->slashes & ~escaped);
}

/* `inside` is what sl_bits_inside makes of the quotes. */
static inline uint64_t simd_tokens(sl_simd *s, const simd_classes *c, uint64_t inside) {
    inside ^= s->in_string;
    s->in_string = 0 - (inside >> 63);
    uint64_t other = ~(c->marks | c->blanks), scalar = other & ~c->quotes;
    uint64_t follows = scalar << 1 | s->scalar;
    s->scalar = scalar >> 63;
    s->controls |= c->controls;
    s->bad |= c->controls & inside;
    return (c->marks | (other & ~follows)) & ~(inside ^ c->quotes);
}

/* The number of the lowest bit; anything where there is none. A variant that has an instruction for that defines it, and
 * what code must be compiled for to use it. */
#ifndef SIMD_LOWEST
#define SIMD_LOWEST(bits) __builtin_ctzll((bits) | UINT64_C(1) << 63)
#define SIMD_TARGET
#endif

/* Appends base + n for each bit n. Eight at a step, needed or not: cheaper than a branch that nobody can foretell. */
SIMD_TARGET static inline uint32_t *simd_list(uint32_t *out, size_t base, uint64_t bits) {
    uint32_t *end = out + __builtin_popcountll(bits);
    do {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++, bits &= bits - 1) out[i] = (uint32_t)base + (uint32_t)SIMD_LOWEST(bits);
        out += 8;
    } while (out < end);
    return end;
}

/* 64 times 255 and 64 times 0: from byte 64 - n on there are n bytes to keep. */
#define SIMD_16 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255
static const uint8_t simd_keep[2 * SL_SIMD_BLOCK] = {SIMD_16, SIMD_16, SIMD_16, SIMD_16};

#endif
