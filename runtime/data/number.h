/* Numbers between text and memory, exact both ways.
 *
 *   sl_number n;
 *   p = sl_number_read(p, end, &n, &fault);             // "19.99": n.kind == SL_NUMBER_DOUBLE, n.d == 19.99
 *   char out[SL_NUMBER_ROOM];
 *   size_t len = sl_number_print_double(n.d, out);      // "19.99": the fewest digits that read back the same
 *
 * The kind is the text's: without a fraction or an exponent it is an integer, with one a double. What neither can hold
 * (integers beyond 64 bits, doubles that would become infinite or zero) is SL_NUMBER_TEXT: its digits are its value.
 * "-0" is a double, since no integer has that sign. Nothing here looks at the locale.
 */
#ifndef SL_DATA_NUMBER_H
#define SL_DATA_NUMBER_H

#include <stdint.h>

#include "base/str.h"
#include "data/scan.h"

typedef enum sl_number_kind { SL_NUMBER_INT, SL_NUMBER_DOUBLE, SL_NUMBER_TEXT } sl_number_kind;

typedef struct sl_number {
    sl_number_kind kind;
    union {
        int64_t i; /* SL_NUMBER_INT */
        double d;  /* SL_NUMBER_DOUBLE */
    };
} sl_number;

/* Checks the number at p and reads it: the byte after it, or NULL with *fault, just as sl_scan_number. */
const char *sl_number_read(const char *p, const char *end, sl_number *out, sl_scan_fault *fault);

/* The whole text is one JSON number: 0, or -1 with SL_INVALID. */
int sl_number_parse(sl_str text, sl_number *out, sl_err *err);

/* Room for printing any number; bytes behind it may be written as well, within that room. */
enum { SL_NUMBER_ROOM = 40 };

/* The shortest text that reads back as the same double, and as a double: "100.0", "1e16", "1.5e-7", "-0.0". `value` is
 * finite. Returns the length; not terminated. */
size_t sl_number_print_double(double value, char out[SL_NUMBER_ROOM]);

/* Returns the length; not terminated. */
size_t sl_number_print_int(int64_t value, char out[SL_NUMBER_ROOM]);

#endif
