/* The functions of libcurl that we call, passed on: see base/library.h. */
#include "io/curl.h"

#include <stdarg.h>

#include "base/library.h"

static sl_library curl = {.file = "libcurl.so.4", .package = "libcurl4"};

int sl_curl_open(sl_err *err) {
    return sl_library_open(&curl, err);
}

SL_LIBRARY_GIVES(curl, CURLcode, curl_global_init, (long flags), (flags))
SL_LIBRARY_GIVES(curl, curl_version_info_data *, curl_version_info, (CURLversion age), (age))
SL_LIBRARY_DOES(curl, curl_free, (void *bytes), (bytes))

SL_LIBRARY_GIVES(curl, CURL *, curl_easy_init, (void), ())
SL_LIBRARY_DOES(curl, curl_easy_cleanup, (CURL *easy), (easy))
SL_LIBRARY_DOES(curl, curl_easy_reset, (CURL *easy), (easy))
SL_LIBRARY_GIVES(curl, CURLcode, curl_easy_pause, (CURL *easy, int mask), (easy, mask))
SL_LIBRARY_GIVES(curl, const char *, curl_easy_strerror, (CURLcode code), (code))

SL_LIBRARY_GIVES(curl, CURLM *, curl_multi_init, (void), ())
SL_LIBRARY_GIVES(curl, CURLMcode, curl_multi_cleanup, (CURLM *multi), (multi))
SL_LIBRARY_GIVES(curl, CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy), (multi, easy))
SL_LIBRARY_GIVES(curl, CURLMcode, curl_multi_remove_handle, (CURLM *multi, CURL *easy), (multi, easy))
SL_LIBRARY_GIVES(curl, CURLMcode, curl_multi_perform, (CURLM *multi, int *running), (multi, running))
SL_LIBRARY_GIVES(curl, CURLMsg *, curl_multi_info_read, (CURLM *multi, int *left), (multi, left))
SL_LIBRARY_GIVES(curl, CURLMcode, curl_multi_poll,
                 (CURLM *multi, struct curl_waitfd fds[], unsigned int count, int timeout_ms, int *ready),
                 (multi, fds, count, timeout_ms, ready))

SL_LIBRARY_GIVES(curl, CURLU *, curl_url, (void), ())
SL_LIBRARY_DOES(curl, curl_url_cleanup, (CURLU *url), (url))
/* The handle that is read is const from libcurl 8 on. */
typedef __typeof__(_Generic(&curl_url_get, CURLUcode (*)(CURLU *, CURLUPart, char **, unsigned int): (CURLU *)0,
                            default: (const CURLU *)0)) url_read;
SL_LIBRARY_GIVES(curl, CURLUcode, curl_url_get, (url_read url, CURLUPart what, char **part, unsigned int flags),
                 (url, what, part, flags))
SL_LIBRARY_GIVES(curl, CURLUcode, curl_url_set, (CURLU *url, CURLUPart what, const char *part, unsigned int flags),
                 (url, what, part, flags))
SL_LIBRARY_GIVES(curl, const char *, curl_url_strerror, (CURLUcode code), (code))

/* ---- with `...`: always one more argument, whose kind is part of the option's number ---- */

#undef curl_easy_setopt /* the header's macros check the argument and then call these */
#undef curl_easy_getinfo
#undef curl_multi_setopt

static unsigned kind_of(unsigned option) {
    return option / 10000 * 10000;
}

SL_LIBRARY_OURS CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
    SL_LIBRARY_REAL(curl, curl_easy_setopt);
    CURLcode code;
    va_list last;
    va_start(last, option);
    if (kind_of(option) == CURLOPTTYPE_LONG) code = real(easy, option, va_arg(last, long));
    else if (kind_of(option) == CURLOPTTYPE_OFF_T) code = real(easy, option, va_arg(last, curl_off_t));
    else code = real(easy, option, va_arg(last, void *));
    va_end(last);
    return code;
}

SL_LIBRARY_OURS CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...) {
    SL_LIBRARY_REAL(curl, curl_multi_setopt);
    CURLMcode code;
    va_list last;
    va_start(last, option);
    if (kind_of(option) == CURLOPTTYPE_LONG) code = real(multi, option, va_arg(last, long));
    else if (kind_of(option) == CURLOPTTYPE_OFF_T) code = real(multi, option, va_arg(last, curl_off_t));
    else code = real(multi, option, va_arg(last, void *));
    va_end(last);
    return code;
}

SL_LIBRARY_OURS CURLcode curl_easy_getinfo(CURL *easy, CURLINFO what, ...) {
    SL_LIBRARY_REAL(curl, curl_easy_getinfo);
    va_list last;
    va_start(last, what);
    CURLcode code = real(easy, what, va_arg(last, void *));
    va_end(last);
    return code;
}
