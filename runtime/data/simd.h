/* The first half of validation, 64 bytes at a step: where the tokens of a JSON text start, and whether its strings are
 * sound (escapes, control characters, UTF-8). The grammar of the tokens is data/valid's.
 *
 *   sl_simd_marks *marks = sl_simd_get();                     // NULL: this machine has no such vectors, data/scan does it all
 *   sl_simd s = {.text = text};
 *   uint32_t *end = marks(&s, text.ptr, 0, text.len, tokens);   // places in the text, in order
 *   if (s.bad || s.in_string) …                               // not JSON, or in doubt: data/scan says what and where
 *
 * Each variant is a file (simd_avx512.c, simd_avx2.c, simd_sse42.c, simd_neon.c) that turns bytes into bits; what the bits
 * mean is said once, in simd_block.h. A text starts anew: nothing is carried from one line to the next.
 */
#ifndef SL_DATA_SIMD_H
#define SL_DATA_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes of a block, and what is written of the list of tokens behind its end. */
enum { SL_SIMD_BLOCK = 64, SL_SIMD_SPARE = 16 };

/* What goes on from one block of a text to the next. All zero but for the text at its start. */
typedef struct sl_simd {
    sl_str text;
    const char *escapes; /* up to here they were looked at: a pair of them makes one character */
    uint64_t escaped;    /* 1: the next byte stands behind a backslash */
    uint64_t in_string;  /* all bits: a string is open */
    uint64_t scalar;     /* 1: the last byte was of a number or a word */
    uint64_t high;       /* 1: the last byte is beyond ASCII */
    uint64_t slashes;    /* not 0: there are escapes */
    uint64_t controls;   /* not 0: there are bytes below the space */
    uint64_t bad;        /* not 0: a string is not sound */
} sl_simd;

/* Looks at `len` bytes at `from`, which are byte `at` of the text and on, or a copy of them; whole blocks of memory are read.
 * The tokens go to the list, which has room for len + SL_SIMD_SPARE: the places in the text of each bracket, comma and colon
 * outside of strings, of the opening quote of each string, and of the first byte of each run of other bytes. Returns where
 * the next one would go. `at` is a multiple of 64. */
typedef uint32_t *sl_simd_marks(sl_simd *s, const char *from, size_t at, size_t len, uint32_t *tokens);

/* The best variant for this machine, NULL where there is none. SLUICE_SIMD=scalar|sse42|avx2|avx512|neon in the environment
 * asks for another one; one that the machine lacks is not taken. */
sl_simd_marks *sl_simd_get(void);

/* The variant of that name, for tests: NULL where there is none, or this machine has not got it. */
sl_simd_marks *sl_simd_named(const char *name);

/* Looks at the escapes whose backslashes are the bits, of the block that is byte `at` of the text. */
void sl_simd_escapes(sl_simd *s, size_t at, uint64_t slashes);

#endif
