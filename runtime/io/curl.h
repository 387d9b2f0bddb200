/* libcurl, opened when it is first used. In place of <curl/curl.h>:
 *
 *   if (sl_curl_open(err) < 0) return -1;     // it is missing
 *   CURL *easy = curl_easy_init();
 */
#ifndef SL_IO_CURL_H
#define SL_IO_CURL_H

#include <curl/curl.h>

#include "base/err.h"

/* Before the first call of a run of libcurl's functions: 0, or SL_STATE where the library is missing. */
int sl_curl_open(sl_err *err);

#endif
