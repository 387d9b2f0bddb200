/* Which variant is taken, and the one part of it that goes byte by byte: escapes are rare, and they have a grammar. */
#include "data/simd.h"

#include <stdlib.h>

#include "data/scan.h"

extern sl_simd_marks sl_simd_avx512, sl_simd_avx2, sl_simd_sse42, sl_simd_neon;

typedef struct variant {
    const char *name;
    sl_simd_marks *marks;
} variant;

enum { VARIANTS = 4 };

/* The best one first. */
static size_t variants(variant out[VARIANTS]) {
    size_t n = 0;
#if defined __x86_64__
    __builtin_cpu_init();
    bool carryless = __builtin_cpu_supports("pclmul");
    bool wide = carryless && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
    bool wider = wide && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2") &&
                 __builtin_cpu_supports("bmi2");
    if (wider) out[n++] = (variant){"avx512", sl_simd_avx512};
    if (wide) out[n++] = (variant){"avx2", sl_simd_avx2};
    if (carryless && __builtin_cpu_supports("sse4.2")) out[n++] = (variant){"sse42", sl_simd_sse42};
#elif defined __aarch64__
    out[n++] = (variant){"neon", sl_simd_neon};
#endif
    out[n++] = (variant){"scalar", NULL};
    return n;
}

sl_simd_marks *sl_simd_named(const char *name) {
    variant all[VARIANTS];
    size_t n = variants(all);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0) return all[i].marks;
    return NULL;
}

static sl_simd_marks *choose(void) {
    variant all[VARIANTS];
    size_t n = variants(all);
    const char *wanted = getenv("SLUICE_SIMD");
    for (size_t i = 0; wanted && i < n; i++)
        if (strcmp(all[i].name, wanted) == 0) return all[i].marks;
    return all[0].marks;
}

sl_simd_marks *sl_simd_get(void) {
    static sl_simd_marks *chosen;
    static bool known;
    if (!known) chosen = choose();
    known = true;
    return chosen;
}

void sl_simd_escapes(sl_simd *s, size_t at, uint64_t slashes) {
    sl_scan_fault fault;
    const char *block = s->text.ptr + at, *end = s->text.ptr + s->text.len;
    for (; slashes; slashes &= slashes - 1) {
        const char *p = block + __builtin_ctzll(slashes);
        if (p < s->escapes) continue; /* the second half of a pair */
        s->escapes = sl_scan_escape(p, end, &fault);
        if (!s->escapes) s->bad = 1;
    }
}
