/* gzip by zlib, and by libdeflate where all of it is there. Input lengths are cut to what zlib's counters hold, output goes straight into the buffer. */
#include "data/gzip.h"

#include <limits.h>
#include <stdlib.h>

#include "data/libdeflate.h"
#include "data/libz.h"

#define LEVEL 1
#define STEP_BYTES (64u << 10)
#define GZIP_WINDOW (15 + 16)
#define ANY_WINDOW (15 + 32)

struct sl_gunzip {
    z_stream z;
    bool begun; /* inside of a member */
    bool full;  /* the last call stopped for want of room */
    bool ended; /* at least one member is complete */
};

struct sl_gzip {
    z_stream z;
};

static uInt cut(size_t len) {
    return len > INT_MAX ? (uInt)INT_MAX : (uInt)len;
}

sl_gunzip *sl_gunzip_new(sl_err *err) {
    if (sl_libz_open(err) < 0) return NULL;
    sl_gunzip *g = calloc(1, sizeof *g);
    if (g && inflateInit2(&g->z, ANY_WINDOW) == Z_OK) return g;
    free(g);
    sl_fail(err, SL_INTERNAL, 0, "out of memory for decompression");
    return NULL;
}

void sl_gunzip_free(sl_gunzip *g) {
    if (!g) return;
    inflateEnd(&g->z);
    free(g);
}

/* Behind a complete member: another member follows, zero padding is skipped, anything else is no gzip. */
static int next_member(sl_gunzip *g, sl_str *in, sl_err *err) {
    while (in->len && in->ptr[0] == 0) in->ptr++, in->len--;
    if (in->len == 0) return 0;
    if ((unsigned char)in->ptr[0] != 0x1f)
        return sl_fail(err, SL_PROTOCOL, 0, "bytes that are not gzip follow the compressed data");
    inflateReset(&g->z);
    g->ended = false;
    return 0;
}

/* One call of inflate(); *produced tells how many bytes came out. */
static int inflate_step(sl_gunzip *g, sl_str *in, char *to, size_t room, size_t *produced, sl_err *err) {
    g->z.next_in = (Bytef *)(uintptr_t)in->ptr;
    g->z.avail_in = cut(in->len);
    g->z.next_out = (Bytef *)to;
    g->z.avail_out = cut(room);
    int rc = inflate(&g->z, Z_NO_FLUSH);
    size_t used = (size_t)((const char *)g->z.next_in - in->ptr);
    if (used) g->begun = true;
    *in = sl_str_make(in->ptr + used, in->len - used);
    *produced = (size_t)((char *)g->z.next_out - to);
    g->full = g->z.avail_out == 0 && rc != Z_STREAM_END;
    if (rc == Z_STREAM_END) g->ended = true, g->begun = false;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) return 0;
    return sl_fail(err, SL_PROTOCOL, rc, "the compressed data is damaged (%s)", g->z.msg ? g->z.msg : "zlib");
}

/* The buffer is at its ceiling: the stream may still end here, but not bring one more byte. */
static int inflate_end(sl_gunzip *g, sl_str *in, sl_buf *out, sl_err *err) {
    char beyond;
    size_t produced;
    if (inflate_step(g, in, &beyond, 1, &produced, err) < 0) return -1;
    return produced ? sl_buf_reserve(out, 1, err) : 0;
}

int sl_gunzip_put(sl_gunzip *g, sl_str *in, sl_buf *out, size_t room, sl_err *err) {
    size_t end = out->len + room, produced;
    do {
        if (g->ended && in->len && next_member(g, in, err) < 0) return -1;
        if (g->ended) return 0;
        size_t step = end - out->len < STEP_BYTES ? end - out->len : STEP_BYTES;
        if (step > out->max - out->len) step = out->max - out->len;
        if (step == 0) return inflate_end(g, in, out, err);
        if (sl_buf_reserve(out, step, err) < 0) return -1;
        if (inflate_step(g, in, out->data + out->len, step, &produced, err) < 0) return -1;
        out->len += produced;
    } while ((in->len || g->full) && out->len < end);
    return 0;
}

bool sl_gunzip_more(const sl_gunzip *g) {
    return g->full;
}

bool sl_gunzip_whole(const sl_gunzip *g) {
    return !g->begun && !g->full;
}

sl_gzip *sl_gzip_new(sl_err *err) {
    if (sl_libz_open(err) < 0) return NULL;
    sl_gzip *z = calloc(1, sizeof *z);
    if (z && deflateInit2(&z->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK) return z;
    free(z);
    sl_fail(err, SL_INTERNAL, 0, "out of memory for compression");
    return NULL;
}

void sl_gzip_free(sl_gzip *z) {
    if (!z) return;
    deflateEnd(&z->z);
    free(z);
}

int sl_gzip_put(sl_gzip *z, sl_str in, bool last, sl_buf *out, sl_err *err) {
    for (;;) {
        size_t step = in.len / 4 + 4096;
        if (sl_buf_reserve(out, step, err) < 0) return -1;
        z->z.next_in = (Bytef *)(uintptr_t)in.ptr;
        z->z.avail_in = cut(in.len);
        z->z.next_out = (Bytef *)(out->data + out->len);
        z->z.avail_out = cut(step);
        int rc = deflate(&z->z, last && in.len <= INT_MAX ? Z_FINISH : Z_NO_FLUSH);
        size_t used = (size_t)((const char *)z->z.next_in - in.ptr);
        in = sl_str_make(in.ptr + used, in.len - used);
        out->len = (size_t)((char *)z->z.next_out - out->data);
        if (rc == Z_STREAM_END || (!last && in.len == 0 && z->z.avail_out)) return 0;
        if (rc != Z_OK && rc != Z_BUF_ERROR) return sl_fail(err, SL_INTERNAL, rc, "compression failed");
    }
}

int sl_gzip_whole_open(sl_err *err) {
    return sl_libdeflate_open(err);
}

int sl_gzip_whole(sl_str in, sl_buf *out, sl_err *err) {
    if (sl_libdeflate_open(err) < 0) return -1;
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(LEVEL);
    if (!c) return sl_fail(err, SL_INTERNAL, 0, "out of memory for compression");
    size_t bound = libdeflate_gzip_compress_bound(c, in.len), n = 0;
    int rc = sl_buf_reserve(out, bound, err);
    if (rc == 0) n = libdeflate_gzip_compress(c, in.ptr, in.len, out->data + out->len, bound);
    libdeflate_free_compressor(c);
    if (rc == 0 && n == 0) return sl_fail(err, SL_INTERNAL, 0, "compression failed");
    out->len += n;
    return rc;
}

const char *sl_gzip_whole_version(void) {
    return sl_libdeflate_open(NULL) == 0 ? LIBDEFLATE_VERSION_STRING : "missing";
}

const char *sl_gzip_version(void) {
    return sl_libz_open(NULL) == 0 ? zlibVersion() : "missing";
}
