/* Digests, message authentication codes, base64 and random bytes, the digests by OpenSSL. Pure but for random.
 *
 *   unsigned char out[SL_DIGEST_MAX];
 *   size_t n = sl_digest("sha256", text, out, &err);       // 0 with SL_USAGE for an unknown name
 */
#ifndef SL_DATA_DIGEST_H
#define SL_DATA_DIGEST_H

#include "base/buf.h"

#define SL_DIGEST_MAX 64

/* The digest's length in bytes, or 0 with err. Names: md5, sha1, sha256, sha512. */
size_t sl_digest(const char *name, sl_str text, unsigned char out[SL_DIGEST_MAX], sl_err *err);
size_t sl_digest_hmac(const char *name, sl_str key, sl_str text, unsigned char out[SL_DIGEST_MAX], sl_err *err);

/* Base64 with padding; decoding takes the URL alphabet and missing padding too, and nothing else. */
int sl_digest_base64(sl_str bytes, sl_buf *out, sl_err *err);
int sl_digest_unbase64(sl_str text, sl_buf *out, sl_err *err);

/* Random bytes fit for keys. */
int sl_digest_random(unsigned char *out, size_t len, sl_err *err);

/* The version of the library at work here, as it says itself. Borrowed, for good. */
const char *sl_digest_version(void);

#endif
