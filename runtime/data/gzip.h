/* gzip, both ways, in pieces (zlib): nothing there holds more than one window; and whole bodies (libdeflate, at twice the
 * speed).
 *
 *   sl_gunzip *g = sl_gunzip_new(&err);
 *   sl_str in = piece;
 *   while (in.len) sl_gunzip_put(g, &in, &out, 64 << 10, &err);      // at most 64 kB more in `out` a call
 *   if (!sl_gunzip_whole(g)) …                                       // the stream ended in the middle
 *   sl_gunzip_free(g);
 */
#ifndef SL_DATA_GZIP_H
#define SL_DATA_GZIP_H

#include "base/buf.h"

typedef struct sl_gunzip sl_gunzip;
typedef struct sl_gzip sl_gzip;

/* For gzip and zlib streams (recognised by their heads). Owned by the caller. */
sl_gunzip *sl_gunzip_new(sl_err *err);
void sl_gunzip_free(sl_gunzip *g);

/* Inflates into out, which grows by at most `room` bytes; *in moves on past what was used. 0, or -1 with
 * SL_PROTOCOL (not gzip, damaged) or SL_LIMIT (out's ceiling). Input may be left over when the room was used up. */
int sl_gunzip_put(sl_gunzip *g, sl_str *in, sl_buf *out, size_t room, sl_err *err);

/* True when output may be waiting although all input was used: call put again with an empty input. */
bool sl_gunzip_more(const sl_gunzip *g);

/* True at the end of a complete stream, and before the first byte. */
bool sl_gunzip_whole(const sl_gunzip *g);

/* A compressor of level 1 (JSON shrinks to a quarter, at five times the speed of level 6). Owned by the caller. */
sl_gzip *sl_gzip_new(sl_err *err);
void sl_gzip_free(sl_gzip *z);

/* Deflates all of `in` into out; with `last` the stream is completed. */
int sl_gzip_put(sl_gzip *z, sl_str in, bool last, sl_buf *out, sl_err *err);

/* Before sl_gzip_whole: 0, or SL_STATE where its library is missing. */
int sl_gzip_whole_open(sl_err *err);

/* Appends `in`, compressed at once into one member: the same bytes for the same input, on any machine with the same
 * library. Any thread may call. */
int sl_gzip_whole(sl_str in, sl_buf *out, sl_err *err);

/* The version of libdeflate that we were built for, "missing" where it can't be opened. Borrowed, for good. */
const char *sl_gzip_whole_version(void);

/* The version of zlib that is at work. Borrowed, for good. */
const char *sl_gzip_version(void);

#endif
