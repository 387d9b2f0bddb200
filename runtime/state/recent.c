/* Open addressing over rows whose bytes lie one behind the other. Half of the slots stay empty. */
#include "state/recent.h"

#define SLOTS (2 * SL_RECENT_MAX)
#define BYTES_MAX (1 << 20)
#define ROOM 2048 /* more than one delivery takes: the caller bounds its parts */

static uint32_t mix(uint32_t h, sl_str s) {
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 16777619u;
    return (h ^ 0xff) * 16777619u;
}

uint32_t sl_recent_hash(const sl_delivery *d) {
    uint32_t h = mix(mix(mix(2166136261u, d->modified), d->id), d->digest);
    return h ^ (h >> 15);
}

sl_delivery sl_recent_at(const sl_recent *set, size_t i) {
    const char *p = set->bytes.data + set->row[i].at;
    size_t m = set->row[i].modified, n = set->row[i].id;
    return (sl_delivery){sl_str_make(p, m), sl_str_make(p + m, n), sl_str_make(p + m + n, set->row[i].digest)};
}

static bool same(const sl_delivery *a, const sl_delivery *b) {
    return sl_str_eq(a->id, b->id) && sl_str_eq(a->modified, b->modified) && sl_str_eq(a->digest, b->digest);
}

bool sl_recent_has(const sl_recent *set, const sl_delivery *d) {
    if (set->count == 0) return false;
    uint32_t hash = sl_recent_hash(d);
    for (size_t s = hash % SLOTS; set->slot[s]; s = (s + 1) % SLOTS) {
        size_t i = set->slot[s] - 1u;
        if (set->row[i].hash != hash) continue;
        sl_delivery other = sl_recent_at(set, i);
        if (same(d, &other)) return true;
    }
    return false;
}

bool sl_recent_full(const sl_recent *set) {
    return set->count == SL_RECENT_MAX || set->bytes.len > BYTES_MAX - ROOM;
}

int sl_recent_add(sl_recent *set, const sl_delivery *d, sl_err *err) {
    sl_assert(!sl_recent_full(set));
    uint32_t hash = sl_recent_hash(d);
    size_t i = set->count, at = set->bytes.len;
    set->bytes.max = BYTES_MAX;
    if (sl_buf_reserve(&set->bytes, d->modified.len + d->id.len + d->digest.len, err) < 0) return -1;
    sl_buf_put_str(&set->bytes, d->modified, NULL);
    sl_buf_put_str(&set->bytes, d->id, NULL);
    sl_buf_put_str(&set->bytes, d->digest, NULL);
    set->row[i].hash = hash;
    set->row[i].at = (uint32_t)at;
    set->row[i].modified = (uint32_t)d->modified.len;
    set->row[i].id = (uint32_t)d->id.len;
    set->row[i].digest = (uint32_t)d->digest.len;
    size_t s = hash % SLOTS;
    while (set->slot[s]) s = (s + 1) % SLOTS;
    set->slot[s] = (uint16_t)++set->count;
    return 0;
}

void sl_recent_clear(sl_recent *set) {
    memset(set->slot, 0, sizeof set->slot);
    set->count = 0;
    sl_buf_clear(&set->bytes);
}

void sl_recent_free(sl_recent *set) {
    sl_recent_clear(set);
    sl_buf_free(&set->bytes);
}
