/* JSON text to Lua values, in one pass. What costs is Lua's side of it, above all making key strings and growing tables.
 * Products look alike, so the memory keeps the keys as a tree of *places*: the key expected next is compared with the
 * text as it stands, and its string and the size of the table are taken from last time. A wrong guess costs a little
 * time and nothing else, since each guess is compared with the text before it is used. */
#include "bindings/json_parts.h"

#include "data/number.h"
#include "data/scan.h"

enum {
    ROOT = 0,        /* the place of the document itself; as a link it means "none" */
    ELSEWHERE = 1,   /* of values whose key has no place */
    FIRST_PLACE = 2,
    KNOWN_MAX = 128, /* objects with more keys than this are dictionaries: nothing to guess */
    HOPS = 6,        /* how far along the expected keys to look */
    BATCH = 64,      /* elements on the stack before they move into their table */
    STACK_STEP = 400, /* stack slots to ask for at once */
    MISSES_MAX = 100000,
    WORD_BYTES = 24,
    LUCK_MIN = -16, LUCK_MAX = 64, LUCK_FOUND = 4 /* one string in five found keeps a place looking */
};

typedef struct reader {
    lua_State *L;
    const char *end;
    json_memory *memory;
    int memory_idx, array_idx, words_idx; /* on the stack */
    int room;                             /* stack slots that are surely free */
    sl_scan_fault *fault;
} reader;

JSON_CALL static const char *read_object(reader *r, const char *p, int depth_left, unsigned place);
JSON_CALL static const char *read_array(reader *r, const char *p, int depth_left, unsigned place);

/* Takes `slots` of the Lua stack; room_give() gives them back. Lua is asked for many at once. */
static inline bool room_take(reader *r, int slots) {
    if (r->room < slots) {
        if (!lua_checkstack(r->L, STACK_STEP)) return false;
        r->room = STACK_STEP;
    }
    r->room -= slots;
    return true;
}

static inline void room_give(reader *r, int slots) {
    r->room += slots;
}

/* ---- strings ---- */

static inline uint64_t load8(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The word of these bytes, of which `room` may be read. False where it is too long or too close to the end. */
static inline bool word_of(const char *p, size_t len, size_t room, json_word *word) {
    if (len > WORD_BYTES || room < 8) return false;
    *word = (json_word){{load8(p), 0, 0}, (uint32_t)len + 1, 0};
    if (len < 8) word->part[0] &= (UINT64_C(1) << 8 * len) - 1;
    else word->part[2] = load8(p + len - 8);
    if (len > 16) word->part[1] = load8(p + 8);
    return true;
}

static inline unsigned word_hash(const json_word *w) {
    uint64_t h = (w->part[0] ^ w->part[1] * 3 ^ (w->part[2] << 7 | w->part[2] >> 57)) + w->len;
    return (unsigned)(h * UINT64_C(0x9E3779B97F4A7C15) >> 55);
}

static inline bool word_same(const json_word *a, const json_word *b) {
    return ((a->part[0] ^ b->part[0]) | (a->part[1] ^ b->part[1]) | (a->part[2] ^ b->part[2]) | (a->len ^ b->len)) == 0;
}

/* Pushes a string by way of the words: vendors, tags and units repeat, and making a Lua string costs a pass over it. */
static void push_word(reader *r, sl_str text, const json_word *word, json_place *place) {
    unsigned at = word_hash(word);
    json_word *known = &r->memory->word[at];
    if (word_same(known, word)) {
        lua_getiuservalue(r->L, r->words_idx, (int)at + 1);
        known->found = 1;
        if (place->luck < LUCK_MAX) place->luck += LUCK_FOUND;
        return;
    }
    lua_pushlstring(r->L, text.ptr, text.len);
    place->luck--;
    if (known->found) {
        known->found = 0;
        return;
    }
    lua_pushvalue(r->L, -1);
    lua_setiuservalue(r->L, r->words_idx, (int)at + 1);
    *known = *word;
}

static inline void push_text(reader *r, sl_str text, unsigned place_at) {
    json_place *place = &r->memory->place[place_at];
    json_word word;
    if (place->luck > LUCK_MIN && word_of(text.ptr, text.len, (size_t)(r->end - text.ptr), &word))
        push_word(r, text, &word, place);
    else lua_pushlstring(r->L, text.ptr, text.len);
}

/* A string with escapes or beyond ASCII; `at` is where its plain start ends. */
static const char *read_string_slow(reader *r, const char *p, const char *at, unsigned place) {
    bool escaped = false;
    const char *after = sl_scan_string_rest(at, r->end, &escaped, r->fault);
    if (!after) return NULL;
    sl_str inner = {p, (size_t)(after - 1 - p)};
    if (!escaped) {
        push_text(r, inner, place);
        return after;
    }
    sl_buf *scratch = &r->memory->scratch;
    if (sl_buf_reserve(scratch, inner.len, NULL) < 0) return sl_scan_stop(r->fault, p, "out of memory for this string");
    lua_pushlstring(r->L, scratch->data, sl_scan_unescape_into(inner, scratch->data));
    if (scratch->cap > JSON_SCRATCH_KEPT) sl_buf_free(scratch);
    return after;
}

/* p is behind the opening quote. */
static JSON_INLINE const char *read_string(reader *r, const char *p, unsigned place) {
    const char *at = sl_scan_plain(p, r->end);
    if (at == r->end || *at != '"') return read_string_slow(r, p, at, place);
    push_text(r, sl_str_make(p, (size_t)(at - p)), place);
    return at + 1;
}

/* ---- keys ---- */

static inline bool place_matches(const json_place *place, const char *p, const char *end) {
#ifdef __SSE2__
    if (place->len <= 16 && end - p >= 16) {
        __m128i want = _mm_loadu_si128((const __m128i *)(const void *)place->text);
        __m128i have = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(want, have));
        unsigned all = (1u << place->len) - 1;
        return (same & all) == all;
    }
#endif
    return end - p >= place->len && memcmp(place->text, p, place->len) == 0;
}

/* Remembers the key on top of the stack, written as `text` in the document, after `last` among the keys of `owner`. */
static unsigned place_add(reader *r, sl_str text, unsigned owner, unsigned last) {
    json_memory *m = r->memory;
    if (text.len > JSON_PLACE_TEXT || m->place[owner].known >= KNOWN_MAX) return 0;
    if (m->places == JSON_PLACES) {
        m->misses++;
        return 0;
    }
    unsigned at = m->places++;
    json_place *place = &m->place[at];
    uint16_t *link = last ? &m->place[last].next : &m->place[owner].child;
    *place = (json_place){.next = *link, .len = (uint8_t)text.len};
    memcpy(place->text, text.ptr, text.len);
    *link = (uint16_t)at;
    m->place[owner].known++;
    lua_pushvalue(r->L, -1);
    lua_setiuservalue(r->L, r->memory_idx, (int)at);
    return at;
}

/* A key that was not expected. *at is the place of its value then, *last the one to go on from. */
static const char *read_new_key(reader *r, const char *p, unsigned owner, unsigned *last, unsigned *at) {
    if (p == r->end || *p != '"') return sl_scan_stop(r->fault, p, "expected a key in double quotes");
    const char *start = p;
    if (!(p = read_string(r, p + 1, ELSEWHERE))) return NULL;
    sl_str text = {start, (size_t)(p - start) + 1};
    bool tight = p < r->end && *p == ':';
    p = sl_scan_blank(p, r->end);
    if (p == r->end || *p != ':') return sl_scan_stop(r->fault, p, "expected ':' after the key");
    unsigned added = tight ? place_add(r, text, owner, *last) : 0;
    if (added) *last = added;
    *at = added ? added : ELSEWHERE;
    return p + 1;
}

/* Pushes the key at p; returns the byte after its colon. */
static JSON_INLINE const char *read_key(reader *r, const char *p, unsigned owner, unsigned *last, unsigned *at) {
    const json_place *places = r->memory->place;
    unsigned guess = *last ? places[*last].next : places[owner].child;
    for (int hop = 0; guess && hop < HOPS; hop++, guess = places[guess].next) {
        if (!place_matches(&places[guess], p, r->end)) continue;
        lua_getiuservalue(r->L, r->memory_idx, (int)guess);
        *last = *at = guess;
        return p + places[guess].len;
    }
    return read_new_key(r, p, owner, last, at);
}

/* ---- values ---- */

static const char *read_number(reader *r, const char *p) {
    sl_number n;
    const char *after = sl_number_read(p, r->end, &n, r->fault);
    if (!after) return NULL;
    if (n.kind == SL_NUMBER_INT) lua_pushinteger(r->L, n.i);
    else if (n.kind == SL_NUMBER_DOUBLE) lua_pushnumber(r->L, n.d);
    else json_number_push(r->L, sl_str_make(p, (size_t)(after - p)));
    return after;
}

static const char *read_word(reader *r, const char *p) {
    const char *after = sl_scan_word(p, r->end, r->fault);
    if (!after) return NULL;
    if (*p == 'n') lua_pushlightuserdata(r->L, NULL);
    else lua_pushboolean(r->L, *p == 't');
    return after;
}

static JSON_INLINE const char *read_value(reader *r, const char *p, int depth_left, unsigned place) {
    if (p == r->end) return sl_scan_no_value(p, r->end, r->fault);
    switch (*p) {
    case '"':
        return read_string(r, p + 1, place);
    case '{':
        return depth_left > 0 ? read_object(r, p, depth_left - 1, place) : sl_scan_stop(r->fault, p, sl_scan_too_deep);
    case '[':
        return depth_left > 0 ? read_array(r, p, depth_left - 1, place) : sl_scan_stop(r->fault, p, sl_scan_too_deep);
    case 't': case 'f': case 'n':
        return read_word(r, p);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return read_number(r, p);
    default:
        return sl_scan_no_value(p, r->end, r->fault);
    }
}

/* ---- objects ---- */

/* Room to make at once: as many members as last time, but no more than the text can hold. */
static int members_expected(const reader *r, const char *p, unsigned place) {
    ptrdiff_t most = (r->end - p) / 5 + 1; /* "":0, */
    int guess = r->memory->place[place].members;
    return guess < most ? guess : (int)most;
}

static const char *read_object(reader *r, const char *p, int depth_left, unsigned place) {
    lua_State *L = r->L;
    if (!room_take(r, 4)) return sl_scan_stop(r->fault, p, sl_scan_too_deep);
    p = sl_scan_blank(p + 1, r->end);
    if (p < r->end && *p == '}') {
        lua_createtable(L, 0, 0);
        room_give(r, 4);
        return p + 1;
    }
    lua_createtable(L, 0, members_expected(r, p, place));
    unsigned last = 0, at = 0, members = 1;
    for (;; members++) {
        if (!(p = read_key(r, p, place, &last, &at))) return NULL;
        p = sl_scan_blank(p, r->end);
        if (!(p = read_value(r, p, depth_left, at))) return NULL;
        lua_rawset(L, -3);
        p = sl_scan_blank(p, r->end);
        if (p < r->end && *p == '}') break;
        if (p == r->end || *p != ',') return sl_scan_stop(r->fault, p, "expected ',' or '}'");
        p = sl_scan_blank(p + 1, r->end);
    }
    r->memory->place[place].members = (uint16_t)(members < UINT16_MAX ? members : UINT16_MAX);
    room_give(r, 4);
    return p + 1;
}

/* ---- arrays ---- */

/* Moves the `pending` values above `slot` into the array there, which is made to measure if it is not there yet. */
static void array_flush(lua_State *L, int slot, lua_Integer stored, int pending) {
    if (stored == 0) {
        lua_createtable(L, pending, 0);
        lua_replace(L, slot);
        for (int i = pending; i > 0; i--) lua_rawseti(L, slot, i);
        return;
    }
    for (int i = 1; i <= pending; i++) { /* upwards, so that the array part grows and not the hash */
        lua_pushvalue(L, slot + i);
        lua_rawseti(L, slot, stored + i);
    }
    lua_settop(L, slot);
}

static const char *read_elements(reader *r, const char *p, int slot, int depth_left, unsigned place) {
    lua_Integer stored = 0;
    for (int pending = 1;; pending++) {
        if (!(p = read_value(r, p, depth_left, place))) return NULL;
        p = sl_scan_blank(p, r->end);
        bool last = p < r->end && *p == ']';
        if (last || pending == BATCH) {
            array_flush(r->L, slot, stored, pending);
            stored += pending;
            pending = 0;
        }
        if (last) return p + 1;
        if (p == r->end || *p != ',') return sl_scan_stop(r->fault, p, "expected ',' or ']'");
        p = sl_scan_blank(p + 1, r->end);
    }
}

static const char *read_array(reader *r, const char *p, int depth_left, unsigned place) {
    lua_State *L = r->L;
    if (!room_take(r, BATCH + 4)) return sl_scan_stop(r->fault, p, sl_scan_too_deep);
    p = sl_scan_blank(p + 1, r->end);
    if (p < r->end && *p == ']') {
        lua_createtable(L, 0, 0);
        p++;
    } else {
        lua_pushnil(L); /* the array's slot */
        if (!(p = read_elements(r, p, lua_gettop(L), depth_left, place))) return NULL;
    }
    lua_pushvalue(L, r->array_idx);
    lua_setmetatable(L, -2);
    room_give(r, BATCH + 4);
    return p;
}

/* Starts over when documents of today look unlike those that filled the memory. Never in mid-document. */
static void places_refresh(json_memory *m) {
    if (m->places >= FIRST_PLACE && m->misses < MISSES_MAX) return;
    m->place[ROOT] = m->place[ELSEWHERE] = (json_place){0};
    m->places = FIRST_PLACE;
    m->misses = 0;
}

int json_read(lua_State *L, sl_str text, int max_depth, sl_err *err) {
    int top = lua_gettop(L);
    luaL_checkstack(L, 8, "json");
    json_memory *m = json_memory_push(L);
    lua_getiuservalue(L, top + 1, JSON_ARRAY_SLOT);
    lua_getiuservalue(L, top + 1, JSON_WORDS_SLOT);
    places_refresh(m);
    sl_scan_fault fault;
    reader r = {L, text.ptr + text.len, m, top + 1, top + 2, top + 3, 0, &fault};
    const char *p = read_value(&r, sl_scan_blank(text.ptr, r.end), max_depth, ROOT);
    if (p && (p = sl_scan_blank(p, r.end)) != r.end) p = sl_scan_stop(&fault, p, "expected the end of the text");
    if (!p) {
        lua_settop(L, top);
        return sl_scan_fail(err, text, &fault);
    }
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return 0;
}

int slb_json_push(lua_State *L, sl_str text, sl_err *err) {
    return json_read(L, text, SL_SCAN_DEPTH, err);
}
