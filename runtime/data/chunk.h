/* NDJSON in one piece, ready to send: records are put in until one does not fit any more. Exactly one \n after each,
 * never a blank line, and the place of each line is kept.
 *
 *   sl_chunk *chunk = sl_chunk_new(&limits, &err);            // {0} for the defaults
 *   switch (sl_chunk_put(chunk, record, &err)) {
 *   case SL_CHUNK_TAKEN: …                                    // it is in
 *   case SL_CHUNK_FULL: …                                     // send and clear the chunk, then put it again
 *   case SL_CHUNK_NEVER: …                                    // no chunk takes it; err says why
 *   }
 *   send(sl_chunk_text(chunk));
 */
#ifndef SL_DATA_CHUNK_H
#define SL_DATA_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* 0 and empty stand for the default. */
typedef struct sl_chunk_limits {
    size_t max_records;      /* 10,000 */
    size_t max_bytes;        /* 8,000,000, line ends counted */
    size_t max_record_bytes; /* 1,000,000, measured on the line without its end */
    sl_str require_id;       /* the key that must hold a text that is not empty, or a number; copied */
    bool track_ids;          /* remember which ids it holds (with require_id): see sl_chunk_meet */
} sl_chunk_limits;

typedef struct sl_chunk sl_chunk;

typedef enum sl_chunk_verdict { SL_CHUNK_NEVER = -1, SL_CHUNK_FULL = 0, SL_CHUNK_TAKEN = 1 } sl_chunk_verdict;

/* Owned by the caller. NULL: memory is out. */
sl_chunk *sl_chunk_new(const sl_chunk_limits *limits, sl_err *err);
void sl_chunk_free(sl_chunk *c);

/* Puts in one record: JSON text that is valid, an object, on one line. err is set for SL_CHUNK_NEVER alone. */
sl_chunk_verdict sl_chunk_put(sl_chunk *c, sl_str json, sl_err *err);

/* The same for those who write the text themselves: append to the buffer, then call sl_chunk_close_line. Where an
 * append fails: sl_chunk_drop_line. The buffer grows no further than a record may. `id` is what stands under the key of
 * require_id (ptr NULL: nothing) for who knows it; NULL: it is looked for. */
sl_buf *sl_chunk_open_line(sl_chunk *c);
sl_chunk_verdict sl_chunk_close_line(sl_chunk *c, const sl_str *id, sl_err *err);

/* Drops what is there of the line; err is that of the append, and says afterwards why no chunk takes the record. */
sl_chunk_verdict sl_chunk_drop_line(sl_chunk *c, sl_err *err);

/* All lines. Borrowed until the next call that changes the chunk. */
sl_str sl_chunk_text(const sl_chunk *c);

size_t sl_chunk_count(const sl_chunk *c);

/* Line n from 1, without its end; empty where there is none. Borrowed. */
sl_str sl_chunk_line(const sl_chunk *c, size_t n);

/* The key of require_id, empty without one. Borrowed. */
sl_str sl_chunk_key(const sl_chunk *c);

/* What line n has under the key of require_id, as JSON; empty where there is no such line or key. Borrowed. */
sl_str sl_chunk_id(const sl_chunk *c, size_t n);

/* True where two chunks that track their ids have one in common, or (once in many billions) seem to. */
bool sl_chunk_meet(sl_chunk *a, sl_chunk *b);

/* Takes the lines out, keeps the memory. */
void sl_chunk_clear(sl_chunk *c);

/* While a transfer reads from it, the chunk is pinned, and may neither be changed nor cleared (see sl_chunk_pinned); one
 * that is freed meanwhile lives until the last pin is gone. */
void sl_chunk_pin(sl_chunk *c);
void sl_chunk_unpin(sl_chunk *c);
bool sl_chunk_pinned(const sl_chunk *c);

#endif
