/* Reading numbers. Three ways, each exact, the cheapest first: integers and doubles of at most 15 or so digits by plain
 * arithmetic (Clinger), the rest by one 128-bit multiplication (Eisel and Lemire), and the few that lie too close
 * to the middle between two doubles by the C library. Printing is in number_print.c. */
#include "data/number.h"

#include <stdlib.h>

#include "data/digits.h"
#include "data/pow10.h"

enum {
    DIGITS_MAX = 19,   /* always fit into 64 bits */
    SLOW_DIGITS = 780, /* no double needs more than 767 to be told from its neighbours */
};
static const int64_t EXPONENT_MAX = INT64_C(1000000000000000); /* no text is long enough to make up for it */

/* A number as written: mantissa * 10^exponent. */
typedef struct decimal {
    uint64_t mantissa;   /* the first DIGITS_MAX significant digits */
    int64_t exponent;    /* of ten, for that mantissa */
    bool negative, more; /* more: digits were left out of the mantissa */
} decimal;

static inline bool is_digit(const char *p, const char *end) {
    return p < end && (unsigned)(*p - '0') < 10;
}

/* ---- decimal to double ---- */

static double double_of_bits(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

typedef struct product {
    uint64_t hi, lo;
} product;

static inline product multiply(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 wide;
    wide p = (wide)a * b;
    return (product){(uint64_t)(p >> 64), (uint64_t)p};
}

/* floor(log2(10^q)) */
static inline int log2_pow10(int q) {
    int n = q * 217706; /* 65536 * log2(10) */
    return n >= 0 ? n / 65536 : -((65535 - n) / 65536);
}

/* The leading bits of w * 10^q; w has its top bit set. False where 128 bits are too few to be sure. */
static bool lemire_product(uint64_t w, int q, product *out) {
    sl_pow10 ten = sl_pow10_get(q);
    if (q < 0 && q >= -27 && ++ten.lo == 0) ten.hi++; /* these few must be rounded up for the proof to hold */
    product p = multiply(w, ten.hi);
    if ((p.hi & 0x1FF) == 0x1FF) {
        product low = multiply(w, ten.lo);
        p.lo += low.hi;
        if (low.hi > p.lo) p.hi++;
    }
    *out = p;
    return p.lo != UINT64_MAX || (q >= -27 && q <= 55);
}

/* D. Lemire, "Number parsing at a gigabyte per second" (2021). False: not sure, take the slow way. */
static bool lemire(uint64_t mantissa, int64_t exponent, double *out) {
    *out = exponent < -342 ? 0.0 : double_of_bits(UINT64_C(0x7FF) << 52);
    if (exponent < -342 || exponent > 308) return true;
    int q = (int)exponent, lz = __builtin_clzll(mantissa);
    product p;
    if (!lemire_product(mantissa << lz, q, &p)) return false;
    int top = (int)(p.hi >> 63);
    uint64_t m = p.hi >> (top + 9);
    int power = log2_pow10(q) + 63 + top - lz + 1023;
    if (power <= 0) { /* subnormal */
        if (1 - power >= 64) {
            *out = 0.0;
            return true;
        }
        m >>= 1 - power;
        m = (m + (m & 1)) >> 1;
        *out = double_of_bits(m);
        return true;
    }
    /* exactly half way: round to even */
    if (p.lo <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 && m << (top + 9) == p.hi) m &= ~UINT64_C(1);
    m = (m + (m & 1)) >> 1;
    if (m >= UINT64_C(2) << 52) {
        m = UINT64_C(1) << 52;
        power++;
    }
    if (power < 0x7FF) *out = double_of_bits((uint64_t)power << 52 | (m & ~(UINT64_C(1) << 52)));
    return true;
}

/* All digits that can matter as "DDDDe-DD" (no decimal point: the locale has no say), for strtod. */
static double slow_double(const char *p, const char *end, int64_t exponent) {
    char text[SLOW_DIGITS + SL_NUMBER_ROOM];
    size_t n = 0;
    bool point = false, rest = false;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') point = true;
        if (!is_digit(p, end)) continue;
        if (point) exponent--;
        if (n == 0 && *p == '0') continue;
        if (n < SLOW_DIGITS) text[n++] = *p;
        else {
            exponent++;
            rest = rest || *p != '0';
        }
    }
    if (rest) { /* more than what is there by however little: any further digit says so */
        text[n++] = '1';
        exponent--;
    }
    text[n++] = 'e';
    n += sl_number_print_int(exponent, text + n);
    text[n] = '\0';
    return strtod(text, NULL);
}

/* All of them exact. */
static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The magnitude of the number written in [p, end); its explicit exponent is `written`. */
static double to_double(const decimal *n, const char *p, const char *end, int64_t written) {
    if (n->mantissa == 0) return 0.0;
    if (n->mantissa <= UINT64_C(1) << 53 && n->exponent >= -22 && n->exponent <= 22 && !n->more) {
        double d = (double)n->mantissa; /* both factors are exact, so the one rounding is the right one */
        return n->exponent < 0 ? d / tens[-n->exponent] : d * tens[n->exponent];
    }
    double low, high;
    if (lemire(n->mantissa, n->exponent, &low)) {
        if (!n->more) return low;
        if (lemire(n->mantissa + 1, n->exponent, &high) && low == high) return low;
    }
    return slow_double(p, end, written);
}

/* ---- reading ---- */

/* The digits again, from their first significant one, when there are too many of them. */
static void read_long(const char *p, const char *end, decimal *n) {
    bool point = false;
    int count = 0;
    n->mantissa = 0;
    n->exponent = 0;
    for (; p < end && (is_digit(p, end) || *p == '.'); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (count == 0 && *p == '0') {
            if (point) n->exponent--;
        } else if (count < DIGITS_MAX) {
            n->mantissa = n->mantissa * 10 + (uint64_t)(*p - '0');
            count++;
            if (point) n->exponent--;
        } else {
            n->more = n->more || *p != '0';
            if (!point) n->exponent++;
        }
    }
}

static const char *read_exponent(const char *p, const char *end, int64_t *written, sl_scan_fault *fault) {
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (!is_digit(p, end)) return sl_scan_stop(fault, p, "expected a digit in the exponent");
    int64_t e = 0;
    for (; is_digit(p, end); p++)
        if (e < EXPONENT_MAX) e = e * 10 + (*p - '0');
    *written = negative ? -e : e;
    return p;
}

static void finish_int(uint64_t m, bool negative, ptrdiff_t digits, sl_number *out) {
    uint64_t most = (uint64_t)INT64_MAX + negative;
    if (digits > DIGITS_MAX || m > most) {
        out->kind = SL_NUMBER_TEXT;
    } else if (negative && m == 0) {
        out->kind = SL_NUMBER_DOUBLE;
        out->d = -0.0;
    } else {
        out->kind = SL_NUMBER_INT;
        out->i = negative ? (int64_t)(0 - m) : (int64_t)m;
    }
}

static void finish_double(decimal *n, const char *digits, const char *end, int64_t written, sl_number *out) {
    n->exponent += written;
    double d = to_double(n, digits, end, written);
    bool lost = d > 1.7976931348623157e308 || (d == 0 && n->mantissa != 0);
    out->kind = lost ? SL_NUMBER_TEXT : SL_NUMBER_DOUBLE;
    out->d = n->negative ? -d : d;
}

static const char *read_any(const char *p, const char *end, sl_number *out, sl_scan_fault *fault) {
    decimal n = {0, 0, p < end && *p == '-', false};
    const char *digits = p += n.negative;
    uint64_t m = 0;
    for (; is_digit(p, end); p++) m = m * 10 + (uint64_t)(*p - '0');
    ptrdiff_t count = p - digits;
    if (count == 0) return sl_scan_stop(fault, p, "expected a digit");
    if (*digits == '0' && count > 1) return sl_scan_stop(fault, digits, "a number can't start with a zero");
    if (p == end || (*p != '.' && (*p | 0x20) != 'e')) {
        finish_int(m, n.negative, count, out);
        return p;
    }
    if (*p == '.') {
        const char *fraction = ++p;
        for (; is_digit(p, end); p++) m = m * 10 + (uint64_t)(*p - '0');
        if (p == fraction) return sl_scan_stop(fault, p, "expected a digit after the decimal point");
        n.exponent = fraction - p;
        count += p - fraction;
    }
    n.mantissa = m;
    if (count > DIGITS_MAX) read_long(digits, p, &n);
    int64_t written = 0;
    if (p < end && (*p | 0x20) == 'e' && !(p = read_exponent(p + 1, end, &written, fault))) return NULL;
    finish_double(&n, digits, p, written, out);
    return p;
}

/* A price or a quantity, which eight bytes hold with what is behind it: its digits are read at once. NULL: it is no such
 * number, or none at all. */
static inline const char *read_short(const char *p, const char *end, sl_number *out) {
    bool negative = p < end && *p == '-';
    p += negative;
    if (!SL_DIGITS || end - p < 8) return NULL;
    uint64_t eight = sl_digits_load(p), ends = sl_digits_not(eight);
    int n = ends ? sl_digits_first(ends) : 0, m = 0;
    if (n == 0 || (n > 1 && *p == '0') || (p[n] | 0x20) == 'e') return NULL;
    if (p[n] != '.') {
        finish_int(sl_digits_value(eight, n), negative, n, out);
        return p + n;
    }
    ends &= ends - 1;
    m = ends ? sl_digits_first(ends) : 0;
    if (m <= n + 1 || (p[m] | 0x20) == 'e') return NULL;
    double d = sl_digits_value(sl_digits_without(eight, n), m - 1) / tens[m - n - 1];
    out->kind = SL_NUMBER_DOUBLE;
    out->d = negative ? -d : d;
    return p + m;
}

const char *sl_number_read(const char *p, const char *end, sl_number *out, sl_scan_fault *fault) {
    const char *after = read_short(p, end, out);
    return after ? after : read_any(p, end, out, fault);
}

int sl_number_parse(sl_str text, sl_number *out, sl_err *err) {
    sl_scan_fault fault;
    const char *end = text.ptr + text.len, *p = sl_number_read(text.ptr, end, out, &fault);
    if (p && p != end) p = sl_scan_stop(&fault, p, "expected the end of the number");
    return p ? 0 : sl_scan_fail(err, text, &fault);
}
