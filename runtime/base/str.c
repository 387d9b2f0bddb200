/* Small operations on borrowed bytes. */
#include "base/str.h"

#include <stdlib.h>

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool sl_str_ieq(sl_str a, sl_str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

bool sl_str_starts(sl_str s, sl_str prefix) {
    return s.len >= prefix.len && sl_str_eq(sl_str_make(s.ptr, prefix.len), prefix);
}

static bool blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

sl_str sl_str_trim(sl_str s) {
    while (s.len > 0 && blank(s.ptr[0])) s.ptr++, s.len--;
    while (s.len > 0 && blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

ptrdiff_t sl_str_find(sl_str hay, sl_str needle) {
    if (needle.len == 0) return 0;
    const char *p = memmem(hay.ptr, hay.len, needle.ptr, needle.len);
    return p ? p - hay.ptr : -1;
}

char *sl_str_dup(sl_str s) {
    char *copy = malloc(s.len + 1);
    if (!copy) return NULL;
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

#define WORD_MAX 40

/* Levenshtein with one row; words longer than WORD_MAX are never near. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb) {
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            size_t insert = row[j - 1] + 1, drop = row[j] + 1;
            diagonal = row[j];
            row[j] = change < insert ? change : insert;
            if (drop < row[j]) row[j] = drop;
        }
    }
    return row[nb];
}

const char *sl_str_nearest(const char *word, const char *const *candidates, size_t count) {
    size_t len = strlen(word), best = len / 3 + 2;
    const char *near = NULL;
    if (len > WORD_MAX) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > WORD_MAX) continue;
        size_t d = distance(word, len, candidates[i], other);
        if (d < best && d < other) best = d, near = candidates[i];
    }
    return near;
}
