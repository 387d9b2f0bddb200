/* Walks the members of objects with data/scan, which checks the grammar on the way. */
#include "data/pick.h"

#include "data/scan.h"

/* Moves to the value of `key` in the object at p. The value's first byte, NULL with *found false where the object ends
 * without it, NULL with *found true where the text is not JSON. */
static const char *find_member(const char *p, const char *end, sl_str key, bool *broken, sl_scan_fault *fault) {
    *broken = false;
    if (p == end || *p != '{') return NULL;
    p = sl_scan_blank(p + 1, end);
    if (p < end && *p == '}') return NULL;
    *broken = true;
    for (;;) {
        if (p == end || *p != '"') return sl_scan_stop(fault, p, "expected a key");
        const char *name = p + 1;
        p = sl_scan_string(p, end, fault);
        if (!p) return NULL;
        bool match = sl_str_eq(sl_str_make(name, (size_t)(p - name) - 1), key);
        p = sl_scan_blank(p, end);
        if (p == end || *p != ':') return sl_scan_stop(fault, p, "expected ':'");
        p = sl_scan_blank(p + 1, end);
        if (match) return p;
        p = sl_scan_value(p, end, SL_SCAN_DEPTH, fault);
        if (!p) return NULL;
        p = sl_scan_blank(p, end);
        if (p < end && *p == '}') break;
        if (p == end || *p != ',') return sl_scan_stop(fault, p, "expected ',' or '}'");
        p = sl_scan_blank(p + 1, end);
    }
    *broken = false;
    return NULL;
}

static int not_json(sl_err *err, sl_str text, const sl_scan_fault *fault) {
    sl_err why;
    sl_scan_fail(&why, text, fault);
    return sl_fail(err, SL_PROTOCOL, 0, "the answer is not JSON: %s", why.msg);
}

static int check_start(sl_str text, const char *p, sl_err *err) {
    sl_scan_fault fault;
    if (p < text.ptr + text.len && sl_scan_value(p, text.ptr + text.len, SL_SCAN_DEPTH, &fault)) return 0;
    if (p == text.ptr + text.len) sl_scan_no_value(p, p, &fault);
    return not_json(err, text, &fault);
}

/* 1 with *value at the key's value, which is not checked yet. */
static int member(sl_str text, const char *from, sl_str key, const char **value, sl_err *err) {
    const char *end = text.ptr + text.len;
    sl_scan_fault fault;
    bool broken;
    *value = find_member(from, end, key, &broken, &fault);
    if (*value) return 1;
    if (broken) return not_json(err, text, &fault);
    return from < end && *from == '{' ? 0 : check_start(text, from, err);
}

int sl_pick_has(sl_str text, const char *key, sl_err *err) {
    const char *value, *end = text.ptr + text.len;
    int rc = member(text, sl_scan_blank(text.ptr, end), sl_str_of(key), &value, err);
    if (rc <= 0) return rc;
    if (value == end) return check_start(text, value, err);
    return *value != 'n';
}

int sl_pick(sl_str text, const char *path, sl_str *value, sl_err *err) {
    const char *end = text.ptr + text.len, *at = sl_scan_blank(text.ptr, end);
    for (sl_str rest = sl_str_of(path); rest.len > 0;) {
        ptrdiff_t dot = sl_str_find(rest, SL_STR("."));
        sl_str key = dot < 0 ? rest : sl_str_make(rest.ptr, (size_t)dot);
        rest = dot < 0 ? SL_STR("") : sl_str_make(rest.ptr + dot + 1, rest.len - (size_t)dot - 1);
        int rc = member(text, at, key, &at, err);
        if (rc <= 0) return rc;
    }
    sl_scan_fault fault;
    const char *stop = sl_scan_value(at, end, SL_SCAN_DEPTH, &fault);
    if (!stop) return not_json(err, text, &fault);
    *value = sl_str_make(at, (size_t)(stop - at));
    return 1;
}

int sl_pick_text(sl_str value, sl_buf *out, sl_err *err) {
    if (value.len < 2 || value.ptr[0] != '"') return sl_fail(err, SL_PROTOCOL, 0, "the value is no text");
    return sl_scan_unescape(sl_str_make(value.ptr + 1, value.len - 2), out, err);
}
