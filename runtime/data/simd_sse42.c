/* Sixteen bytes at a step, for x86-64 machines without AVX2. */
#if defined __x86_64__

#include <immintrin.h>

#include "data/simd_block.h"

extern sl_simd_marks sl_simd_sse42;

#define TARGET __attribute__((target("sse4.2,pclmul,popcnt")))

typedef struct vectors {
    __m128i a, b, c, d;
} vectors;

TARGET static inline __m128i load(const void *p) {
    return _mm_loadu_si128((const __m128i *)p);
}

TARGET static inline uint64_t bits(__m128i a, __m128i b, __m128i c, __m128i d) {
    uint64_t m0 = (unsigned)_mm_movemask_epi8(a), m1 = (unsigned)_mm_movemask_epi8(b);
    uint64_t m2 = (unsigned)_mm_movemask_epi8(c), m3 = (unsigned)_mm_movemask_epi8(d);
    return m0 | m1 << 16 | m2 << 32 | m3 << 48;
}

TARGET static inline uint64_t equal(const vectors *x, char c) {
    const __m128i all = _mm_set1_epi8(c);
    return bits(_mm_cmpeq_epi8(x->a, all), _mm_cmpeq_epi8(x->b, all), _mm_cmpeq_epi8(x->c, all), _mm_cmpeq_epi8(x->d, all));
}

/* Ones where a byte, with the bits of `set`, is what the table has at the place of its low half. */
TARGET static inline __m128i in_table(__m128i v, __m128i table, char set) {
    return _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(set)), _mm_shuffle_epi8(table, v));
}

TARGET static inline __m128i below_space(__m128i v) {
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
}

TARGET static inline simd_classes classes(const vectors *x) {
    /* no byte is 100 where that stands; [ and ] become { and } */
    const __m128i blanks = _mm_setr_epi8(' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n', 112, 100, '\r', 100, 100);
    const __m128i marks = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0);
    simd_classes c = {.quotes = equal(x, '"'), .slashes = equal(x, '\\')};
    c.marks = bits(in_table(x->a, marks, 0x20), in_table(x->b, marks, 0x20), in_table(x->c, marks, 0x20),
                   in_table(x->d, marks, 0x20));
    c.blanks = bits(in_table(x->a, blanks, 0), in_table(x->b, blanks, 0), in_table(x->c, blanks, 0), in_table(x->d, blanks, 0));
    c.controls = bits(below_space(x->a), below_space(x->b), below_space(x->c), below_space(x->d));
    return c;
}

TARGET static inline uint64_t inside(uint64_t quotes) {
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)quotes), _mm_set1_epi8((char)0xFF), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Not zero where v has a fault; `before` is the vector before it. */
TARGET static inline __m128i utf8_faults(__m128i before, __m128i v) {
    const __m128i low = _mm_set1_epi8(0x0F);
    __m128i prev1 = _mm_alignr_epi8(v, before, 15), prev2 = _mm_alignr_epi8(v, before, 14);
    __m128i prev3 = _mm_alignr_epi8(v, before, 13);
    __m128i first = _mm_shuffle_epi8(load(simd_utf8[0]), _mm_and_si128(_mm_srli_epi16(prev1, 4), low));
    __m128i second = _mm_shuffle_epi8(load(simd_utf8[1]), _mm_and_si128(prev1, low));
    __m128i third = _mm_shuffle_epi8(load(simd_utf8[2]), _mm_and_si128(_mm_srli_epi16(v, 4), low));
    /* the third and fourth byte of a character must be continuations, and only they may be the second in a row */
    __m128i of3 = _mm_subs_epu8(prev2, _mm_set1_epi8(0xE0 - 0x80)), of4 = _mm_subs_epu8(prev3, _mm_set1_epi8(0xF0 - 0x80));
    __m128i tails = _mm_and_si128(_mm_or_si128(of3, of4), _mm_set1_epi8((char)0x80));
    return _mm_xor_si128(tails, _mm_and_si128(_mm_and_si128(first, second), third));
}

TARGET static void utf8(sl_simd *s, const vectors *x, size_t at) {
    __m128i before = at ? load(s->text.ptr + at - 16) : _mm_setzero_si128();
    __m128i faults = _mm_or_si128(_mm_or_si128(utf8_faults(before, x->a), utf8_faults(x->a, x->b)),
                                  _mm_or_si128(utf8_faults(x->b, x->c), utf8_faults(x->c, x->d)));
    s->bad |= !_mm_testz_si128(faults, faults);
}

/* Makes all bytes but the first n blanks. */
TARGET static inline void blank_behind(vectors *x, size_t n) {
    const uint8_t *keep = simd_keep + SL_SIMD_BLOCK - n;
    const __m128i blank = _mm_set1_epi8(' ');
    x->a = _mm_blendv_epi8(blank, x->a, load(keep));
    x->b = _mm_blendv_epi8(blank, x->b, load(keep + 16));
    x->c = _mm_blendv_epi8(blank, x->c, load(keep + 32));
    x->d = _mm_blendv_epi8(blank, x->d, load(keep + 48));
}

TARGET uint32_t *sl_simd_sse42(sl_simd *s, const char *from, size_t at, size_t len, uint32_t *tokens) {
    for (const char *end = from + len; from < end; from += SL_SIMD_BLOCK, at += SL_SIMD_BLOCK) {
        size_t left = (size_t)(end - from);
        vectors x = {load(from), load(from + 16), load(from + 32), load(from + 48)};
        if (left < SL_SIMD_BLOCK) blank_behind(&x, left);
        simd_classes c = classes(&x);
        simd_escapes(s, &c, at);
        tokens = simd_list(tokens, at, simd_tokens(s, &c, inside(c.quotes)));
        uint64_t high = bits(x.a, x.b, x.c, x.d);
        if (high | s->high) utf8(s, &x, at);
        s->high = high >> 63;
    }
    return tokens;
}

#else
typedef int simd_sse42_is_for_x86; /* a file must have something in it */
#endif
