/* Open addressing, at most half full; the names are hashes already. */
#include "data/idset.h"

#include <stdlib.h>
#include <string.h>

#include "data/pick.h"

enum { FIRST_ROOM = 1024, ID_MAX = 1 << 20 };

__extension__ typedef unsigned __int128 wide;

static uint64_t fold(uint64_t a, uint64_t b) {
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(sl_str text) {
    uint64_t sum = 0x9e3779b97f4a7c15u ^ text.len;
    for (uint64_t piece; text.len >= 8; text.ptr += 8, text.len -= 8) {
        memcpy(&piece, text.ptr, 8);
        sum = fold(sum ^ piece, 0xe7037ed1a0b428dbu);
    }
    uint64_t tail = 0;
    memcpy(&tail, text.ptr, text.len);
    sum = fold(sum ^ tail, 0xa0761d6478bd642fu);
    return sum ? sum : 1;
}

uint64_t sl_idset_name(sl_str value) {
    if (value.len < 2 || value.ptr[0] != '"') {
        bool whole = true;
        for (size_t i = 0; i < value.len; i++) whole = whole && (value.ptr[i] == '-' || (value.ptr[i] >= '0' && value.ptr[i] <= '9'));
        return whole ? hash(value) : hash(SL_STR(""));
    }
    sl_str inner = sl_str_make(value.ptr + 1, value.len - 2);
    if (!memchr(inner.ptr, '\\', inner.len)) return hash(inner);
    sl_buf plain;
    sl_buf_init(&plain, ID_MAX);
    uint64_t name = sl_pick_text(value, &plain, NULL) == 0 ? hash(sl_buf_str(&plain)) : hash(SL_STR(""));
    sl_buf_free(&plain);
    return name;
}

/* Its place, or the free one where it belongs. */
static uint64_t *find(const sl_idset *set, uint64_t name) {
    size_t mask = set->room - 1, i = (size_t)name & mask;
    while (set->slots[i] && set->slots[i] != name) i = (i + 1) & mask;
    return &set->slots[i];
}

static int grow(sl_idset *set, sl_err *err) {
    sl_idset more = {.count = set->count, .room = set->room ? set->room * 2 : FIRST_ROOM};
    more.slots = calloc(more.room, sizeof *more.slots);
    if (!more.slots) return sl_fail(err, SL_INTERNAL, 0, "out of memory for the ids of a chunk");
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i]) *find(&more, set->slots[i]) = set->slots[i];
    free(set->slots);
    *set = more;
    return 0;
}

int sl_idset_add(sl_idset *set, uint64_t name, sl_err *err) {
    if (2 * (set->count + 1) > set->room && grow(set, err) < 0) return -1;
    uint64_t *at = find(set, name);
    if (*at) return 0;
    *at = name;
    set->count++;
    return 0;
}

bool sl_idset_meet(const sl_idset *a, const sl_idset *b) {
    if (a->count > b->count) return sl_idset_meet(b, a);
    for (size_t i = 0; a->count && i < a->room; i++)
        if (a->slots[i] && *find(b, a->slots[i])) return true;
    return false;
}

void sl_idset_clear(sl_idset *set) {
    if (set->count) memset(set->slots, 0, set->room * sizeof *set->slots);
    set->count = 0;
}

void sl_idset_free(sl_idset *set) {
    free(set->slots);
    *set = (sl_idset){0};
}
