/* Whether a text is JSON, and where the members of its value are: one pass by data/simd and one over its tokens. It says
 * yes or no; data/scan says what is wrong, and it is the judge where there are no vectors.
 *
 *   sl_valid v = {.marks = sl_simd_get(), .slack = true};
 *   sl_index *x = sl_indexes_line(&indexes);
 *   if (sl_valid_text(&v, text, x)) …                 // *x has the members of an array or an object
 *   else p = sl_scan_value(text.ptr, …)              // says why, or that the text is too long for here
 *   sl_valid_free(&v);
 */
#ifndef SL_DATA_VALID_H
#define SL_DATA_VALID_H

#include "data/record.h"
#include "data/simd.h"

/* Longer texts are data/scan's: the list of tokens shall stay small. */
enum { SL_VALID_BYTES = 1 << 20 };

typedef struct sl_valid {
    sl_simd_marks *marks; /* NULL: nothing is valid here */
    bool slack;           /* SL_SIMD_BLOCK bytes behind the text may be read, whatever they are */
    uint32_t *tokens;     /* of the text that was looked at last */
    size_t room;
    bool lines;           /* that text has line ends, if it is valid */
} sl_valid;

void sl_valid_free(sl_valid *v);

/* `text` starts and ends with a byte of its value, no blanks. True: it is JSON of at most SL_SCAN_DEPTH levels. */
bool sl_valid_text(sl_valid *v, sl_str text, sl_index *x);

#endif
