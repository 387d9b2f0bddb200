/* The core schema of YAML 1.2, with one more outcome. Readers of YAML 1.1 (most of them) see other things in some
 * plain scalars: `no` is false, 012 is ten. Guessing what the writer had in mind turns a country into a boolean; such
 * scalars are "unclear", and whoever knows what is expected at that place decides. */
#include "data/yaml_scalar.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#define WORDS_DIFFER "yes, no, on, off, y and n are booleans to some readers of YAML and text to others"
#define ZEROS_DIFFER "a number with leading zeros is octal to some readers of YAML and decimal to others"
#define QUOTE_IT "quote it to mean the text"

typedef struct word {
    const char *text;
    sl_yaml_kind kind;
    bool boolean;
} word;

/* Each in the three spellings that the schemas know: no, No, NO. */
static const word words[] = {
    {"null", SL_YAML_NULL, false},   {"true", SL_YAML_BOOLEAN, true}, {"false", SL_YAML_BOOLEAN, false},
    {"no", SL_YAML_UNCLEAR, false},  {"yes", SL_YAML_UNCLEAR, false}, {"on", SL_YAML_UNCLEAR, false},
    {"off", SL_YAML_UNCLEAR, false}, {"y", SL_YAML_UNCLEAR, false},   {"n", SL_YAML_UNCLEAR, false},
};

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

/* All lower, all upper, or only the first upper. */
static bool known_spelling(sl_str s) {
    for (size_t i = 2; i < s.len; i++)
        if (is_upper(s.ptr[i]) != is_upper(s.ptr[1])) return false;
    return s.len < 2 || is_upper(s.ptr[0]) || !is_upper(s.ptr[1]);
}

static void set_unclear(sl_yaml_node *node, const char *reason, const char *cure) {
    node->kind = SL_YAML_UNCLEAR;
    node->reason = reason;
    node->cure = cure;
}

static bool resolve_word(sl_yaml_node *node) {
    sl_str s = node->text;
    if (s.len == 0 || sl_str_eq(s, SL_STR("~"))) {
        node->kind = SL_YAML_NULL;
        return true;
    }
    if (s.len > 5 || !known_spelling(s)) return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!sl_str_ieq(s, sl_str_of(words[i].text))) continue;
        node->kind = words[i].kind;
        node->as.boolean = words[i].boolean;
        if (node->kind == SL_YAML_UNCLEAR)
            set_unclear(node, WORDS_DIFFER, "write true or false, or quote it to mean the text");
        return true;
    }
    return false;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* How many digits of that base stand at i. */
static size_t digits(sl_str s, size_t i, int base) {
    size_t n = 0;
    while (i + n < s.len && digit_value(s.ptr[i + n]) < base) n++;
    return n;
}

static void set_integer(sl_yaml_node *node, const char *text, int base) {
    errno = 0;
    node->kind = SL_YAML_INTEGER;
    node->as.integer = strtoll(text, NULL, base);
    if (errno == ERANGE) set_unclear(node, "this integer does not fit in 64 bits", QUOTE_IT);
}

static void set_float(sl_yaml_node *node, double number) {
    node->kind = SL_YAML_FLOAT;
    node->as.number = number;
}

/* 0x1F and 0o17, without a sign. */
static bool resolve_based(sl_yaml_node *node) {
    sl_str s = node->text;
    if (s.len < 3 || s.ptr[0] != '0' || (s.ptr[1] != 'x' && s.ptr[1] != 'o')) return false;
    int base = s.ptr[1] == 'x' ? 16 : 8;
    if (digits(s, 2, base) != s.len - 2) return false;
    set_integer(node, s.ptr + 2, base);
    return true;
}

typedef struct number_form {
    bool is_number, is_float, leading_zero;
} number_form;

static bool at_sign(sl_str s, size_t i) {
    return i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+');
}

/* [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ([eE][-+]?[0-9]+)? */
static number_form scan_number(sl_str s) {
    number_form form = {false, false, false};
    size_t i = at_sign(s, 0);
    size_t whole = digits(s, i, 10), fraction = 0;
    form.leading_zero = whole > 1 && s.ptr[i] == '0';
    i += whole;
    if (i < s.len && s.ptr[i] == '.') {
        fraction = digits(s, i + 1, 10);
        form.is_float = true;
        i += 1 + fraction;
    }
    if (whole == 0 && fraction == 0) return form;
    if (i < s.len && (s.ptr[i] | 32) == 'e') {
        i += 1 + (size_t)at_sign(s, i + 1);
        size_t exponent = digits(s, i, 10);
        if (exponent == 0) return form;
        form.is_float = true;
        i += exponent;
    }
    form.is_number = i == s.len;
    return form;
}

static bool resolve_number(sl_yaml_node *node) {
    number_form form = scan_number(node->text);
    if (!form.is_number) return false;
    if (form.leading_zero) {
        set_unclear(node, ZEROS_DIFFER, "write it without the zeros, or 0o12 for octal, or quote it to keep them");
    } else if (form.is_float) {
        set_float(node, strtod(node->text.ptr, NULL));
        if (isinf(node->as.number)) set_unclear(node, "this number is too large for a double", QUOTE_IT);
    } else {
        set_integer(node, node->text.ptr, 10);
    }
    return true;
}

static bool is_nan(sl_str name) {
    return sl_str_eq(name, SL_STR("nan")) || sl_str_eq(name, SL_STR("NaN")) || sl_str_eq(name, SL_STR("NAN"));
}

/* .inf and .nan */
static void resolve_special(sl_yaml_node *node) {
    sl_str s = node->text;
    size_t sign = at_sign(s, 0);
    if (s.len != sign + 4 || s.ptr[sign] != '.') return;
    sl_str name = sl_str_make(s.ptr + sign + 1, 3);
    if (sl_str_ieq(name, SL_STR("inf")) && known_spelling(name))
        set_float(node, s.ptr[0] == '-' ? -HUGE_VAL : HUGE_VAL);
    else if (!sign && is_nan(name))
        set_float(node, (double)NAN);
}

void sl_yaml_resolve(sl_yaml_node *node) {
    node->kind = SL_YAML_TEXT;
    if (resolve_word(node) || resolve_based(node) || resolve_number(node)) return;
    resolve_special(node);
}
