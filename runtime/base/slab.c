/* Sizes are rounded up to steps of 16 bytes. A fresh piece is cut up front to back, which keeps what is made together
 * close together; freed blocks go to the front of their list, since they are still in the cache. */
#include "base/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_BYPASS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_BYPASS 1
#endif
#endif

enum { STEP = 16, LISTS = SL_SLAB_BLOCK / STEP, PIECE = 32 * 1024 };

typedef struct block {
    struct block *next;
} block;

typedef struct piece {
    struct piece *next;
    _Alignas(STEP) char bytes[PIECE];
} piece;

struct sl_slab {
    block *free[LISTS];
    char *fresh;       /* of the newest piece */
    size_t fresh_left;
    piece *pieces;
};

sl_slab *sl_slab_new(void) {
    return calloc(1, sizeof(sl_slab));
}

void sl_slab_free(sl_slab *slab) {
    if (!slab) return;
    for (piece *p = slab->pieces, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    free(slab);
}

static inline size_t list_of(size_t size) {
    return (size - 1) / STEP;
}

/* The list is empty. What is left of the old piece goes to the list of its size. */
static void *take_fresh(sl_slab *slab, size_t list) {
    size_t size = (list + 1) * STEP;
    if (slab->fresh_left < size) {
        piece *p = malloc(sizeof *p);
        if (!p) return NULL;
        if (slab->fresh_left) {
            block *rest = (block *)(void *)slab->fresh;
            size_t of = list_of(slab->fresh_left);
            rest->next = slab->free[of];
            slab->free[of] = rest;
        }
        p->next = slab->pieces;
        slab->pieces = p;
        slab->fresh = p->bytes;
        slab->fresh_left = PIECE;
    }
    void *out = slab->fresh;
    slab->fresh += size;
    slab->fresh_left -= size;
    return out;
}

static inline void *take(sl_slab *slab, size_t size) {
    size_t list = list_of(size);
    block *b = slab->free[list];
    if (!b) return take_fresh(slab, list);
    slab->free[list] = b->next;
    return b;
}

static inline void give(sl_slab *slab, void *p, size_t size) {
    block *b = p;
    b->next = slab->free[list_of(size)];
    slab->free[list_of(size)] = b;
}

/* At least one of the two sizes is small. */
static void *resize(sl_slab *slab, void *p, size_t old_size, size_t new_size) {
    if (old_size <= SL_SLAB_BLOCK && new_size <= SL_SLAB_BLOCK && list_of(old_size) == list_of(new_size)) return p;
    void *out = new_size <= SL_SLAB_BLOCK ? take(slab, new_size) : malloc(new_size);
    if (!out) return NULL;
    memcpy(out, p, old_size < new_size ? old_size : new_size);
    if (old_size <= SL_SLAB_BLOCK) give(slab, p, old_size);
    else free(p);
    return out;
}

void *sl_slab_alloc(void *self, void *p, size_t old_size, size_t new_size) {
    sl_slab *slab = self;
#ifdef SLAB_BYPASS
    (void)slab;
    old_size = SIZE_MAX;
    if (new_size) return realloc(p, new_size);
#endif
    if (!p) {
        if (new_size == 0) return NULL;
        return new_size <= SL_SLAB_BLOCK ? take(slab, new_size) : malloc(new_size);
    }
    if (new_size == 0) {
        if (old_size <= SL_SLAB_BLOCK) give(slab, p, old_size);
        else free(p);
        return NULL;
    }
    if (old_size > SL_SLAB_BLOCK && new_size > SL_SLAB_BLOCK) return realloc(p, new_size);
    return resize(slab, p, old_size, new_size);
}
