/* The index of a value is made on first use and kept right through changes by moving its offsets; so a loop over the
 * fields of one record scans its text once. Changes are noted only while views are held. */
#include "data/record.h"

#include <stdlib.h>

#include "data/json.h"
#include "data/scan.h"
#include "data/walk.h"

enum { SCRATCH_KEPT = 1 << 20 };

typedef struct change {
    uint32_t at, cut, put; /* `cut` bytes at `at` were replaced by `put` bytes */
    uint32_t old;          /* their place in sl_changes.old */
} change;

/* ---- indexes ---- */

void sl_indexes_free(sl_indexes *x) {
    for (size_t i = 0; i < SL_INDEXES; i++) free(x->slot[i].members);
    sl_buf_free(&x->text);
    *x = (sl_indexes){.serial = x->serial};
}

uint64_t sl_indexes_serial(sl_indexes *x) {
    return ++x->serial;
}

int sl_index_reserve(sl_index *x, size_t count, sl_err *err) {
    if (count <= x->room) return 0;
    sl_member *more = realloc(x->members, count * sizeof *more); /* bounded by the text's length */
    if (!more) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a record's index");
    x->members = more;
    x->room = (uint32_t)count;
    return 0;
}

static int index_add(sl_index *x, sl_member m, sl_err *err) {
    if (x->count == x->room && sl_index_reserve(x, x->room ? 2 * (size_t)x->room : 32, err) < 0) return -1;
    x->members[x->count++] = m;
    return 0;
}

static int index_build(sl_index *x, const sl_record *r, uint32_t start, sl_err *err) {
    sl_walk_items it = sl_walk_open(sl_str_make(r->text + start, r->len - start));
    x->serial = 0;
    x->start = start;
    x->object = it.object;
    x->count = 0;
    x->found = UINT32_MAX;
    for (sl_str v; sl_walk_item(&it, &v);) {
        sl_member m = {0};
        m.at = (uint32_t)(v.ptr - r->text);
        m.end = m.at + (uint32_t)v.len;
        if (it.object) {
            m.key = (uint32_t)(it.key.ptr - r->text);
            m.key_len = (uint32_t)it.key.len;
            m.escaped = it.key_escaped;
        }
        if (index_add(x, m, err) < 0) return -1;
    }
    x->stop = (uint32_t)(it.p - r->text) + 1;
    x->serial = r->serial;
    return 0;
}

sl_index *sl_indexes_line(sl_indexes *all) {
    all->slot[0].serial = 0;
    all->slot[0].used = ++all->tick;
    all->last = 0;
    return &all->slot[0];
}

sl_index *sl_index_search(sl_indexes *all, const sl_record *r, uint32_t start, sl_err *err) {
    sl_index *x, *oldest = &all->slot[1];
    for (x = all->slot; x < all->slot + SL_INDEXES; x++) {
        if (x->serial == r->serial && x->start == start) break;
        if (x->used < oldest->used && x > all->slot) oldest = x;
    }
    bool known = x < all->slot + SL_INDEXES;
    if (!known) x = oldest;
    x->used = ++all->tick;
    all->last = (size_t)(x - all->slot);
    return known || index_build(x, r, start, err) == 0 ? x : NULL;
}

static inline bool same8(const char *a, const char *b) {
    return memcmp(a, b, 8) == 0; /* of a known length, it is one comparison */
}

/* As memcmp() == 0. Names are short, and asked for all the time. */
static inline bool same_name(const char *a, const char *b, size_t len) {
    if (len > 16) return memcmp(a, b, len) == 0;
    if (len >= 8) return same8(a, b) && same8(a + len - 8, b + len - 8);
    if (len >= 4) return memcmp(a, b, 4) == 0 && memcmp(a + len - 4, b + len - 4, 4) == 0;
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

static inline bool name_is(const sl_member *m, const sl_record *r, sl_str key) {
    if (!m->escaped) return m->key_len == key.len && same_name(r->text + m->key, key.ptr, key.len);
    return sl_walk_key_is(sl_str_make(r->text + m->key, m->key_len), m->escaped, key);
}

ptrdiff_t sl_index_find(sl_index *x, const sl_record *r, sl_str key) {
    if (!x->object) return -1;
    const sl_member *first = x->members, *m = first + x->count;
    if (x->found < x->count && name_is(&first[x->found], r, key)) return x->found;
    while (m > first) {
        if (!name_is(--m, r, key)) continue;
        x->found = (uint32_t)(m - first); /* the last of its name as long as the index is: nothing adds a second one */
        return m - first;
    }
    return -1;
}

bool sl_index_shadowed(const sl_index *x, const sl_record *r, size_t i) {
    if (!x->object) return false;
    const sl_member *m = &x->members[i];
    sl_str name = sl_str_make(r->text + m->key, m->key_len);
    for (size_t k = i + 1; k < x->count; k++) {
        const sl_member *o = &x->members[k];
        if (sl_walk_same_key(name, m->escaped, sl_str_make(r->text + o->key, o->key_len), o->escaped)) return true;
    }
    return false;
}

sl_str sl_index_value(const sl_index *x, const sl_record *r, size_t i) {
    const sl_member *m = &x->members[i];
    return sl_str_make(r->text + m->at, m->end - m->at);
}

int sl_index_key(const sl_index *x, const sl_record *r, size_t i, sl_buf *into, sl_str *key, sl_err *err) {
    const sl_member *m = &x->members[i];
    *key = sl_str_make(r->text + m->key, m->key_len);
    if (!m->escaped) return 0;
    sl_buf_clear(into);
    if (sl_scan_unescape(*key, into, err) < 0) return -1;
    *key = sl_buf_str(into);
    return 0;
}

/* ---- changes ---- */

void sl_changes_init(sl_changes *c) {
    sl_buf_init(&c->list, SL_RECORD_CHANGES * sizeof(change));
    sl_buf_init(&c->old, SL_RECORD_OLD);
    c->first = 0;
}

void sl_changes_free(sl_changes *c) {
    sl_buf_free(&c->list);
    sl_buf_free(&c->old);
}

static bool has_containers(const char *p, size_t len) {
    return len > 0 && (memchr(p, '{', len) || memchr(p, '[', len));
}

/* Views that are older than what is kept are told so by sl_record_follow: that is the price of a ceiling. */
static void changes_forget(sl_changes *c, uint32_t version) {
    sl_changes_free(c);
    c->first = version;
}

/* A scalar for one of the same length moves no view and ends none: it needs no note. */
static void note(sl_record *r, uint32_t at, uint32_t cut, uint32_t put) {
    sl_changes *c = r->changes;
    if (!c) return;
    bool deep = has_containers(r->text + at, cut);
    if (!deep && cut == put) return;
    change ch = {at, cut, put, (uint32_t)c->old.len};
    bool kept = sl_buf_put(&c->list, &ch, sizeof ch, NULL) == 0;
    if (kept && deep) kept = sl_buf_put(&c->old, r->text + at, cut, NULL) == 0;
    r->version++;
    if (!kept) changes_forget(c, r->version);
}

/* What starts at or behind the change moves; what ends exactly where something is inserted does not grow. */
static void index_move(sl_index *x, uint32_t at, uint32_t cut, uint32_t put) {
    uint32_t edge = at + cut;
    if (x->stop <= at) return;
    if (x->start >= at && x->start < edge) {
        x->serial = 0;
        return;
    }
    if (x->start >= edge) x->start += put - cut;
    x->stop += put - cut;
    sl_member *m = x->members + x->count, *first = x->members;
    for (; m > first && (x->object ? m[-1].key : m[-1].at) >= edge; m--) { /* members are in order */
        m[-1].key += x->object ? put - cut : 0;
        m[-1].at += put - cut;
        m[-1].end += put - cut;
    }
    if (m == first || (cut ? m[-1].end < edge : m[-1].end <= at)) return;
    m[-1].end += put - cut; /* the change is within this one, mostly it is its value */
    if (m[-1].at >= edge) m[-1].at += put - cut;
}

/* The one place that changes the text. */
static void splice(sl_record *r, sl_indexes *all, uint32_t at, uint32_t cut, sl_str put) {
    sl_assert(r->len - cut + put.len <= r->cap);
    uint32_t len = (uint32_t)put.len;
    note(r, at, cut, len);
    r->edits++;
    if (len != cut) memmove(r->text + at + len, r->text + at + cut, r->len - at - cut);
    memcpy(r->text + at, put.ptr, len);
    r->len += len - cut;
    for (size_t i = 0; i < SL_INDEXES; i++) {
        if (all->slot[i].serial == r->serial) index_move(&all->slot[i], at, cut, len);
    }
}

void sl_record_replace(sl_record *r, sl_indexes *all, uint32_t at, uint32_t end, sl_str value) {
    splice(r, all, at, end - at, value);
}

/* Empty, and of usual size. */
static sl_buf *scratch(sl_indexes *all) {
    if (all->text.cap > SCRATCH_KEPT) sl_buf_free(&all->text);
    sl_buf_clear(&all->text);
    all->text.max = SL_RECORD_MAX;
    return &all->text;
}

/* Puts text behind the last member, and a comma before it where there is one; the caller adds to the index. */
static uint32_t append(sl_record *r, sl_indexes *all, const sl_index *x, sl_str text) {
    bool first = x->count == 0;
    uint32_t at = first ? x->start + 1 : x->members[x->count - 1].end;
    splice(r, all, at, 0, first ? sl_str_make(text.ptr + 1, text.len - 1) : text);
    return first ? at : at + 1;
}

/* The index of the container itself is made anew after its members changed in number. */
static void forget(sl_index *x) {
    x->serial = 0;
}

int sl_record_unset_at(sl_record *r, sl_indexes *all, uint32_t start, size_t i, sl_err *err) {
    sl_index *x = sl_index_of(all, r, start, err);
    if (!x) return -1;
    const sl_member *m = x->members;
    uint32_t at = m[i].at, end = m[i].end;
    if (x->object) at = m[i].key - 1;
    if (i > 0) at = m[i - 1].end;
    else if (x->count > 1) end = x->object ? m[1].key - 1 : m[1].at;
    forget(x);
    splice(r, all, at, end - at, SL_STR(""));
    return 0;
}

int sl_record_unset(sl_record *r, sl_indexes *all, uint32_t start, sl_str key, sl_err *err) {
    for (;;) {
        sl_index *x = sl_index_of(all, r, start, err);
        if (!x) return -1;
        ptrdiff_t i = sl_index_find(x, r, key);
        if (i < 0) return 0;
        if (sl_record_unset_at(r, all, start, (size_t)i, err) < 0) return -1;
    }
}

/* Takes out all but the last member of that name. */
static int unset_shadowed(sl_record *r, sl_indexes *all, uint32_t start, sl_str key, sl_err *err) {
    sl_index *x = sl_index_of(all, r, start, err);
    if (!x) return -1;
    for (ptrdiff_t i = sl_index_find(x, r, key) - 1; i >= 0; i--) {
        if (!name_is(&x->members[i], r, key)) continue;
        if (sl_record_unset_at(r, all, start, (size_t)i, err) < 0) return -1;
        if (!(x = sl_index_of(all, r, start, err))) return -1;
    }
    return 0;
}

static int append_member(sl_record *r, sl_indexes *all, sl_index *x, sl_str key, sl_str value, sl_err *err) {
    sl_buf *text = scratch(all);
    if (sl_buf_put_char(text, ',', err) < 0 || sl_json_put_string(text, key, err) < 0) return -1;
    uint32_t key_len = (uint32_t)text->len - 3;
    if (sl_buf_put_char(text, ':', err) < 0 || sl_buf_put_str(text, value, err) < 0) return -1;
    uint32_t at = append(r, all, x, sl_buf_str(text));
    sl_member m = {at + 1, key_len, at + key_len + 3, at + key_len + 3 + (uint32_t)value.len, key_len != key.len};
    if (index_add(x, m, NULL) < 0) forget(x);
    return 0;
}

int sl_record_set(sl_record *r, sl_indexes *all, uint32_t start, sl_str key, sl_str value, sl_err *err) {
    sl_index *x = sl_index_of(all, r, start, err);
    if (!x) return -1;
    ptrdiff_t i = sl_index_find(x, r, key);
    if (i < 0) return append_member(r, all, x, key, value, err);
    for (ptrdiff_t k = i; k-- > 0;) {
        if (!name_is(&x->members[k], r, key)) continue;
        if (unset_shadowed(r, all, start, key, err) < 0 || !(x = sl_index_of(all, r, start, err))) return -1;
        i = sl_index_find(x, r, key);
        break;
    }
    sl_record_replace(r, all, x->members[i].at, x->members[i].end, value);
    return 0;
}

int sl_record_rename(sl_record *r, sl_indexes *all, uint32_t start, sl_str from, sl_str to, sl_err *err) {
    if (unset_shadowed(r, all, start, from, err) < 0) return -1;
    sl_index *x = sl_index_of(all, r, start, err);
    if (!x) return -1;
    if (sl_index_find(x, r, from) < 0) return 0;
    if (sl_str_eq(from, to)) return 1;
    if (sl_record_unset(r, all, start, to, err) < 0 || !(x = sl_index_of(all, r, start, err))) return -1;
    sl_member m = x->members[sl_index_find(x, r, from)];
    sl_buf *name = scratch(all);
    if (sl_json_put_string(name, to, err) < 0) return -1;
    forget(x);
    splice(r, all, m.key - 1, m.key_len + 2, sl_buf_str(name));
    return 1;
}

int sl_record_set_at(sl_record *r, sl_indexes *all, uint32_t start, size_t i, sl_str value, sl_err *err) {
    sl_index *x = sl_index_of(all, r, start, err);
    if (!x) return -1;
    if (x->object) {
        sl_assert(x->count == 0);
        r->text[x->start] = '['; /* the same place, so that views of it stay */
        r->text[x->stop - 1] = ']';
        x->object = false;
    }
    sl_assert(i <= x->count);
    if (i < x->count) {
        sl_record_replace(r, all, x->members[i].at, x->members[i].end, value);
        return 0;
    }
    sl_buf *text = scratch(all);
    if (sl_buf_put_char(text, ',', err) < 0 || sl_buf_put_str(text, value, err) < 0) return -1;
    uint32_t at = append(r, all, x, sl_buf_str(text));
    if (index_add(x, (sl_member){.at = at, .end = at + (uint32_t)value.len}, NULL) < 0) forget(x);
    return 0;
}

/* ---- views ---- */

int sl_record_follow(const sl_record *r, uint32_t *start, uint32_t *version, sl_str *old, sl_err *err) {
    const sl_changes *c = r->changes;
    if (*version == r->version || !c) return 1;
    if (*version < c->first)
        return sl_fail(err, SL_LIMIT, 0, "this part of the record was taken more than %d changes ago: take it anew",
                       SL_RECORD_CHANGES);
    const change *list = (const change *)(const void *)c->list.data;
    for (uint32_t v = *version; v < r->version; v++) {
        const change *ch = &list[v - c->first];
        if (ch->at + ch->cut <= *start) {
            *start += ch->put - ch->cut;
        } else if (ch->at <= *start) {
            const char *from = c->old.data + ch->old, *end = from + ch->cut;
            from += *start - ch->at;
            *old = sl_str_make(from, (size_t)(sl_walk_value(from, end) - from));
            return 0;
        }
    }
    *version = r->version;
    return 1;
}
