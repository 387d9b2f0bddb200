/* Items with commas between them; each reads itself, and everything that other crons take has its own refusal. */
#include "policy/cron_field.h"

#include "policy/cron_part.h"

typedef struct unit {
    const char *name;
    int min, max;
    int hash_max; /* of H: the 29th is not in every month, and Sunday counts once */
    int star_max;
    const char *words; /* three letters each, from `min` on */
} unit;

static const unit units[] = {
    {"minute", 0, 59, 59, 59, ""},
    {"hour", 0, 23, 23, 23, ""},
    {"day of the month", 1, 31, 28, 31, ""},
    {"month", 1, 12, 12, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"weekday", 0, 7, 6, 6, "sunmontuewedthufrisat"},
};

typedef struct reader {
    sl_cron_field *field;
    const unit *unit;
    const char *p, *end;
    sl_err *err;
} reader;

const char *sl_cron_unit_name(sl_cron_unit which) {
    return units[which].name;
}

/* ---- characters ---- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char peek(const reader *r) {
    return r->p < r->end ? *r->p : 0;
}

static bool take(reader *r, char c) {
    if (peek(r) != c) return false;
    r->p++;
    return true;
}

/* The letters or digits at p, or else the one character there. */
static sl_str word_at(const reader *r, const char *p) {
    const char *q = p;
    while (q < r->end && (is_letter(*q) || is_digit(*q))) q++;
    while (q == p || (q < r->end && (*q & 0xc0) == 0x80)) q++;
    return sl_str_make(p, (size_t)(q - p < 40 ? q - p : 40));
}

/* ---- what is wrong ---- */

/* Fills the error, with the place; a hint may follow. */
#define FAIL(r, at, ...) ((r)->field->wrong = (at), sl_fail((r)->err, SL_CONFIG, 0, __VA_ARGS__))

static int hint_values(const reader *r) {
    const unit *u = r->unit;
    if (!*u->words)
        return sl_hint(r->err, "a%s %s is %d to %d", u->name[0] == 'h' ? "n" : "", u->name, u->min, u->max);
    return sl_hint(r->err, "a %s is %d to %d or %s", u->name, u->min, u->max,
                   u->min ? "JAN to DEC" : "SUN to SAT (0 and 7 are Sunday)");
}

/* Number of the three-letter word at p, or -1. */
static int word_number(const unit *u, const char *p) {
    for (int i = 0; u->words[3 * i]; i++) {
        int same = 0;
        while (same < 3 && (p[same] | 0x20) == u->words[3 * i + same]) same++;
        if (same == 3) return u->min + i;
    }
    return -1;
}

/* What people write who know other crons. */
static int refuse_word(reader *r, const char *at) {
    sl_str word = word_at(r, at);
    int number = word.len > 3 ? word_number(r->unit, at) : -1;
    FAIL(r, at, "'%.*s' is no %s", (int)word.len, word.ptr, r->unit->name);
    if (number >= 0) return sl_hint(r->err, "names have three letters: %.3s", at);
    if (*at == 'h' && word.len == 1) return sl_hint(r->err, "H is a capital letter");
    if (*at == '?') return sl_hint(r->err, "write *");
    if (*at == 'L' || *at == 'W')
        return sl_hint(r->err, "L and W are not understood; H(1-28) or a list of days may do");
    if (*at == '~') return sl_hint(r->err, "for a value that spreads schedules write H(a-b)");
    if (*at == '-' || *at == '+') return sl_hint(r->err, "numbers have no sign");
    return hint_values(r);
}

static int refuse_number(reader *r, const char *at) {
    sl_str word = word_at(r, at);
    FAIL(r, at, "%.*s is no %s", (int)word.len, word.ptr, r->unit->name);
    return hint_values(r);
}

/* ---- values ---- */

/* Digits, up to a ceiling that is above everything allowed. */
static int digits(reader *r) {
    int n = 0;
    for (; is_digit(peek(r)); r->p++) n = n < 100000 ? n * 10 + (*r->p - '0') : n;
    return n;
}

/* A number or a name of the unit. */
static int value(reader *r, int *out) {
    const char *at = r->p;
    if (at == r->end || *at == ',') {
        FAIL(r, at, "a %s is missing", r->unit->name);
        return hint_values(r);
    }
    if (is_digit(*at)) {
        *out = digits(r);
        if (is_letter(peek(r)) || *out < r->unit->min || *out > r->unit->max) return refuse_number(r, at);
        return 0;
    }
    sl_str word = word_at(r, at);
    *out = is_letter(*at) && word.len == 3 ? word_number(r->unit, at) : -1;
    if (*out < 0) return refuse_word(r, at);
    r->p += 3;
    return 0;
}

static int order(reader *r, const char *at, int a, int b) {
    if (a <= b) return 0;
    FAIL(r, at, "the range %.*s ends before it begins", (int)(r->p - at), at);
    if (r->unit->max == 7 && b == 0) return sl_hint(r->err, "Sunday at the end of a range is 7: write %d-7", a);
    if (r->unit->max == 7 && a == 7) return sl_hint(r->err, "Sunday at the start of a range is 0: write 0-%d", b);
    return sl_hint(r->err, "write two ranges: %d-%d,%d-%d", a, r->unit->star_max, r->unit->min, b);
}

/* "/n" for `room` values: *step is 0 where there is none. */
static int read_step(reader *r, int room, int *step) {
    const char *slash = r->p;
    *step = 0;
    if (!take(r, '/')) return 0;
    const char *at = r->p;
    if (!is_digit(peek(r))) {
        FAIL(r, at, "a step is missing behind '/'");
        return sl_hint(r->err, "a step is a number, such as */15");
    }
    *step = digits(r);
    if (is_letter(peek(r))) return refuse_number(r, at);
    if (*step >= 1 && *step <= room) return 0;
    FAIL(r, slash, "the step %.*s is %s", (int)(r->p - at), at, *step ? "larger than the range" : "no step");
    return sl_hint(r->err, "a step is 1 to %d here", room);
}

static void allow(reader *r, int a, int b, int step) {
    for (int n = a; n <= b; n += step) r->field->allowed |= 1ull << (r->unit->max == 7 && n == 7 ? 0 : n);
}

/* ---- items ---- */

/* One of `count` values, from the name. */
static int drawn(const reader *r, int count) {
    return (int)((sl_cron_hash(r->field->name, (int)r->field->unit) >> 32) * (uint64_t)count >> 32);
}

/* "(a-b)", or the unit's own range. */
static int hash_range(reader *r, int *a, int *b) {
    const char *at = r->p + 1;
    *a = r->unit->min;
    *b = r->unit->hash_max;
    if (!take(r, '(')) return 0;
    if (value(r, a) < 0) return -1;
    if (!take(r, '-')) {
        FAIL(r, r->p, "a range is missing behind 'H('");
        return sl_hint(r->err, "H(a-b) stands for one value from a to b");
    }
    if (value(r, b) < 0 || order(r, at, *a, *b) < 0) return -1;
    if (take(r, ')')) return 0;
    FAIL(r, r->p, "a ')' is missing");
    return sl_hint(r->err, "H(a-b) stands for one value from a to b");
}

static int hash_item(reader *r, bool first) {
    int a, b, step;
    bool range = peek(r) == '(';
    if (hash_range(r, &a, &b) < 0 || read_step(r, b - a + 1, &step) < 0) return -1;
    if (first) r->field->star = step && !range;
    if (step) {
        allow(r, a + drawn(r, step), b, step);
        return 0;
    }
    a += drawn(r, b - a + 1);
    allow(r, a, a, 1);
    return 0;
}

static int star_item(reader *r, bool first) {
    const unit *u = r->unit;
    int step;
    if (first) r->field->star = true;
    if (read_step(r, u->star_max - u->min + 1, &step) < 0) return -1;
    allow(r, u->min, u->star_max, step ? step : 1);
    return 0;
}

static int range_item(reader *r) {
    const char *at = r->p;
    int a, b, step = 0;
    if (value(r, &a) < 0) return -1;
    b = a;
    if (take(r, '-')) {
        if (value(r, &b) < 0 || order(r, at, a, b) < 0 || read_step(r, b - a + 1, &step) < 0) return -1;
    } else if (peek(r) == '/') {
        FAIL(r, r->p, "a step behind a single value has two readings");
        return sl_hint(r->err, "write the range: %d-%d/…", a, r->unit->star_max);
    }
    allow(r, a, b, step ? step : 1);
    return 0;
}

static int item(reader *r, bool first) {
    if (take(r, '*')) return star_item(r, first);
    if (peek(r) == 'H' && (r->p + 1 == r->end || !is_letter(r->p[1]))) {
        r->p++;
        return hash_item(r, first);
    }
    return range_item(r);
}

/* What stands behind an item and is no comma. */
static int refuse_rest(reader *r) {
    sl_str word = word_at(r, r->p);
    FAIL(r, r->p, "'%.*s' is not understood in the field of the %s", (int)word.len, word.ptr, r->unit->name);
    return sl_hint(r->err,
                   "a field is made of *, */n, a, a-b, a-b/n, H, H/n, H(a-b), H(a-b)/n with commas between them");
}

int sl_cron_field_read(sl_cron_field *field, sl_err *err) {
    reader r = {field, &units[field->unit], field->text.ptr, field->text.ptr + field->text.len, err};
    field->allowed = 0;
    field->star = false;
    do {
        if (item(&r, r.p == field->text.ptr) < 0) return -1;
    } while (take(&r, ','));
    return r.p == r.end ? 0 : refuse_rest(&r);
}
