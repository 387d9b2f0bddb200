/* The functions of OpenSSL's libcrypto that we call, passed on: see base/library.h. */
#include "data/openssl.h"

#include "base/library.h"

static sl_library crypto = {.file = "libcrypto.so.3", .package = "libssl3"};

int sl_openssl_open(sl_err *err) {
    return sl_library_open(&crypto, err);
}

SL_LIBRARY_GIVES(crypto, const char *, OpenSSL_version, (int what), (what))
SL_LIBRARY_GIVES(crypto, const EVP_MD *, EVP_get_digestbyname, (const char *name), (name))
SL_LIBRARY_GIVES(crypto, int, EVP_Digest,
                 (const void *bytes, size_t len, unsigned char *out, unsigned int *out_len, const EVP_MD *md,
                  ENGINE *engine),
                 (bytes, len, out, out_len, md, engine))
SL_LIBRARY_GIVES(crypto, unsigned char *, HMAC,
                 (const EVP_MD *md, const void *key, int key_len, const unsigned char *bytes, size_t len,
                  unsigned char *out, unsigned int *out_len),
                 (md, key, key_len, bytes, len, out, out_len))
