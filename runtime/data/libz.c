/* The functions of zlib that we call, passed on: see base/library.h. The header's macros call those that end in `_`. */
#include "data/libz.h"

#include "base/library.h"

static sl_library zlib = {.file = "libz.so.1", .package = "zlib1g"};

int sl_libz_open(sl_err *err) {
    return sl_library_open(&zlib, err);
}

SL_LIBRARY_GIVES(zlib, const char *, zlibVersion, (void), ())
SL_LIBRARY_GIVES(zlib, int, inflateInit2_, (z_streamp z, int window, const char *version, int size),
                 (z, window, version, size))
SL_LIBRARY_GIVES(zlib, int, inflate, (z_streamp z, int flush), (z, flush))
SL_LIBRARY_GIVES(zlib, int, inflateReset, (z_streamp z), (z))
SL_LIBRARY_GIVES(zlib, int, inflateEnd, (z_streamp z), (z))
SL_LIBRARY_GIVES(zlib, int, deflateInit2_,
                 (z_streamp z, int level, int method, int window, int memory, int strategy, const char *version, int size),
                 (z, level, method, window, memory, strategy, version, size))
SL_LIBRARY_GIVES(zlib, int, deflate, (z_streamp z, int flush), (z, flush))
SL_LIBRARY_GIVES(zlib, int, deflateEnd, (z_streamp z), (z))
