/* 64 bytes at a step, for x86-64 machines with the AVX-512 of Ice Lake or Zen 4 and later: comparisons give bits without a
 * detour, and the list of tokens is written without a loop over them. */
#if defined __x86_64__

#include <immintrin.h>

#include "data/simd_block.h"

extern sl_simd_marks sl_simd_avx512;

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi2,avx2,pclmul,popcnt,bmi,bmi2")))

TARGET static inline __m512i load(const void *p) {
    return _mm512_loadu_si512(p);
}

TARGET static inline __m512i four_times(__m128i quarter) {
    return _mm512_broadcast_i32x4(quarter);
}

TARGET static inline uint64_t equal(__m512i x, char c) {
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(c));
}

/* Ones where a byte, with the bits of `set`, is what the table has at the place of its low half. */
TARGET static inline uint64_t in_table(__m512i x, __m512i table, char set) {
    return _mm512_cmpeq_epi8_mask(_mm512_or_si512(x, _mm512_set1_epi8(set)), _mm512_shuffle_epi8(table, x));
}

TARGET static inline simd_classes classes(__m512i x) {
    /* no byte is 100 where that stands; [ and ] become { and } */
    const __m512i blanks =
        four_times(_mm_setr_epi8(' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n', 112, 100, '\r', 100, 100));
    const __m512i marks = four_times(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
    return (simd_classes){.quotes = equal(x, '"'),
                          .slashes = equal(x, '\\'),
                          .marks = in_table(x, marks, 0x20),
                          .blanks = in_table(x, blanks, 0),
                          .controls = _mm512_cmplt_epu8_mask(x, _mm512_set1_epi8(' '))};
}

TARGET static inline uint64_t inside(uint64_t quotes) {
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)quotes), _mm_set1_epi8((char)0xFF), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

TARGET static inline __m512i table(int i) {
    return four_times(_mm_loadu_si128((const __m128i *)(const void *)simd_utf8[i]));
}

/* Not zero where x has a fault; `before` is the block before it. */
TARGET static inline uint64_t utf8_faults(__m512i before, __m512i x) {
    const __m512i low = _mm512_set1_epi8(0x0F), middle = _mm512_alignr_epi64(x, before, 6);
    __m512i prev1 = _mm512_alignr_epi8(x, middle, 15), prev2 = _mm512_alignr_epi8(x, middle, 14);
    __m512i prev3 = _mm512_alignr_epi8(x, middle, 13);
    __m512i first = _mm512_shuffle_epi8(table(0), _mm512_and_si512(_mm512_srli_epi16(prev1, 4), low));
    __m512i second = _mm512_shuffle_epi8(table(1), _mm512_and_si512(prev1, low));
    __m512i third = _mm512_shuffle_epi8(table(2), _mm512_and_si512(_mm512_srli_epi16(x, 4), low));
    /* the third and fourth byte of a character must be continuations, and only they may be the second in a row */
    __m512i of3 = _mm512_subs_epu8(prev2, _mm512_set1_epi8((char)(0xE0 - 0x80)));
    __m512i of4 = _mm512_subs_epu8(prev3, _mm512_set1_epi8((char)(0xF0 - 0x80)));
    __m512i tails = _mm512_and_si512(_mm512_or_si512(of3, of4), _mm512_set1_epi8((char)0x80));
    __m512i faults = _mm512_xor_si512(tails, _mm512_and_si512(_mm512_and_si512(first, second), third));
    return _mm512_test_epi8_mask(faults, faults);
}

/* As simd_list, sixteen at a step: the numbers of the bits are pressed together, then widened. */
TARGET static inline uint32_t *list(uint32_t *out, size_t base, uint64_t bits) {
    static const uint8_t numbers[SL_SIMD_BLOCK] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
        48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    uint32_t *end = out + __builtin_popcountll(bits);
    const __m512i first = _mm512_set1_epi32((int)(uint32_t)base);
    __m512i packed = _mm512_maskz_compress_epi8(bits, load(numbers));
    do {
        _mm512_storeu_si512(out, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed))));
        packed = _mm512_alignr_epi64(packed, packed, 2);
        out += 16;
    } while (out < end);
    return end;
}

TARGET uint32_t *sl_simd_avx512(sl_simd *s, const char *from, size_t at, size_t len, uint32_t *tokens) {
    for (const char *end = from + len; from < end; from += SL_SIMD_BLOCK, at += SL_SIMD_BLOCK) {
        size_t left = (size_t)(end - from);
        __m512i x = load(from);
        if (left < SL_SIMD_BLOCK) x = _mm512_mask_mov_epi8(_mm512_set1_epi8(' '), (UINT64_C(1) << left) - 1, x);
        simd_classes c = classes(x);
        simd_escapes(s, &c, at);
        tokens = list(tokens, at, simd_tokens(s, &c, inside(c.quotes)));
        uint64_t high = _mm512_movepi8_mask(x);
        if (high | s->high) s->bad |= utf8_faults(at ? load(s->text.ptr + at - SL_SIMD_BLOCK) : _mm512_setzero_si512(), x);
        s->high = high >> 63;
    }
    return tokens;
}

#else
typedef int simd_avx512_is_for_x86; /* a file must have something in it */
#endif
