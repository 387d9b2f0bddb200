/* One buffer: lines are taken off its head, input is added at its tail, and the piece of a line that is left between
 * two reads is moved to the front. A line is searched for its end once, however many reads it comes in. */
#include "data/ndjson.h"

#include <stdlib.h>
#include <string.h>

void sl_ndjson_init(sl_ndjson *s, size_t max_line_bytes) {
    memset(s, 0, sizeof *s);
    s->max_line = max_line_bytes < SL_NDJSON_LINE_MAX ? max_line_bytes : SL_NDJSON_LINE_MAX;
}

void sl_ndjson_free(sl_ndjson *s) {
    free(s->data);
    sl_ndjson_init(s, s->max_line);
}

static void to_front(sl_ndjson *s) {
    if (s->head == 0) return;
    memmove(s->data, s->data + s->head, s->tail - s->head);
    s->tail -= s->head;
    s->scanned -= s->head;
    s->head = 0;
}

char *sl_ndjson_room(sl_ndjson *s, size_t want, size_t *room, sl_err *err) {
    if (s->cap - s->tail < want) to_front(s);
    if (s->cap - s->tail < want) {
        /* bounded: what is left of a line is at most max_line, see sl_ndjson_next */
        size_t cap = s->cap ? s->cap : SL_NDJSON_BLOCK;
        while (cap - s->tail < want) cap *= 2;
        char *data = realloc(s->data, cap + SL_NDJSON_SLACK);
        if (!data) {
            sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu bytes of input", cap);
            return NULL;
        }
        s->data = data;
        s->cap = cap;
    }
    *room = s->cap - s->tail;
    return s->data + s->tail;
}

void sl_ndjson_filled(sl_ndjson *s, size_t len) {
    sl_assert(len <= s->cap - s->tail);
    s->tail += len;
}

int sl_ndjson_feed(sl_ndjson *s, sl_str bytes, sl_err *err) {
    if (bytes.len == 0) return 0;
    size_t room;
    char *into = sl_ndjson_room(s, bytes.len, &room, err);
    if (!into) return -1;
    memcpy(into, bytes.ptr, bytes.len);
    sl_ndjson_filled(s, bytes.len);
    return 0;
}

void sl_ndjson_end(sl_ndjson *s) {
    s->ended = true;
}

/* Throws away what is there of a line that is too long already, but for its head. */
static void drop_rest(sl_ndjson *s) {
    size_t have = s->tail - s->head;
    if (s->dropped == 0) {
        s->kept = have < sizeof s->start ? have : sizeof s->start;
        memcpy(s->start, s->data + s->head, s->kept);
    }
    s->dropped += (int64_t)have;
    s->head = s->tail = s->scanned = 0;
}

static void drop_mark(sl_line *line) {
    if (line->number != 1 || !sl_str_starts(line->text, SL_STR("\xEF\xBB\xBF"))) return;
    line->text.ptr += 3;
    line->text.len -= 3;
}

/* Takes the line off whose text ends at `stop`, and `skip` bytes of line end behind it. */
static void take(sl_ndjson *s, size_t stop, size_t skip, sl_line *line) {
    size_t len = stop - s->head;
    line->number = ++s->number;
    line->offset = s->offset;
    line->length = s->dropped + (int64_t)len;
    line->text = sl_str_make(s->data + s->head, len);
    line->too_long = s->dropped > 0 || len > s->max_line;
    if (s->dropped > 0) {
        line->text = sl_str_make(s->start, s->kept);
    } else if (line->too_long) {
        line->text.len = SL_NDJSON_HEAD < len ? SL_NDJSON_HEAD : len;
    } else {
        drop_mark(line);
        if (line->text.len > 0 && line->text.ptr[line->text.len - 1] == '\r') line->text.len--;
    }
    s->offset += line->length + (int64_t)skip;
    s->head = s->scanned = stop + skip;
    s->dropped = 0;
}

static bool blank(const sl_line *line) {
    for (size_t i = 0; i < line->text.len; i++) {
        char c = line->text.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r') return false;
    }
    return !line->too_long;
}

bool sl_ndjson_next(sl_ndjson *s, sl_line *line) {
    do {
        const char *nl = s->tail > s->scanned ? memchr(s->data + s->scanned, '\n', s->tail - s->scanned) : NULL;
        if (nl) {
            take(s, (size_t)(nl - s->data), 1, line);
        } else if (s->ended && (s->tail > s->head || s->dropped > 0)) {
            take(s, s->tail, 0, line);
        } else {
            s->scanned = s->tail;
            if (s->tail - s->head > s->max_line || s->dropped > 0) drop_rest(s);
            return false;
        }
    } while (blank(line));
    return true;
}
