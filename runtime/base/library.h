/* Shared libraries that are opened when something first needs them: libcurl alone brings 35 others, which is most of
 * what it would cost to start.
 *
 * Each such library has one file of ours, which defines the functions that we call under their own names. The calling
 * code and the vendor's header with its checks stay as they are:
 *
 *   static sl_library curl = {.file = "libcurl.so.4", .package = "libcurl4"};
 *   int sl_curl_open(sl_err *err) { return sl_library_open(&curl, err); }       // asked before the first call
 *   SL_LIBRARY_GIVES(curl, CURL *, curl_easy_init, (void), ())
 *   SL_LIBRARY_DOES(curl, curl_easy_cleanup, (CURL *easy), (easy))
 *
 * A line that differs from the vendor's header does not compile; a call without a line does not link.
 */
#ifndef SL_BASE_LIBRARY_H
#define SL_BASE_LIBRARY_H

#include <stdatomic.h>

#include "base/err.h"

/* One of these in static storage for each library, for as long as the process lives. */
typedef struct sl_library {
    const char *file;    /* "libcurl.so.4": the name with the version of its interface */
    const char *package; /* Debian's package that holds it */
    _Atomic(void *) handle;
} sl_library;

typedef void (*sl_function)(void);

/* Opens the library unless it is open; SL_STATE with the package as the hint where it is missing. Any thread may call. */
int sl_library_open(sl_library *library, sl_err *err);

/* The function of that name, kept in *kept. Ends the process with a message where the library does not have it (it is
 * older than the one we were built for) or cannot be opened (our bug: somebody called before sl_library_open). */
sl_function sl_library_find(sl_library *library, const char *name, _Atomic(sl_function) *kept);

/* `real`: the library's own function of that name. */
#define SL_LIBRARY_REAL(library, name)                                                                                 \
    static _Atomic(sl_function) kept;                                                                                  \
    sl_function known = atomic_load_explicit(&kept, memory_order_acquire);                                             \
    __typeof__(&name) real = (__typeof__(&name))(known ? known : sl_library_find(&(library), #name, &kept))

/* Ours of that name is nobody else's: modules that a script loads find the library's. */
#define SL_LIBRARY_OURS __attribute__((visibility("hidden")))

/* Defines a function that passes its arguments on, and gives back what the library gives (GIVES) or nothing (DOES). */
#define SL_LIBRARY_GIVES(library, type, name, parameters, arguments)                                                   \
    SL_LIBRARY_OURS type name parameters {                                                                             \
        SL_LIBRARY_REAL(library, name);                                                                                \
        return real arguments;                                                                                         \
    }
#define SL_LIBRARY_DOES(library, name, parameters, arguments)                                                          \
    SL_LIBRARY_OURS void name parameters {                                                                             \
        SL_LIBRARY_REAL(library, name);                                                                                \
        real arguments;                                                                                                \
    }

#endif
