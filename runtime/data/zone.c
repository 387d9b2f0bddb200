/* The table of the file becomes two arrays: when the offset changes, and to what. The rule behind it fills them up to
 * 2100, so that the times people ask about cost a binary search; what comes later is computed. */
#include "data/zone.h"

#include <stdlib.h>
#include <string.h>

#include "data/zone_rule.h"

#define TABLE_UNTIL 4102444800 /* 2100-01-01 */
#define TABLE_MAX 20000

struct sl_zone {
    size_t owners;
    int64_t *times; /* ascending */
    int32_t *offsets;
    size_t count, cap;
    int32_t first_offset; /* before times[0] */
    bool has_rule;        /* in force from the last of times on */
    sl_zone_rule rule;
    char name[];
};

/* ---- names ---- */

static bool name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+';
}

static int fail_name(sl_err *err, sl_str name, const char *reason, const char *hint) {
    int shown = (int)(name.len < 60 ? name.len : 60);
    sl_fail(err, SL_CONFIG, 0, "'%.*s' is no time zone: %s", shown, name.ptr, reason);
    return sl_hint(err, "%s", hint);
}

static int refuse_char(sl_str name, char c, sl_err *err) {
    static const char names[] = "names are those of the IANA database, such as Europe/Berlin or UTC";
    if (c == ',' || c == '<' || c == '>') return fail_name(err, name, "POSIX rules are not understood", names);
    if (c == '.') return fail_name(err, name, "a name has no '.'", names);
    if (c == ':') return fail_name(err, name, "a name has no ':'", names);
    if (c == '"' || c == '\'') return fail_name(err, name, "quotes are not needed", "TZ=Europe/Berlin");
    return fail_name(err, name, "it has a character that names don't have", names);
}

int sl_zone_check_name(sl_str name, sl_err *err) {
    static const char *const others[] = {"posixrules", "localtime", "leapseconds", NULL};
    static const char hint[] = "write the place's own zone, such as Europe/Berlin, or UTC";
    if (name.len == 0) return fail_name(err, name, "the name is empty", hint);
    if (name.ptr[0] == '/') return fail_name(err, name, "paths are not taken", hint);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '/' ? i + 1 == name.len || name.ptr[i + 1] == '/' : !name_char(c)) {
            if (c == '/') return fail_name(err, name, "a part of the name is empty", hint);
            return refuse_char(name, c, err);
        }
    }
    if (name.len > 60) return fail_name(err, name, "the name is too long", hint);
    for (const char *const *other = others; *other; other++)
        if (sl_str_eq(name, sl_str_of(*other))) return fail_name(err, name, "that file is something else", hint);
    if (sl_str_starts(name, SL_STR("posix/")) || sl_str_starts(name, SL_STR("right/")))
        return fail_name(err, name, "posix/ and right/ are variants of the database", "leave that part out");
    return 0;
}

/* ---- the file ---- */

typedef struct header {
    int version;
    size_t isut, isstd, leap, times, types, chars;
} header;

enum { HEADER = 44 };

static uint32_t read_u32(const char *p) {
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t read_time(const char *p, size_t size) {
    if (size == 4) return (int32_t)read_u32(p);
    return (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static size_t block_size(const header *h, size_t size) {
    return h->times * (size + 1) + h->types * 6 + h->chars + h->leap * (size + 4) + h->isstd + h->isut;
}

/* Reads a header from the front of *in and takes it away; the block behind it must be there, with times of `size` bytes. */
static bool take_header(sl_str *in, header *h, size_t size) {
    if (in->len < HEADER || memcmp(in->ptr, "TZif", 4) != 0) return false;
    size_t n[6];
    for (size_t i = 0; i < 6; i++) n[i] = read_u32(in->ptr + 20 + 4 * i);
    *h = (header){in->ptr[4], n[0], n[1], n[2], n[3], n[4], n[5]};
    for (size_t i = 0; i < 6; i++)
        if (n[i] > TABLE_MAX) return false;
    *in = sl_str_make(in->ptr + HEADER, in->len - HEADER);
    return h->types <= 256 && block_size(h, size) <= in->len;
}

static int damaged(sl_err *err, const char *what) {
    return sl_fail(err, SL_INVALID, 0, "not a time zone file: %s", what);
}

/* ---- the table ---- */

static bool grow(sl_zone *z) {
    size_t cap = z->cap ? z->cap * 2 : 64;
    int64_t *times = realloc(z->times, cap * sizeof *times);
    if (times) z->times = times;
    int32_t *offsets = realloc(z->offsets, cap * sizeof *offsets);
    if (offsets) z->offsets = offsets;
    if (times && offsets) z->cap = cap;
    return times && offsets;
}

/* From at_s on; nothing where that is what holds already. */
static int add_change(sl_zone *z, int64_t at_s, int32_t offset_s, sl_err *err) {
    if (offset_s == (z->count ? z->offsets[z->count - 1] : z->first_offset)) return 0;
    if (z->count == z->cap && !grow(z)) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a time zone");
    z->times[z->count] = at_s;
    z->offsets[z->count++] = offset_s;
    return 0;
}

static int read_table(sl_zone *z, const header *h, const char *block, size_t size, sl_err *err) {
    const char *indexes = block + h->times * size, *types = indexes + h->times;
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < h->types; i++) {
        int32_t offset = (int32_t)read_u32(types + 6 * i);
        if (offset <= -SL_ZONE_OFFSET_MAX || offset >= SL_ZONE_OFFSET_MAX) return damaged(err, "an offset of days");
    }
    z->first_offset = (int32_t)read_u32(types); /* RFC 9636: the first type holds before the first change */
    for (size_t i = 0; i < h->times; i++) {
        int64_t at = read_time(block + i * size, size);
        size_t type = (unsigned char)indexes[i];
        if (type >= h->types || (i > 0 && at <= last)) return damaged(err, "its table is not in order");
        last = at;
        if (add_change(z, at, (int32_t)read_u32(types + 6 * type), err) < 0) return -1;
    }
    return 0;
}

/* Goes on from the last change of the file, `from_s`, until the rule has changed the offset itself and 2100 is reached. */
static int fill_from_rule(sl_zone *z, int64_t from_s, sl_err *err) {
    if (!z->rule.changes) z->has_rule = false; /* what the table ended with stays */
    if (!z->has_rule) return 0;
    int changes = 0;
    for (int64_t at = from_s; at < TABLE_UNTIL || changes < 2; changes++) {
        at = sl_zone_rule_at(&z->rule, at).end_s;
        if (at == INT64_MAX) break;
        if (add_change(z, at, sl_zone_rule_at(&z->rule, at).offset_s, err) < 0) return -1;
    }
    return 0;
}

/* "\n<rule>\n"; an empty rule says nothing. */
static int read_rule(sl_zone *z, sl_str text, sl_err *err) {
    if (text.len < 2 || text.ptr[0] != '\n') return damaged(err, "its end is missing");
    const char *end = memchr(text.ptr + 1, '\n', text.len - 1);
    if (!end) return damaged(err, "its end is missing");
    if (end == text.ptr + 1) return 0;
    z->has_rule = sl_zone_rule_parse(sl_str_make(text.ptr + 1, (size_t)(end - text.ptr) - 1), &z->rule);
    return z->has_rule ? 0 : damaged(err, "its rule can't be read");
}

static int read_file(sl_zone *z, sl_str bytes, sl_err *err) {
    header h;
    size_t size = 4;
    if (!take_header(&bytes, &h, size)) return damaged(err, "it does not begin as one, or is cut off");
    if (h.version != 0) { /* the same again in 64 bits, and the rule */
        size_t skip = block_size(&h, size);
        bytes = sl_str_make(bytes.ptr + skip, bytes.len - skip);
        size = 8;
        if (!take_header(&bytes, &h, size)) return damaged(err, "it is cut off");
    }
    if (h.types == 0) return damaged(err, "it has no offsets");
    if (h.leap > 0) return damaged(err, "it counts leap seconds");
    size_t used = block_size(&h, size);
    if (read_table(z, &h, bytes.ptr, size, err) < 0) return -1;
    if (size == 8 && read_rule(z, sl_str_make(bytes.ptr + used, bytes.len - used), err) < 0) return -1;
    return h.times ? fill_from_rule(z, read_time(bytes.ptr + (h.times - 1) * size, size), err) : 0;
}

/* ---- making ---- */

static sl_zone *new_zone(sl_str name, sl_err *err) {
    sl_zone *z = calloc(1, sizeof *z + name.len + 1);
    if (!z) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a time zone");
        return NULL;
    }
    z->owners = 1;
    memcpy(z->name, name.ptr, name.len);
    return z;
}

sl_zone *sl_zone_parse(sl_str name, sl_str bytes, sl_err *err) {
    sl_zone *z = new_zone(name, err);
    if (!z) return NULL;
    if (read_file(z, bytes, err) == 0) return z;
    sl_zone_free(z);
    return NULL;
}

sl_zone *sl_zone_utc(sl_err *err) {
    return new_zone(SL_STR("UTC"), err);
}

sl_zone *sl_zone_share(sl_zone *zone) {
    zone->owners++;
    return zone;
}

void sl_zone_free(sl_zone *zone) {
    if (!zone || --zone->owners > 0) return;
    free(zone->times);
    free(zone->offsets);
    free(zone);
}

const char *sl_zone_name(const sl_zone *zone) {
    return zone->name;
}

/* ---- asking ---- */

sl_zone_span sl_zone_at(const sl_zone *z, int64_t t_s) {
    size_t low = 0, high = z->count; /* times[low - 1] <= t_s < times[high] */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->times[middle] <= t_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->count && z->has_rule) {
        sl_zone_span span = sl_zone_rule_at(&z->rule, t_s);
        if (z->count && span.start_s < z->times[z->count - 1]) span.start_s = z->times[z->count - 1];
        return span;
    }
    return (sl_zone_span){low ? z->times[low - 1] : INT64_MIN, low < z->count ? z->times[low] : INT64_MAX,
                          low ? z->offsets[low - 1] : z->first_offset};
}
