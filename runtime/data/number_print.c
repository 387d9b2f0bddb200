/* Printing numbers. Doubles by R. Giulietti's Schubfach ("The Schubfach way to render doubles", 2020): the interval of
 * decimals that read back as the double is scaled by one power of ten, so that it holds at most one multiple of ten
 * and at least one integer; the answer is picked with a few comparisons, without loops. */
#include "data/number.h"

#include "data/digits.h"
#include "data/pow10.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* digits * 10^exponent */
typedef struct decimal {
    uint64_t digits;
    int exponent;
} decimal;

/* ---- integers ---- */

/* Eight digits, zeros and all, that don't wait for each other. */
static inline void eight_digits(char *out, uint32_t v) {
    uint32_t high = v / 10000, low = v % 10000;
    memcpy(out, pairs + high / 100 * 2, 2);
    memcpy(out + 2, pairs + high % 100 * 2, 2);
    memcpy(out + 4, pairs + low / 100 * 2, 2);
    memcpy(out + 6, pairs + low % 100 * 2, 2);
}

/* The digits of v, ending before `end`; returns where they start. */
static inline char *digits_before(char *end, uint64_t v) {
    for (; v >= 100000000; v /= 100000000) eight_digits(end -= 8, (uint32_t)(v % 100000000));
    while (v >= 100) {
        memcpy(end -= 2, pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) memcpy(end -= 2, pairs + v * 2, 2);
    else *--end = (char)('0' + v);
    return end;
}

static size_t put_digits(uint64_t v, char *out) {
    char text[20], *start = digits_before(text + sizeof text, v);
    size_t n = (size_t)(text + sizeof text - start);
    memcpy(out, start, n);
    return n;
}

/* Eight digits to memory. */
static inline void store_digits(char *out, uint64_t digits) {
    digits += SL_DIGITS_ZERO;
    memcpy(out, &digits, sizeof digits);
}

/* The same for v below 100,000,000, in one piece: what is behind the digits is written over. */
static inline size_t put_few(uint32_t v, char *out) {
    uint64_t digits = sl_digits_of(v);
    int zeros = v ? __builtin_ctzll(digits) / 8 : 7;
    store_digits(out, digits >> 8 * zeros);
    return (size_t)(8 - zeros);
}

size_t sl_number_print_int(int64_t value, char out[SL_NUMBER_ROOM]) {
    if (SL_DIGITS && value >= 0 && value < 100000000) return put_few((uint32_t)value, out);
    if (value >= 0) return put_digits((uint64_t)value, out);
    out[0] = '-';
    return 1 + put_digits(0 - (uint64_t)value, out + 1);
}

/* ---- the shortest decimal ---- */

/* g * c / 2^128, the lost bits kept as one sticky bit. */
static inline uint64_t round_to_odd(sl_pow10 g, uint64_t c) {
    __extension__ typedef unsigned __int128 wide;
    wide low = (wide)g.lo * c, high = (wide)g.hi * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The power of ten rounded up, as the proof wants it. */
static inline sl_pow10 power_up(int e) {
    sl_pow10 g = sl_pow10_get(e);
    if (!sl_pow10_exact(e) && ++g.lo == 0) g.hi++;
    return g;
}

/* floor(log2(10^e)); floor(log10(2^q)), of 3/4 * 2^q where the lower neighbour is closer. */
static inline int log2_pow10(int e) {
    return (e * 1741647) >> 19;
}
static inline int log10_pow2(int q, bool closer) {
    return (q * 1262611 - (closer ? 524031 : 0)) >> 22;
}

/* c * 2^q; `closer`: c is a power of two, so that the double below is only half as far. */
static decimal shortest(uint64_t c, int q, bool closer) {
    int k = log10_pow2(q, closer), h = q + log2_pow10(-k) + 1;
    sl_pow10 g = power_up(-k);
    uint64_t odd = c & 1; /* the ends of the interval read back as the double only where it is even */
    uint64_t lower = round_to_odd(g, (4 * c - 2 + closer) << h) + odd;
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - odd;
    uint64_t mid = round_to_odd(g, 4 * c << h), s = mid / 4;
    if (s >= 10) { /* one digit fewer? */
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above) return (decimal){tens + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above) return (decimal){s + above, k};
    uint64_t half = 4 * s + 2; /* both would do: the nearer one, the even one in the middle */
    return (decimal){s + (mid > half || (mid == half && (s & 1))), k};
}

/* ---- layout ---- */

static size_t put_fixed(const char *digits, int n, int point, char *out) {
    if (point <= 0) {
        memcpy(out, "0.00000", 7);
        memcpy(out + 2 - point, digits, (size_t)n);
        return (size_t)(2 - point + n);
    }
    if (point >= n) {
        memcpy(out, digits, (size_t)n);
        memset(out + n, '0', (size_t)(point - n));
        memcpy(out + point, ".0", 2);
        return (size_t)point + 2;
    }
    memcpy(out, digits, (size_t)point);
    out[point] = '.';
    memcpy(out + point + 1, digits + point, (size_t)(n - point));
    return (size_t)n + 1;
}

static size_t put_scientific(const char *digits, int n, int point, char *out) {
    size_t len = 0;
    out[len++] = digits[0];
    if (n > 1) {
        out[len++] = '.';
        memcpy(out + len, digits + 1, (size_t)(n - 1));
        len += (size_t)(n - 1);
    }
    out[len++] = 'e';
    return len + sl_number_print_int(point - 1, out + len);
}

/* A price: a whole part of up to eight digits, and up to sixteen behind the point. They never wait in memory for one another.
 * 0: it is not like that. */
static inline size_t put_price(decimal d, char *out) {
    static const uint64_t tens[] = {
        UINT64_C(1),           UINT64_C(10),           UINT64_C(100),           UINT64_C(1000),           UINT64_C(10000),
        UINT64_C(100000),      UINT64_C(1000000),      UINT64_C(10000000),      UINT64_C(100000000),      UINT64_C(1000000000),
        UINT64_C(10000000000), UINT64_C(100000000000), UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000),
        UINT64_C(1000000000000000), UINT64_C(10000000000000000)};
    if (!SL_DIGITS || d.exponent >= 0 || d.exponent < -16) return 0;
    uint64_t unit = tens[-d.exponent], whole = d.digits / unit, rest = d.digits % unit * tens[16 + d.exponent];
    if (whole >= 100000000 || rest == 0 || (whole == 0 && rest < tens[12])) return 0; /* from 0.0001 on */
    uint64_t first = sl_digits_of((uint32_t)(rest / 100000000)), second = sl_digits_of((uint32_t)(rest % 100000000));
    size_t n = put_few((uint32_t)whole, out);
    out[n++] = '.';
    store_digits(out + n, first);
    store_digits(out + n + 8, second);
    return n + (second ? 16 - (size_t)__builtin_clzll(second) / 8 : 8 - (size_t)__builtin_clzll(first) / 8);
}

static size_t put_decimal(decimal d, char *out) {
    size_t len = put_price(d, out);
    if (len) return len;
    char text[20], *end = text + sizeof text, *digits = digits_before(end, d.digits);
    int point = (int)(end - digits) + d.exponent;
    while (end[-1] == '0') end--;
    int n = (int)(end - digits);
    /* From 1e16 on, and below 0.0001, the exponent is the shorter and the more readable way. */
    return point > -4 && point <= 16 ? put_fixed(digits, n, point, out) : put_scientific(digits, n, point, out);
}

size_t sl_number_print_double(double value, char out[SL_NUMBER_ROOM]) {
    uint64_t bits, hidden = UINT64_C(1) << 52;
    memcpy(&bits, &value, sizeof bits);
    size_t sign = bits >> 63;
    out[0] = '-'; /* the digits go over it where there is no sign */
    uint64_t fraction = bits & (hidden - 1);
    int exponent = (int)(bits >> 52 & 0x7FF), q = (exponent ? exponent : 1) - 1075;
    uint64_t c = exponent ? fraction | hidden : fraction;
    sl_assert(exponent != 0x7FF);
    if (c == 0) {
        memcpy(out + sign, "0.0", 3);
        return sign + 3;
    }
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) /* an integer: no search needed */
        return sign + put_decimal((decimal){c >> -q, 0}, out + sign);
    return sign + put_decimal(shortest(c, q, fraction == 0 && exponent > 1), out + sign);
}
