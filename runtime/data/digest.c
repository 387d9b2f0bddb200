/* Thin: OpenSSL does the digests, the kernel random bytes; base64 is here because its own has no strict decoder. */
#include "data/digest.h"

#include <errno.h>
#include <sys/random.h>

#include "data/openssl.h"

static const EVP_MD *find(const char *name, sl_err *err) {
    if (sl_openssl_open(err) < 0) return NULL;
    static const char *const names[] = {"md5", "sha1", "sha256", "sha512"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return EVP_get_digestbyname(name);
    sl_fail(err, SL_USAGE, 0, "no digest '%s': there are md5, sha1, sha256 and sha512", name);
    return NULL;
}

size_t sl_digest(const char *name, sl_str text, unsigned char out[SL_DIGEST_MAX], sl_err *err) {
    unsigned int len = 0;
    const EVP_MD *md = find(name, err);
    if (!md) return 0;
    if (EVP_Digest(text.ptr, text.len, out, &len, md, NULL) == 1) return len;
    sl_fail(err, SL_INTERNAL, 0, "%s failed", name);
    return 0;
}

size_t sl_digest_hmac(const char *name, sl_str key, sl_str text, unsigned char out[SL_DIGEST_MAX], sl_err *err) {
    unsigned int len = 0;
    const EVP_MD *md = find(name, err);
    if (!md) return 0;
    if (HMAC(md, key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len, out, &len)) return len;
    sl_fail(err, SL_INTERNAL, 0, "hmac %s failed", name);
    return 0;
}

int sl_digest_base64(sl_str bytes, sl_buf *out, sl_err *err) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (sl_buf_reserve(out, (bytes.len + 2) / 3 * 4, err) < 0) return -1;
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);
        char *q = out->data + out->len;
        q[0] = digits[v >> 18];
        q[1] = digits[v >> 12 & 63];
        q[2] = left > 1 ? digits[v >> 6 & 63] : '=';
        q[3] = left > 2 ? digits[v & 63] : '=';
        out->len += 4;
    }
    return 0;
}

static int digit_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

int sl_digest_unbase64(sl_str text, sl_buf *out, sl_err *err) {
    unsigned value = 0, bits = 0;
    size_t len = text.len;
    while (len > 0 && text.len - len < 2 && text.ptr[len - 1] == '=') len--;
    if (len % 4 == 1) return sl_fail(err, SL_INVALID, 0, "not base64: it ends in the middle of a byte");
    for (size_t i = 0; i < len; i++) {
        int v = digit_value(text.ptr[i]);
        if (v < 0) return sl_fail(err, SL_INVALID, 0, "not base64: byte %zu is no digit of it", i + 1);
        value = value << 6 | (unsigned)v;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        if (sl_buf_put_char(out, (char)(value >> bits & 255), err) < 0) return -1;
    }
    return 0;
}

int sl_digest_random(unsigned char *out, size_t len, sl_err *err) {
    for (size_t got = 0; got < len;) {
        ssize_t n = getrandom(out + got, len - got, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return sl_fail_errno(err, "no random bytes to be had");
        got += (size_t)n;
    }
    return 0;
}

const char *sl_digest_version(void) {
    return sl_openssl_open(NULL) == 0 ? OpenSSL_version(OPENSSL_VERSION_STRING) : "missing";
}
