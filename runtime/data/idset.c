/* A list while it grows, which costs next to nothing in the middle of other work; when it is asked, a table with open
 * addressing, at most two thirds full. The names are hashes already. */
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

int sl_idset_add(sl_idset *set, uint64_t name, sl_err *err) {
    if (set->count == set->room) {
        size_t room = set->room ? set->room * 2 : FIRST_ROOM;
        uint64_t *names = realloc(set->names, room * sizeof *names);
        if (!names) return sl_fail(err, SL_INTERNAL, 0, "out of memory for the ids of a chunk");
        set->names = names;
        set->room = room;
    }
    set->names[set->count++] = name;
    return 0;
}

/* Its place, or the free one where it belongs. */
static uint64_t *find(const sl_idset *set, uint64_t name) {
    size_t mask = set->slot_count - 1, i = (size_t)name & mask;
    while (set->slots[i] && set->slots[i] != name) i = (i + 1) & mask;
    return &set->slots[i];
}

static bool make_slots(sl_idset *set) {
    size_t want = FIRST_ROOM;
    while (want < set->count + set->count / 2) want *= 2;
    if (want > set->slot_count) {
        free(set->slots);
        set->slots = calloc(want, sizeof *set->slots);
        set->slot_count = set->slots ? want : 0;
        set->found = 0;
    }
    for (; set->slots && set->found < set->count; set->found++) *find(set, set->names[set->found]) = set->names[set->found];
    return set->slots != NULL;
}

bool sl_idset_meet(sl_idset *a, sl_idset *b) {
    if (a->count > b->count) return sl_idset_meet(b, a);
    if (a->count == 0) return false;
    if (!make_slots(b)) return true;
    for (size_t i = 0; i < a->count; i++)
        if (*find(b, a->names[i])) return true;
    return false;
}

void sl_idset_clear(sl_idset *set) {
    if (set->found) memset(set->slots, 0, set->slot_count * sizeof *set->slots);
    set->count = set->found = 0;
}

void sl_idset_free(sl_idset *set) {
    free(set->names);
    free(set->slots);
    *set = (sl_idset){0};
}
