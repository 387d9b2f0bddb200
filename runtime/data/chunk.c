/* The lines stand in one buffer as they are sent; `starts` has the place of each, and behind the last the end. */
#include "data/chunk.h"

#include <stdint.h>
#include <stdlib.h>

#include "data/idset.h"
#include "data/walk.h"

enum { RECORDS = 10000, BYTES = 8000000, RECORD_BYTES = 1000000 };

struct sl_chunk {
    sl_chunk_limits limits;
    char *id; /* owned; limits.require_id points to it */
    sl_buf text;
    size_t *starts;
    size_t count, room; /* lines, and entries in starts */
    sl_idset ids;
    int pins;
    bool freed; /* as soon as the last pin is gone */
};

sl_chunk *sl_chunk_new(const sl_chunk_limits *limits, sl_err *err) {
    sl_chunk *c = calloc(1, sizeof *c);
    char *id = sl_str_dup(limits->require_id);
    if (!c || !id) {
        free(c);
        free(id);
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a chunk");
        return NULL;
    }
    c->limits = *limits;
    if (!c->limits.max_records) c->limits.max_records = RECORDS;
    if (!c->limits.max_bytes) c->limits.max_bytes = BYTES;
    if (!c->limits.max_record_bytes) c->limits.max_record_bytes = RECORD_BYTES;
    c->id = id;
    c->limits.require_id = sl_str_make(id, limits->require_id.len);
    sl_buf_init(&c->text, c->limits.max_bytes);
    return c;
}

void sl_chunk_free(sl_chunk *c) {
    if (!c) return;
    if (c->pins > 0) {
        c->freed = true;
        return;
    }
    sl_buf_free(&c->text);
    sl_idset_free(&c->ids);
    free(c->starts);
    free(c->id);
    free(c);
}

static size_t line_start(const sl_chunk *c) {
    return c->count ? c->starts[c->count] : 0;
}

static sl_chunk_verdict never(sl_chunk *c) {
    c->text.len = line_start(c);
    return SL_CHUNK_NEVER;
}

static sl_chunk_verdict too_large(sl_chunk *c, size_t bytes, sl_err *err) {
    size_t most = c->limits.max_record_bytes;
    if (most >= c->limits.max_bytes) most = c->limits.max_bytes - 1;
    sl_fail(err, SL_INVALID, 0, "the record has %zu bytes; at most %zu are allowed", bytes, most);
    return never(c);
}

/* 0 where the record has what it must have, with the value in *id; ptr NULL: `known`: it has none. */
static int check_id(const sl_chunk *c, sl_str record, sl_str *id, bool known, sl_err *err) {
    sl_str key = c->limits.require_id;
    int n = (int)key.len;
    if (key.len == 0) return 0;
    if (known ? !id->ptr : !sl_walk_member(record, key, id)) return sl_fail(err, SL_INVALID, 0, "the record has no \"%.*s\"", n, key.ptr);
    if (sl_str_eq(*id, SL_STR("\"\"")))
        return sl_fail(err, SL_INVALID, 0, "the \"%.*s\" of the record is an empty text", n, key.ptr);
    char first = id->ptr[0];
    if (first != '"' && first != '-' && (first < '0' || first > '9'))
        return sl_fail(err, SL_INVALID, 0, "the \"%.*s\" of the record is %s; it must be a text or a number", n, key.ptr,
                       sl_walk_kind(*id));
    return 0;
}

static int room_for_start(sl_chunk *c, sl_err *err) {
    if (c->count + 1 < c->room) return 0;
    size_t room = c->room ? c->room * 2 : 256; /* at most twice max_records + 1 */
    size_t *starts = realloc(c->starts, room * sizeof *starts);
    if (!starts) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a chunk");
    if (c->room == 0) starts[0] = 0;
    c->starts = starts;
    c->room = room;
    return 0;
}

sl_buf *sl_chunk_open_line(sl_chunk *c) {
    sl_assert(c->pins == 0);
    c->text.len = line_start(c);
    c->text.max = c->text.len + c->limits.max_record_bytes + 1;
    return &c->text;
}

sl_chunk_verdict sl_chunk_close_line(sl_chunk *c, const sl_str *known, sl_err *err) {
    size_t start = line_start(c), len = c->text.len - start;
    sl_str line = sl_str_make(c->text.data + start, len), id = known ? *known : SL_STR("");
    if (len == 0 || line.ptr[0] != '{') {
        sl_fail(err, SL_INVALID, 0, "a record must be an object, this is %s", sl_walk_kind(line));
        return never(c);
    }
    if (len > c->limits.max_record_bytes || len >= c->limits.max_bytes) return too_large(c, len, err);
    if (check_id(c, line, &id, known != NULL, err) < 0 || room_for_start(c, err) < 0) return never(c);
    if (c->count >= c->limits.max_records || start + len >= c->limits.max_bytes) {
        c->text.len = start;
        return SL_CHUNK_FULL;
    }
    uint64_t name = c->limits.track_ids && id.len ? sl_idset_name(id) : 0; /* the next append may move the line */
    if (sl_buf_put_char(&c->text, '\n', err) < 0 || (name && sl_idset_add(&c->ids, name, err) < 0)) return never(c);
    c->starts[++c->count] = c->text.len;
    return SL_CHUNK_TAKEN;
}

sl_chunk_verdict sl_chunk_drop_line(sl_chunk *c, sl_err *err) {
    if (err && err->code == SL_LIMIT)
        sl_fail(err, SL_INVALID, 0, "the record has more than the %zu bytes allowed, or is nested too deep",
                c->limits.max_record_bytes);
    return never(c);
}

sl_chunk_verdict sl_chunk_put(sl_chunk *c, sl_str json, sl_err *err) {
    if (json.len > c->limits.max_record_bytes) return too_large(c, json.len, err);
    if (sl_buf_put_str(sl_chunk_open_line(c), json, err) < 0) return sl_chunk_drop_line(c, err);
    return sl_chunk_close_line(c, NULL, err);
}

sl_str sl_chunk_text(const sl_chunk *c) {
    return sl_str_make(c->text.data ? c->text.data : "", line_start(c));
}

size_t sl_chunk_count(const sl_chunk *c) {
    return c->count;
}

sl_str sl_chunk_line(const sl_chunk *c, size_t n) {
    if (n < 1 || n > c->count) return SL_STR("");
    return sl_str_make(c->text.data + c->starts[n - 1], c->starts[n] - c->starts[n - 1] - 1);
}

sl_str sl_chunk_key(const sl_chunk *c) {
    return c->limits.require_id;
}

sl_str sl_chunk_id(const sl_chunk *c, size_t n) {
    sl_str id, line = sl_chunk_line(c, n);
    return line.len && c->limits.require_id.len && sl_walk_member(line, c->limits.require_id, &id) ? id : SL_STR("");
}

bool sl_chunk_meet(sl_chunk *a, sl_chunk *b) {
    return sl_idset_meet(&a->ids, &b->ids);
}

void sl_chunk_clear(sl_chunk *c) {
    sl_assert(c->pins == 0);
    sl_idset_clear(&c->ids);
    sl_buf_clear(&c->text);
    c->count = 0;
}

void sl_chunk_pin(sl_chunk *c) {
    c->pins++;
}

void sl_chunk_unpin(sl_chunk *c) {
    sl_assert(c->pins > 0);
    if (--c->pins == 0 && c->freed) sl_chunk_free(c);
}

bool sl_chunk_pinned(const sl_chunk *c) {
    return c->pins > 0;
}
