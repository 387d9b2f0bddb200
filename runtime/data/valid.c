/* The grammar over tokens. Between two of them there are only blanks, or the rest of a string, a number or a word. A string
 * was looked at by the first half, so what is left to read are the other two. */
#include "data/valid.h"

#include <stdlib.h>
#include <string.h>

#include "data/digits.h"
#include "data/scan.h"

/* A place in the list of tokens: what walks goes from one to the next, and is NULL behind a fault. The text ends with the
 * token of a closing bracket, so that whoever asks for one token more has just closed a value: behind the list there is a
 * token that can't stand there, and reading numbers needs no look at the end. */
typedef const uint32_t *place;

typedef struct walk {
    const char *text, *end;
    bool slashes;
} walk;

/* ---- numbers and words ---- */

static inline bool ends_scalar(char c) {
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool long_number(const walk *w, const char *p) {
    sl_scan_fault fault;
    p = sl_scan_number(p, w->end, &fault);
    return p && ends_scalar(*p);
}

/* Most numbers are seen as a whole in eight bytes. */
static inline bool number(const walk *w, const char *p) {
    const char *first = p + (*p == '-');
    if (w->end - first < 8) return long_number(w, p);
    uint64_t ends = sl_digits_not(sl_digits_load(first));
    if (!ends) return long_number(w, p);
    int n = sl_digits_first(ends);
    if (n == 0 || (n > 1 && *first == '0')) return false;
    if (ends_scalar(first[n])) return true;
    ends &= ends - 1;
    if (first[n] != '.' || !ends) return long_number(w, p);
    int m = sl_digits_first(ends);
    return m > n + 1 && ends_scalar(first[m]) ? true : long_number(w, p);
}

static bool word(const walk *w, const char *p) {
    sl_scan_fault fault;
    p = sl_scan_word(p, w->end, &fault);
    return p && ends_scalar(*p);
}

static inline bool scalar(const walk *w, const char *p) {
    return *p == '-' || (unsigned)(*p - '0') < 10 ? number(w, p) : word(w, p);
}

/* ---- containers ---- */

static place object(const walk *w, place at, int depth_left);
static place array(const walk *w, place at, int depth_left);

static place no_string(const walk *w, place at, int depth_left) {
    const char *p = w->text + *at++;
    if (*p == '{') return depth_left > 0 ? object(w, at, depth_left - 1) : NULL;
    if (*p == '[') return depth_left > 0 ? array(w, at, depth_left - 1) : NULL;
    return scalar(w, p) ? at : NULL;
}

/* From the token of a value to the token behind it. */
static inline place value(const walk *w, place at, int depth_left) {
    return w->text[*at] == '"' ? at + 1 : no_string(w, at, depth_left);
}

/* From behind the bracket. */
static place object(const walk *w, place at, int depth_left) {
    const char *text = w->text;
    if (text[*at] == '}') return at + 1;
    for (;; at++) {
        if (text[at[0]] != '"' || text[at[1]] != ':') return NULL;
        if (!(at = value(w, at + 2, depth_left))) return NULL;
        if (text[*at] == '}') return at + 1;
        if (text[*at] != ',') return NULL;
    }
}

static place array(const walk *w, place at, int depth_left) {
    const char *text = w->text;
    if (text[*at] == ']') return at + 1;
    for (;; at++) {
        if (!(at = value(w, at, depth_left))) return NULL;
        if (text[*at] == ']') return at + 1;
        if (text[*at] != ',') return NULL;
    }
}

/* ---- the value itself, whose members are noted ---- */

/* The end of what stands before this token, without the blanks between. */
static inline uint32_t end_before(const char *text, uint32_t token) {
    while ((unsigned char)text[token - 1] <= ' ') token--;
    return token;
}

/* The members are written one behind the other to m, of which *end is the one behind the last. Compiled twice: a look at
 * `named` for each member would cost more than its key. */
static inline __attribute__((always_inline)) place members(const walk *w, place at, bool named, sl_member *m, sl_member **end) {
    const char *text = w->text, close = named ? '}' : ']';
    *end = m;
    if (text[*at] == close) return at + 1;
    for (;; at++, m++) {
        uint32_t key = 0, key_end = 0;
        if (named) {
            key = at[0] + 1;
            if (text[at[0]] != '"' || text[at[1]] != ':') return NULL;
            key_end = end_before(text, at[1]) - 1;
            at += 2;
        }
        uint32_t start = *at;
        if (!(at = value(w, at, SL_SCAN_DEPTH - 1))) return NULL;
        char after = text[*at];
        if (after != ',' && after != close) return NULL;
        bool escaped = w->slashes && memchr(text + key, '\\', key_end - key);
        *m = (sl_member){key, key_end - key, start, end_before(text, *at), escaped};
        if (after == ',') continue;
        *end = m + 1;
        return at + 1;
    }
}

static bool container(sl_valid *v, const walk *w, size_t count, sl_index *x) {
    size_t last = (size_t)(w->end - w->text) - 1;
    char close = w->text[last];
    if (count < 2 || v->tokens[count - 1] != last || (close != '}' && close != ']')) return false;
    v->tokens[count] = 0;
    x->object = w->text[0] == '{';
    size_t most = count / (x->object ? 4 : 2) + 1; /* a key, its colon, a value and what is behind it; a value and that */
    if (sl_index_reserve(x, most, NULL) < 0) return false;
    sl_member *end;
    place at = v->tokens + 1;
    at = x->object ? members(w, at, true, x->members, &end) : members(w, at, false, x->members, &end);
    if (at != v->tokens + count) return false;
    x->start = 0;
    x->stop = (uint32_t)last + 1;
    x->count = (uint32_t)(end - x->members);
    x->found = UINT32_MAX;
    return true;
}

/* ---- texts ---- */

static bool room(sl_valid *v, size_t bytes) {
    if (bytes + SL_SIMD_SPARE <= v->room) return true;
    sl_valid_free(v);
    v->room = 2 * bytes + SL_SIMD_SPARE; /* what no token reaches takes no memory */
    v->tokens = malloc(v->room * sizeof *v->tokens);
    if (!v->tokens) v->room = 0;
    return v->tokens;
}

void sl_valid_free(sl_valid *v) {
    free(v->tokens);
    v->tokens = NULL;
    v->room = 0;
}

/* Whole blocks where they are, what is left from a copy. */
static uint32_t *mark(const sl_valid *v, sl_simd *s) {
    sl_str text = s->text;
    if (v->slack) return v->marks(s, text.ptr, 0, text.len, v->tokens);
    char block[SL_SIMD_BLOCK];
    size_t left = text.len % SL_SIMD_BLOCK, whole = text.len - left;
    uint32_t *end = v->marks(s, text.ptr, 0, whole, v->tokens);
    memset(block, ' ', sizeof block);
    memcpy(block, text.ptr + whole, left);
    return v->marks(s, block, whole, left, end);
}

bool sl_valid_text(sl_valid *v, sl_str text, sl_index *x) {
    sl_simd s = {.text = text};
    if (!v->marks || text.len == 0 || text.len > SL_VALID_BYTES || !room(v, text.len)) return false;
    size_t count = (size_t)(mark(v, &s) - v->tokens);
    if (s.bad || s.in_string || count == 0) return false;
    walk w = {text.ptr, text.ptr + text.len, s.slashes != 0};
    v->lines = s.controls != 0;
    if (*text.ptr == '{' || *text.ptr == '[') return container(v, &w, count, x);
    return false; /* a text, a number or a word alone: data/scan does as well */
}
