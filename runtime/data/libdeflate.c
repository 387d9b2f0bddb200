/* The functions of libdeflate that we call, passed on: see base/library.h. */
#include "data/libdeflate.h"

#include "base/library.h"

static sl_library deflate = {.file = "libdeflate.so.0", .package = "libdeflate0"};

int sl_libdeflate_open(sl_err *err) {
    return sl_library_open(&deflate, err);
}

SL_LIBRARY_GIVES(deflate, struct libdeflate_compressor *, libdeflate_alloc_compressor, (int level), (level))
SL_LIBRARY_DOES(deflate, libdeflate_free_compressor, (struct libdeflate_compressor *c), (c))
SL_LIBRARY_GIVES(deflate, size_t, libdeflate_gzip_compress_bound, (struct libdeflate_compressor *c, size_t bytes), (c, bytes))
SL_LIBRARY_GIVES(deflate, size_t, libdeflate_gzip_compress,
                 (struct libdeflate_compressor *c, const void *in, size_t bytes, void *out, size_t room),
                 (c, in, bytes, out, room))
