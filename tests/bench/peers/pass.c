/* pass IN OUT: lines are split, validated in full, put into chunks of 10,000, and the chunks are written: what an upload of a
 * file costs before it is sent. Prints the variant of the validator. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/chunk.h"
#include "data/ndjson.h"
#include "data/valid.h"

static int out;

static int flush(sl_chunk *chunk) {
    sl_str text = sl_chunk_text(chunk);
    while (text.len > 0) {
        ssize_t n = write(out, text.ptr, text.len);
        if (n < 0) return perror("write"), -1;
        text = sl_str_make(text.ptr + n, text.len - (size_t)n);
    }
    sl_chunk_clear(chunk);
    return 0;
}

static int take(sl_chunk *chunk, sl_valid *valid, sl_indexes *all, const sl_line *line) {
    sl_err err;
    if (!sl_valid_text(valid, line->text, sl_indexes_line(all))) return fprintf(stderr, "line %lld is no record\n", (long long)line->number), -1;
    sl_chunk_verdict verdict = sl_chunk_put(chunk, line->text, &err);
    if (verdict == SL_CHUNK_FULL) {
        if (flush(chunk) < 0) return -1;
        verdict = sl_chunk_put(chunk, line->text, &err);
    }
    if (verdict == SL_CHUNK_TAKEN) return 0;
    return fprintf(stderr, "line %lld: %s\n", (long long)line->number, err.msg), -1;
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: pass IN OUT\n"), 2;
    int in = open(argv[1], O_RDONLY);
    out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0) return perror("open"), 1;
    sl_err err;
    sl_indexes all = {0};
    sl_valid valid = {.marks = sl_simd_get(), .slack = true};
    sl_chunk_limits limits = {.max_bytes = 32 << 20};
    sl_chunk *chunk = sl_chunk_new(&limits, &err);
    sl_ndjson lines;
    sl_ndjson_init(&lines, SL_NDJSON_LINE);
    for (ssize_t n = 1; n > 0;) {
        size_t room;
        char *into = sl_ndjson_room(&lines, SL_NDJSON_BLOCK / 2, &room, &err);
        if (!into || (n = read(in, into, room)) < 0) return perror("read"), 1;
        if (n == 0) sl_ndjson_end(&lines);
        sl_ndjson_filled(&lines, (size_t)n);
        for (sl_line line; sl_ndjson_next(&lines, &line);)
            if (take(chunk, &valid, &all, &line) < 0) return 1;
    }
    return flush(chunk) < 0 ? 1 : 0;
}
