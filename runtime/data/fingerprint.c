/* Two sums of folded 64-bit products over pieces of 16 bytes, with different constants, each stirred with the other at the
 * end. The length goes in first, so that padding can't be mistaken for content. */
#include "data/fingerprint.h"

#include <stdint.h>

__extension__ typedef unsigned __int128 wide;

static const uint64_t odd[4] = {0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u};

static inline uint64_t fold(uint64_t a, uint64_t b) {
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes, the first the lowest; compilers make one load of it. */
static inline uint64_t eight(const unsigned char *p) {
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
           (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline void stir(uint64_t sum[2], const unsigned char *p) {
    uint64_t a = eight(p), b = eight(p + 8);
    sum[0] = fold(a ^ odd[0], b ^ sum[0]);
    sum[1] = fold(b ^ odd[1], a ^ sum[1]);
}

void sl_fingerprint(sl_str text, char out[SL_FINGERPRINT_LEN + 1]) {
    const unsigned char *p = (const unsigned char *)text.ptr;
    uint64_t sum[2] = {odd[2] ^ text.len, odd[3] + text.len};
    unsigned char tail[16] = {0};
    size_t left = text.len;
    for (; left >= 16; left -= 16, p += 16) stir(sum, p);
    for (size_t i = 0; i < left; i++) tail[i] = p[i];
    stir(sum, tail);
    uint64_t ends[2] = {fold(sum[0] ^ odd[3], sum[1] ^ odd[1]), fold(sum[1] ^ odd[2], sum[0] + odd[0])};
    for (int i = 0; i < SL_FINGERPRINT_LEN; i++) out[i] = "0123456789abcdef"[ends[i / 16] >> (i % 16 * 4) & 15];
    out[SL_FINGERPRINT_LEN] = 0;
}
