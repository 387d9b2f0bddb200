/* sluice.crypto: digests and base64 for scripts. */
#include <string.h>

#include "bindings/slb.h"
#include "data/digest.h"

#define TEXT_MAX (1u << 30)
#define RANDOM_MAX 4096
#define SEED_MAX 256

static sl_str check_str(lua_State *L, int arg) {
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    return sl_str_make(text, len);
}

static int push_hex(lua_State *L, const unsigned char *bytes, size_t len, const sl_err *err) {
    static const char hex[] = "0123456789abcdef";
    char text[2 * SL_DIGEST_MAX];
    if (len == 0) slb_raise(L, err);
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 15];
    }
    lua_pushlstring(L, text, 2 * len);
    return 1;
}

static int digest(lua_State *L, const char *name) {
    unsigned char out[SL_DIGEST_MAX];
    sl_err err;
    size_t len = sl_digest(name, check_str(L, 1), out, &err);
    return push_hex(L, out, len, &err);
}

/* crypto.md5(text) -> hex, and so on */
static int l_md5(lua_State *L) {
    return digest(L, "md5");
}
static int l_sha1(lua_State *L) {
    return digest(L, "sha1");
}
static int l_sha256(lua_State *L) {
    return digest(L, "sha256");
}

/* crypto.hmac(name, key, text) -> hex */
static int l_hmac(lua_State *L) {
    unsigned char out[SL_DIGEST_MAX];
    sl_err err;
    size_t len = sl_digest_hmac(luaL_checkstring(L, 1), check_str(L, 2), check_str(L, 3), out, &err);
    return push_hex(L, out, len, &err);
}

static int push_buf(lua_State *L, sl_buf *b) {
    lua_pushlstring(L, b->data ? b->data : "", b->len);
    sl_buf_free(b);
    return 1;
}

/* crypto.base64(bytes) -> text */
static int l_base64(lua_State *L) {
    sl_str bytes = check_str(L, 1);
    sl_err err;
    sl_buf b;
    sl_buf_init(&b, TEXT_MAX);
    if (sl_digest_base64(bytes, &b, &err) < 0) return slb_fail(L, &err);
    return push_buf(L, &b);
}

/* crypto.unbase64(text) -> bytes | nil, err */
static int l_unbase64(lua_State *L) {
    sl_err err;
    sl_buf b;
    sl_buf_init(&b, TEXT_MAX);
    if (sl_digest_unbase64(check_str(L, 1), &b, &err) == 0) return push_buf(L, &b);
    sl_buf_free(&b);
    return slb_fail(L, &err);
}

/* While there is a seed: bytes that follow from it, in blocks of HMAC-SHA256 over a counter. */
static char seed[SEED_MAX];
static size_t seed_len;
static uint64_t seed_count;

static int from_seed(unsigned char *out, size_t len, sl_err *err) {
    unsigned char block[SL_DIGEST_MAX], counter[8];
    for (size_t at = 0; at < len;) {
        for (size_t i = 0; i < sizeof counter; i++) counter[i] = (unsigned char)(seed_count >> (8 * i));
        seed_count++;
        size_t n = sl_digest_hmac("sha256", sl_str_make(seed, seed_len), sl_str_make((char *)counter, sizeof counter), block, err);
        if (n == 0) return -1;
        if (n > len - at) n = len - at;
        memcpy(out + at, block, n);
        at += n;
    }
    return 0;
}

/* crypto.seed(text | nil) */
static int l_seed(lua_State *L) {
    size_t len = 0;
    const char *text = luaL_optlstring(L, 1, "", &len);
    if (len > SEED_MAX) slb_usage(L, "crypto.seed: at most %d bytes", SEED_MAX);
    memcpy(seed, text, len);
    seed_len = len;
    seed_count = 0;
    return 0;
}

/* crypto.random(n) -> bytes */
static int l_random(lua_State *L) {
    unsigned char out[RANDOM_MAX];
    lua_Integer n = luaL_checkinteger(L, 1);
    sl_err err;
    if (n < 1 || n > RANDOM_MAX) slb_usage(L, "crypto.random: 1 to %d bytes, not %d", RANDOM_MAX, (int)n);
    int rc = seed_len ? from_seed(out, (size_t)n, &err) : sl_digest_random(out, (size_t)n, &err);
    if (rc < 0) slb_raise(L, &err);
    lua_pushlstring(L, (const char *)out, (size_t)n);
    return 1;
}

static const luaL_Reg functions[] = {{"base64", l_base64}, {"hmac", l_hmac},     {"md5", l_md5},
                                     {"random", l_random}, {"seed", l_seed},     {"sha1", l_sha1},
                                     {"sha256", l_sha256},
                                     {"unbase64", l_unbase64}, {NULL, NULL}};

int luaopen_sluice_crypto(lua_State *L);
int luaopen_sluice_crypto(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
