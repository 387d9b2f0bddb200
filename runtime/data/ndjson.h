/* Bytes in, lines out. Knows nothing of files: whoever has bytes puts them into the room that the splitter gives.
 *
 *   sl_ndjson lines;
 *   sl_ndjson_init(&lines, SL_NDJSON_LINE);
 *   while (more input) {
 *       size_t room;
 *       char *into = sl_ndjson_room(&lines, SL_NDJSON_BLOCK, &room, &err);
 *       sl_ndjson_filled(&lines, read_some(into, room));                  // or sl_ndjson_end() at the end of the input
 *       for (sl_line line; sl_ndjson_next(&lines, &line);) use(line.text);
 *   }
 *   sl_ndjson_free(&lines);
 *
 * A byte order mark at the start and a \r before the \n are taken away; blank lines are passed over but counted. Of a
 * line that is longer than allowed only the head is kept; it comes out as `too_long`, and the next line is fine again.
 */
#ifndef SL_DATA_NDJSON_H
#define SL_DATA_NDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The longest line unless the caller says otherwise, the most anyone may allow, what is read at once, how much of a line
 * that is too long is kept to show, and how many bytes behind any other line may be read, whatever they are. */
enum {
    SL_NDJSON_LINE = 2 << 20, SL_NDJSON_LINE_MAX = 1 << 30, SL_NDJSON_BLOCK = 128 << 10, SL_NDJSON_HEAD = 1000,
    SL_NDJSON_SLACK = 64
};

typedef struct sl_line {
    sl_str text;    /* borrowed until the next call on the splitter; the head alone where it is too long */
    int64_t number; /* from 1, blank lines counted */
    int64_t offset; /* of its first byte in the input */
    int64_t length; /* in bytes, without the end of the line */
    bool too_long;
} sl_line;

typedef struct sl_ndjson {
    char *data;
    size_t cap;
    size_t head;     /* the first byte of the line that is next */
    size_t tail;     /* behind the last byte of input */
    size_t scanned;  /* no \n between head and here */
    size_t max_line;
    int64_t offset;  /* of head in the input */
    int64_t number;  /* of the last line that was taken off */
    int64_t dropped; /* bytes of the line under way that were thrown away: it is too long */
    size_t kept;     /* bytes in start[] */
    bool ended;
    char start[SL_NDJSON_HEAD];
} sl_ndjson;

/* Empty; allocates nothing. */
void sl_ndjson_init(sl_ndjson *s, size_t max_line_bytes);

void sl_ndjson_free(sl_ndjson *s);

/* Room for at least `want` bytes; *room says how many fit. Borrowed until the next call. NULL: memory is out. */
char *sl_ndjson_room(sl_ndjson *s, size_t want, size_t *room, sl_err *err);

/* So many bytes were put into the room. */
void sl_ndjson_filled(sl_ndjson *s, size_t len);

/* Copies bytes in. */
int sl_ndjson_feed(sl_ndjson *s, sl_str bytes, sl_err *err);

/* The input is over: what is left is the last line, even without \n. */
void sl_ndjson_end(sl_ndjson *s);

/* The next line that is complete. False: more input is needed, or all is done (after sl_ndjson_end). */
bool sl_ndjson_next(sl_ndjson *s, sl_line *line);

#endif
