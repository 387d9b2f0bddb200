/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 *   size_t n = sl_utf8_step(p, end);           // 1 to 4, or 0 where no valid character starts
 *   ptrdiff_t bad = sl_utf8_check(text);       // offset of the first byte that is wrong, or -1
 *   n = sl_utf8_put(0x20AC, out);              // 3: "€"
 */
#ifndef SL_DATA_UTF8_H
#define SL_DATA_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Length of the character at p (p < end), 0 where it is broken or cut off by end. */
size_t sl_utf8_step(const char *p, const char *end);

/* Offset of the first byte that does not start a valid character, -1 where all is well. */
ptrdiff_t sl_utf8_check(sl_str text);

/* Writes the character into out (room for 4 bytes) and returns its length. `code` is a valid code point. */
size_t sl_utf8_put(uint32_t code, char *out);

#endif
