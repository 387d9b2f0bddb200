/* OpenSSL's libcrypto, opened when it is first used. In place of <openssl/…>:
 *
 *   if (sl_openssl_open(err) < 0) return -1;     // it is missing
 *   const EVP_MD *md = EVP_get_digestbyname("sha256");
 */
#ifndef SL_DATA_OPENSSL_H
#define SL_DATA_OPENSSL_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"

/* Before the first call of OpenSSL's functions: 0, or SL_STATE where the library is missing. */
int sl_openssl_open(sl_err *err);

#endif
