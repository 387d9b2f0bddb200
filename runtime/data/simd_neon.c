/* Sixteen bytes at a step, for 64-bit ARM, where every machine has NEON. */
#if defined __aarch64__

#include <arm_neon.h>

#include "data/simd_block.h"

extern sl_simd_marks sl_simd_neon;

typedef struct vectors {
    uint8x16_t a, b, c, d;
} vectors;

static inline uint8x16_t load(const void *p) {
    return vld1q_u8(p);
}

static inline uint8x16_t all(char c) {
    return vdupq_n_u8((uint8_t)c);
}

/* One bit of each byte (0 or 255): pairs are added until the sixteen of a vector have become two bytes. */
static inline uint64_t bits(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t weight = load(weights);
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, weight), vandq_u8(b, weight));
    uint8x16_t cd = vpaddq_u8(vandq_u8(c, weight), vandq_u8(d, weight));
    uint8x16_t sums = vpaddq_u8(ab, cd);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

static inline uint64_t equal(const vectors *x, char c) {
    return bits(vceqq_u8(x->a, all(c)), vceqq_u8(x->b, all(c)), vceqq_u8(x->c, all(c)), vceqq_u8(x->d, all(c)));
}

static inline uint64_t below(const vectors *x, char c) {
    return bits(vcltq_u8(x->a, all(c)), vcltq_u8(x->b, all(c)), vcltq_u8(x->c, all(c)), vcltq_u8(x->d, all(c)));
}

static inline uint8x16_t is_blank(uint8x16_t v) {
    return vorrq_u8(vorrq_u8(vceqq_u8(v, all(' ')), vceqq_u8(v, all('\t'))),
                    vorrq_u8(vceqq_u8(v, all('\n')), vceqq_u8(v, all('\r'))));
}

static inline uint8x16_t is_mark(uint8x16_t v) {
    uint8x16_t bent = vorrq_u8(v, all(0x20)); /* [ and ] become { and } */
    return vorrq_u8(vorrq_u8(vceqq_u8(v, all(',')), vceqq_u8(v, all(':'))),
                    vorrq_u8(vceqq_u8(bent, all('{')), vceqq_u8(bent, all('}'))));
}

static inline simd_classes classes(const vectors *x) {
    return (simd_classes){.quotes = equal(x, '"'),
                          .slashes = equal(x, '\\'),
                          .marks = bits(is_mark(x->a), is_mark(x->b), is_mark(x->c), is_mark(x->d)),
                          .blanks = bits(is_blank(x->a), is_blank(x->b), is_blank(x->c), is_blank(x->d)),
                          .controls = below(x, 0x20)};
}

/* Not zero where v has a fault; `before` is the vector before it. */
static inline uint8x16_t utf8_faults(uint8x16_t before, uint8x16_t v) {
    uint8x16_t prev1 = vextq_u8(before, v, 15), prev2 = vextq_u8(before, v, 14), prev3 = vextq_u8(before, v, 13);
    uint8x16_t first = vqtbl1q_u8(load(simd_utf8[0]), vshrq_n_u8(prev1, 4));
    uint8x16_t second = vqtbl1q_u8(load(simd_utf8[1]), vandq_u8(prev1, all(0x0F)));
    uint8x16_t third = vqtbl1q_u8(load(simd_utf8[2]), vshrq_n_u8(v, 4));
    /* the third and fourth byte of a character must be continuations, and only they may be the second in a row */
    uint8x16_t of3 = vqsubq_u8(prev2, all((char)(0xE0 - 0x80))), of4 = vqsubq_u8(prev3, all((char)(0xF0 - 0x80)));
    uint8x16_t tails = vandq_u8(vorrq_u8(of3, of4), all((char)0x80));
    return veorq_u8(tails, vandq_u8(vandq_u8(first, second), third));
}

static void utf8(sl_simd *s, const vectors *x, size_t at) {
    uint8x16_t before = at ? load(s->text.ptr + at - 16) : vdupq_n_u8(0);
    uint8x16_t faults = vorrq_u8(vorrq_u8(utf8_faults(before, x->a), utf8_faults(x->a, x->b)),
                                 vorrq_u8(utf8_faults(x->b, x->c), utf8_faults(x->c, x->d)));
    s->bad |= vmaxvq_u8(faults) != 0;
}

static inline uint64_t high_bits(const vectors *x) {
    return ~bits(vcltq_u8(x->a, all((char)0x80)), vcltq_u8(x->b, all((char)0x80)), vcltq_u8(x->c, all((char)0x80)),
                 vcltq_u8(x->d, all((char)0x80)));
}

/* Makes all bytes but the first n blanks. */
static inline void blank_behind(vectors *x, size_t n) {
    const uint8_t *keep = simd_keep + SL_SIMD_BLOCK - n;
    x->a = vbslq_u8(load(keep), x->a, all(' '));
    x->b = vbslq_u8(load(keep + 16), x->b, all(' '));
    x->c = vbslq_u8(load(keep + 32), x->c, all(' '));
    x->d = vbslq_u8(load(keep + 48), x->d, all(' '));
}

uint32_t *sl_simd_neon(sl_simd *s, const char *from, size_t at, size_t len, uint32_t *tokens) {
    for (const char *end = from + len; from < end; from += SL_SIMD_BLOCK, at += SL_SIMD_BLOCK) {
        size_t left = (size_t)(end - from);
        vectors x = {load(from), load(from + 16), load(from + 32), load(from + 48)};
        if (left < SL_SIMD_BLOCK) blank_behind(&x, left);
        simd_classes c = classes(&x);
        simd_escapes(s, &c, at);
        tokens = simd_list(tokens, at, simd_tokens(s, &c, sl_bits_inside(c.quotes)));
        uint64_t high = high_bits(&x);
        if (high | s->high) utf8(s, &x, at);
        s->high = high >> 63;
    }
    return tokens;
}

#else
typedef int simd_neon_is_for_arm; /* a file must have something in it */
#endif
