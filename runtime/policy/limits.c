/* A chained hash table whose entries never move, so that a call can keep the pointer while it waits for its turn. */
#include "policy/limits.h"

#include <stdlib.h>

#define SLOTS 1024 /* long chains at the ceiling, but a lookup is still far below the cost of a request */

struct sl_limits {
    size_t count, max;
    sl_limit *slot[SLOTS];
};

sl_limits *sl_limits_new(size_t max) {
    sl_limits *set = calloc(1, sizeof *set);
    if (set) set->max = max;
    return set;
}

static void limit_free(sl_limit *l) {
    free((char *)(uintptr_t)l->key.host.ptr); /* one allocation holds all four parts */
    free(l);
}

void sl_limits_free(sl_limits *set) {
    if (!set) return;
    for (size_t i = 0; i < SLOTS; i++)
        for (sl_limit *l = set->slot[i], *next; l; l = next) {
            next = l->next;
            limit_free(l);
        }
    free(set);
}

static uint64_t mix(uint64_t h, sl_str s) {
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return (h ^ 0xff) * 1099511628211u;
}

static size_t slot_of(const sl_limit_key *k) {
    uint64_t h = mix(mix(mix(mix(14695981039346656037u, k->host), k->account), k->rclass), k->resource);
    return (size_t)((h ^ (h >> 32)) % SLOTS);
}

static bool same_key(const sl_limit_key *a, const sl_limit_key *b) {
    return sl_str_eq(a->resource, b->resource) && sl_str_eq(a->rclass, b->rclass) &&
           sl_str_eq(a->account, b->account) && sl_str_eq(a->host, b->host);
}

/* Drops what a caller could not tell from a new bucket. */
static void forget_idle(sl_limits *set, int64_t now_us) {
    for (size_t i = 0; i < SLOTS; i++)
        for (sl_limit **at = &set->slot[i]; *at;) {
            sl_limit *l = *at;
            if (l->holds > 0 || !sl_bucket_idle(&l->bucket, &l->rates, now_us)) {
                at = &l->next;
                continue;
            }
            *at = l->next;
            limit_free(l);
            set->count--;
        }
}

static sl_str copy_part(char **at, sl_str part) {
    sl_str copy = sl_str_make(*at, part.len);
    if (part.len) memcpy(*at, part.ptr, part.len);
    *at += part.len;
    return copy;
}

static sl_limit *limit_new(const sl_limit_key *k) {
    sl_limit *l = calloc(1, sizeof *l);
    char *at = malloc(k->host.len + k->account.len + k->rclass.len + k->resource.len + 1);
    if (!l || !at) {
        free(l);
        free(at);
        return NULL;
    }
    l->key.host = copy_part(&at, k->host);
    l->key.account = copy_part(&at, k->account);
    l->key.rclass = copy_part(&at, k->rclass);
    l->key.resource = copy_part(&at, k->resource);
    return l;
}

static sl_limit *limit_add(sl_limits *set, size_t slot, const sl_limit_key *key, int64_t now_us, sl_err *err) {
    if (set->count >= set->max) forget_idle(set, now_us);
    if (set->count >= set->max) {
        sl_fail(err, SL_LIMIT, 0, "more than %zu rate budgets in use at once", set->max);
        return NULL;
    }
    sl_limit *l = limit_new(key);
    if (!l) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a rate budget");
        return NULL;
    }
    l->next = set->slot[slot];
    set->slot[slot] = l;
    set->count++;
    return l;
}

sl_limit *sl_limits_hold(sl_limits *set, const sl_limit_key *key, const sl_rates *rates, int64_t now_us,
                         sl_err *err) {
    size_t slot = slot_of(key);
    sl_limit *l = set->slot[slot];
    while (l && !same_key(&l->key, key)) l = l->next;
    if (!l) l = limit_add(set, slot, key, now_us, err);
    if (!l) return NULL;
    l->rates = *rates;
    l->holds++;
    return l;
}

void sl_limits_release(sl_limit *limit) {
    if (!limit) return;
    sl_assert(limit->holds > 0);
    limit->holds--;
}

size_t sl_limits_count(const sl_limits *set) {
    return set->count;
}

void sl_limits_each(const sl_limits *set, void (*each)(const sl_limit *limit, void *arg), void *arg) {
    for (size_t i = 0; i < SLOTS; i++)
        for (const sl_limit *l = set->slot[i]; l; l = l->next) each(l, arg);
}
