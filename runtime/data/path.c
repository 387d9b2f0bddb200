/* The steps point into one copy of the text, in which quoted names have had their backslashes taken out. */
#include "data/path.h"

#include <stdlib.h>

#include "data/walk.h"

typedef enum step_kind { STEP_NAME, STEP_ELEMENT, STEP_EACH } step_kind;

typedef struct step {
    step_kind kind;
    sl_str name;
    uint32_t i;
} step;

struct sl_path {
    size_t count;
    step steps[SL_PATH_STEPS];
    char text[]; /* names */
};

/* ---- compiling ---- */

typedef struct reader {
    sl_path *path;
    const char *from, *p, *end;
    char *names; /* where the next quoted name goes */
} reader;

static int wrong(const reader *r, const char *what, sl_err *err) {
    return sl_fail(err, SL_USAGE, 0, "%s at character %d of the path \"%.*s\"", what, (int)(r->p - r->from) + 1,
                   (int)(r->end - r->from), r->from);
}

static int add(reader *r, step s, sl_err *err) {
    if (r->path->count == SL_PATH_STEPS) return wrong(r, "too many steps", err);
    r->path->steps[r->path->count++] = s;
    return 0;
}

static int read_name(reader *r, sl_err *err) {
    const char *start = r->p;
    while (r->p < r->end && !strchr(".[]\"'", *r->p)) r->p++;
    sl_str name = sl_str_make(start, (size_t)(r->p - start));
    if (name.len == 0) return wrong(r, "a name is missing", err);
    if (sl_str_eq(name, SL_STR("*"))) {
        wrong(r, "a star alone", err);
        return sl_hint(err, "write [*] for each value, and [\"*\"] for the key");
    }
    memcpy(r->names, name.ptr, name.len);
    name.ptr = r->names;
    r->names += name.len;
    return add(r, (step){STEP_NAME, name, 0}, err);
}

static int read_quoted(reader *r, sl_err *err) {
    char quote = *r->p++;
    sl_str name = {r->names, 0};
    for (; r->p < r->end && *r->p != quote; r->p++) {
        if (*r->p == '\\' && r->p + 1 < r->end) r->p++;
        *r->names++ = *r->p;
        name.len++;
    }
    if (r->p >= r->end) return wrong(r, "a quote is missing", err);
    r->p++;
    return add(r, (step){STEP_NAME, name, 0}, err);
}

static int read_number(reader *r, sl_err *err) {
    uint32_t n = 0;
    const char *start = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && n < 100000000) n = n * 10 + (uint32_t)(*r->p++ - '0');
    if (r->p == start || n == 0) {
        r->p = start;
        return wrong(r, "expected an element's number from 1, a * or a quoted name", err);
    }
    return add(r, (step){STEP_ELEMENT, SL_STR(""), n - 1}, err);
}

static int read_bracket(reader *r, sl_err *err) {
    int rc;
    r->p++;
    if (r->p < r->end && (*r->p == '"' || *r->p == '\'')) {
        rc = read_quoted(r, err);
    } else if (r->p < r->end && *r->p == '*') {
        r->p++;
        rc = add(r, (step){STEP_EACH, SL_STR(""), 0}, err);
    } else {
        rc = read_number(r, err);
    }
    if (rc < 0) return -1;
    if (r->p >= r->end || *r->p != ']') return wrong(r, "a ] is missing", err);
    r->p++;
    return 0;
}

static int compile(reader *r, sl_err *err) {
    while (r->p < r->end) {
        bool first = r->p == r->from;
        int rc;
        if (*r->p == '[') {
            rc = read_bracket(r, err);
        } else if (first) {
            rc = read_name(r, err);
        } else if (*r->p == '.') {
            r->p++;
            rc = read_name(r, err);
        } else {
            rc = wrong(r, "expected . or [", err);
        }
        if (rc < 0) return -1;
    }
    return 0;
}

sl_path *sl_path_new(sl_str text, sl_err *err) {
    if (text.len > SL_PATH_TEXT) {
        sl_fail(err, SL_USAGE, 0, "a path of %zu bytes; at most %d are allowed", text.len, SL_PATH_TEXT);
        return NULL;
    }
    sl_path *path = calloc(1, sizeof *path + text.len + 1);
    if (!path) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a path");
        return NULL;
    }
    reader r = {path, text.ptr, text.ptr, text.ptr + text.len, path->text};
    if (compile(&r, err) == 0) return path;
    free(path);
    return NULL;
}

void sl_path_free(sl_path *p) {
    free(p);
}

bool sl_path_many(const sl_path *p) {
    for (size_t i = 0; i < p->count; i++) {
        if (p->steps[i].kind == STEP_EACH) return true;
    }
    return false;
}

size_t sl_path_steps(const sl_path *p) {
    return p->count;
}

/* ---- finding ---- */

typedef struct finder {
    const sl_path *path;
    sl_str text;
    sl_buf *places;
    sl_err *err;
} finder;

/* The one value that a name or a number leads to, and which of its holder's values it is. */
static bool pick(const step *s, sl_str holder, sl_str *found, uint32_t *which) {
    bool object = holder.ptr[0] == '{', hit = false;
    if (s->kind == STEP_NAME ? !object : holder.ptr[0] != '[') return false;
    sl_walk_items it = sl_walk_open(holder);
    uint32_t i = 0;
    for (sl_str v; sl_walk_item(&it, &v); i++) {
        if (object ? !sl_walk_key_is(it.key, it.key_escaped, s->name) : i != s->i) continue;
        *found = v;
        *which = i;
        hit = true;
        if (!object) break;
    }
    return hit;
}

static int find(finder *f, size_t n, sl_str holder);

static int arrive(finder *f, size_t n, sl_str holder, sl_str value, uint32_t i) {
    if (n + 1 < f->path->count) return find(f, n + 1, value);
    uint32_t at = (uint32_t)(value.ptr - f->text.ptr);
    sl_place place = {(uint32_t)(holder.ptr - f->text.ptr), i, at, at + (uint32_t)value.len};
    return sl_buf_put(f->places, &place, sizeof place, f->err);
}

/* Members that a later one of the same name replaces are passed over: what is read is what counts. */
static bool replaced(const sl_walk_items *it) {
    sl_walk_items later = *it;
    for (sl_str v; sl_walk_item(&later, &v);) {
        if (sl_walk_same_key(it->key, it->key_escaped, later.key, later.key_escaped)) return true;
    }
    return false;
}

static int find(finder *f, size_t n, sl_str holder) {
    const step *s = &f->path->steps[n];
    sl_str value;
    uint32_t i = 0;
    if (s->kind != STEP_EACH) return pick(s, holder, &value, &i) ? arrive(f, n, holder, value, i) : 0;
    if (holder.ptr[0] != '[' && holder.ptr[0] != '{') return 0;
    sl_walk_items it = sl_walk_open(holder);
    for (; sl_walk_item(&it, &value); i++) {
        if (it.object && replaced(&it)) continue;
        if (arrive(f, n, holder, value, i) < 0) return -1;
    }
    return 0;
}

int sl_path_find(const sl_path *p, sl_str text, uint32_t start, sl_buf *places, sl_err *err) {
    if (p->count == 0) return 0;
    finder f = {p, text, places, err};
    const char *from = text.ptr + start;
    return find(&f, 0, sl_str_make(from, (size_t)(text.ptr + text.len - from)));
}

bool sl_path_first_name(const sl_path *p, sl_str *name) {
    if (p->count == 0 || p->steps[0].kind != STEP_NAME) return false;
    *name = p->steps[0].name;
    return true;
}

int sl_path_find_from(const sl_path *p, sl_str text, sl_place first, sl_buf *places, sl_err *err) {
    if (p->count == 1) return sl_buf_put(places, &first, sizeof first, err);
    finder f = {p, text, places, err};
    return find(&f, 1, sl_str_make(text.ptr + first.at, first.end - first.at));
}

static bool get(const sl_path *p, size_t from, sl_str value, sl_str *found) {
    for (size_t n = from; n < p->count; n++) {
        step s = p->steps[n];
        uint32_t i;
        if (s.kind == STEP_EACH) s = (step){STEP_ELEMENT, SL_STR(""), 0};
        if (value.len == 0 || !pick(&s, value, &value, &i)) return false;
    }
    *found = value;
    return true;
}

bool sl_path_get_from(const sl_path *p, sl_str value, sl_str *found) {
    return get(p, 1, value, found);
}

bool sl_path_get(const sl_path *p, sl_str value, sl_str *found) {
    return get(p, 0, value, found);
}
