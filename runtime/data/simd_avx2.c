/* 32 bytes at a step, for x86-64 machines with AVX2. */
#if defined __x86_64__

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,pclmul,popcnt,bmi")))
#define SIMD_TARGET TARGET
#define SIMD_LOWEST(bits) _tzcnt_u64(bits)

#include "data/simd_block.h"

extern sl_simd_marks sl_simd_avx2;

typedef struct vectors {
    __m256i a, b;
} vectors;

TARGET static inline __m256i load(const void *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}

TARGET static inline __m256i twice(__m128i half) {
    return _mm256_broadcastsi128_si256(half);
}

TARGET static inline uint64_t bits(__m256i a, __m256i b) {
    return (unsigned)_mm256_movemask_epi8(a) | (uint64_t)(unsigned)_mm256_movemask_epi8(b) << 32;
}

TARGET static inline uint64_t equal(const vectors *x, char c) {
    const __m256i all = _mm256_set1_epi8(c);
    return bits(_mm256_cmpeq_epi8(x->a, all), _mm256_cmpeq_epi8(x->b, all));
}

/* Ones where a byte, with the bits of `set`, is what the table has at the place of its low half. */
TARGET static inline __m256i in_table(__m256i v, __m256i table, char set) {
    return _mm256_cmpeq_epi8(_mm256_or_si256(v, _mm256_set1_epi8(set)), _mm256_shuffle_epi8(table, v));
}

TARGET static inline __m256i below_space(__m256i v) {
    return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1F)), v);
}

TARGET static inline simd_classes classes(const vectors *x) {
    /* no byte is 100 where that stands; [ and ] become { and } */
    const __m256i blanks =
        twice(_mm_setr_epi8(' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n', 112, 100, '\r', 100, 100));
    const __m256i marks = twice(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
    return (simd_classes){.quotes = equal(x, '"'),
                          .slashes = equal(x, '\\'),
                          .marks = bits(in_table(x->a, marks, 0x20), in_table(x->b, marks, 0x20)),
                          .blanks = bits(in_table(x->a, blanks, 0), in_table(x->b, blanks, 0)),
                          .controls = bits(below_space(x->a), below_space(x->b))};
}

TARGET static inline uint64_t inside(uint64_t quotes) {
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)quotes), _mm_set1_epi8((char)0xFF), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

TARGET static inline __m256i table(int i) {
    return twice(_mm_loadu_si128((const __m128i *)(const void *)simd_utf8[i]));
}

/* Not zero where v has a fault; `before` is the vector before it. */
TARGET static inline __m256i utf8_faults(__m256i before, __m256i v) {
    const __m256i low = _mm256_set1_epi8(0x0F), middle = _mm256_permute2x128_si256(before, v, 0x21);
    __m256i prev1 = _mm256_alignr_epi8(v, middle, 15), prev2 = _mm256_alignr_epi8(v, middle, 14);
    __m256i prev3 = _mm256_alignr_epi8(v, middle, 13);
    __m256i first = _mm256_shuffle_epi8(table(0), _mm256_and_si256(_mm256_srli_epi16(prev1, 4), low));
    __m256i second = _mm256_shuffle_epi8(table(1), _mm256_and_si256(prev1, low));
    __m256i third = _mm256_shuffle_epi8(table(2), _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
    /* the third and fourth byte of a character must be continuations, and only they may be the second in a row */
    __m256i of3 = _mm256_subs_epu8(prev2, _mm256_set1_epi8(0xE0 - 0x80));
    __m256i of4 = _mm256_subs_epu8(prev3, _mm256_set1_epi8(0xF0 - 0x80));
    __m256i tails = _mm256_and_si256(_mm256_or_si256(of3, of4), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(tails, _mm256_and_si256(_mm256_and_si256(first, second), third));
}

TARGET static void utf8(sl_simd *s, const vectors *x, size_t at) {
    __m256i before = at ? load(s->text.ptr + at - 32) : _mm256_setzero_si256();
    __m256i faults = _mm256_or_si256(utf8_faults(before, x->a), utf8_faults(x->a, x->b));
    s->bad |= !_mm256_testz_si256(faults, faults);
}

/* Makes all bytes but the first n blanks. */
TARGET static inline void blank_behind(vectors *x, size_t n) {
    const uint8_t *keep = simd_keep + SL_SIMD_BLOCK - n;
    const __m256i blank = _mm256_set1_epi8(' ');
    x->a = _mm256_blendv_epi8(blank, x->a, load(keep));
    x->b = _mm256_blendv_epi8(blank, x->b, load(keep + 32));
}

TARGET uint32_t *sl_simd_avx2(sl_simd *s, const char *from, size_t at, size_t len, uint32_t *tokens) {
    for (const char *end = from + len; from < end; from += SL_SIMD_BLOCK, at += SL_SIMD_BLOCK) {
        size_t left = (size_t)(end - from);
        vectors x = {load(from), load(from + 32)};
        if (left < SL_SIMD_BLOCK) blank_behind(&x, left);
        simd_classes c = classes(&x);
        simd_escapes(s, &c, at);
        tokens = simd_list(tokens, at, simd_tokens(s, &c, inside(c.quotes)));
        uint64_t high = bits(x.a, x.b);
        if (high | s->high) utf8(s, &x, at);
        s->high = high >> 63;
    }
    return tokens;
}

#else
typedef int simd_avx2_is_for_x86; /* a file must have something in it */
#endif
