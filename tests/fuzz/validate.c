/* A differential fuzzer of validation. Records are damaged, and then judged by everything that judges JSON here: data/scan
 * (which is the reference), data/valid with every variant of data/simd that this machine has, the table decoder, and
 * lua-cjson where that is exact. All must agree; where the text is JSON, so must the places of its members.
 *
 *   fuzz_validate SECONDS SEED [EXECUTIONS]      the same seed does the same things; prints what it did, and a finding
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bindings/slb.h"
#include "data/ndjson.h"
#include "data/scan.h"
#include "data/utf8.h"
#include "data/valid.h"

int luaopen_sluice_json(lua_State *L);

enum { VARIANTS = 4, SEEDS = 64, LINES = 5, TEXT_BYTES = 64 << 10, MUTATIONS = 4 };

typedef struct bytes {
    char *data;
    size_t len, room;
} bytes;

typedef struct variant {
    const char *name;
    sl_valid valid;
    sl_indexes indexes;
} variant;

typedef struct fuzz {
    lua_State *L;
    uint64_t random;
    bytes seeds[SEEDS];
    size_t seed_count;
    variant variants[VARIANTS];
    size_t variant_count;
    sl_indexes indexes;
    uint64_t executions, valid, lines;
} fuzz;

static uint32_t pick(fuzz *f, size_t n) { /* xorshift64* */
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return (uint32_t)((f->random * UINT64_C(0x2545F4914F6CDD1D) >> 33) % n);
}

static void reserve(bytes *b, size_t len) {
    if (len <= b->room) return;
    b->room = 2 * len;
    b->data = realloc(b->data, b->room);
    sl_assert(b->data);
}

/* Takes `cut` bytes out at `at`, puts others there. */
static void splice(bytes *b, size_t at, size_t cut, const char *put, size_t len) {
    if (b->len - cut + len > TEXT_BYTES) return;
    reserve(b, b->len - cut + len + 1);
    memmove(b->data + at + len, b->data + at + cut, b->len - at - cut);
    memcpy(b->data + at, put, len);
    b->len = b->len - cut + len;
}

/* ---- damage ---- */

static const char *const pieces[] = {
    "\"", "\\", "{", "}", "[", "]", ",", ":", "-", ".", "e", "E", "+", "0", "1", "9", " ", "\t", "\r", "\x1f", "\x7f",
    "\x01", "\\u", "\\u00e9", "\\ud83d\\ude00", "\\ud800", "\\udc00", "\\uD83D\\uD83D", "\\u12g4", "\\\\", "\\\"", "\\/",
    "\\n", "\\x", "\\\\\\", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3\xa9", "\xe0\x9f\xbf", "\xe2\x82\xac",
    "\xe2\x82", "\xed\xa0\x80", "\xed\x9f\xbf", "\xef\xbb\xbf", "\xf0\x9f\x98\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
    "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "true", "false", "null", "tru", "nul", "True", "NaN",
    "-0", "00", "01", "1.", ".5", "1e", "1e+", "1E-5", "-", "--1", "0x1", "1.5.5", "12345678", "123456789", "1234567.8",
    "18446744073709551616", "0.00000001", "{}", "[]", "[[", "{\"a\":", "\"\"", "\"a\":1,", ",,", ":,", "'", "/*",
    "\"a\"\"b\"", "\"a\"1", "1\"a\"", "truefalse", "\x0c", "\x1a", "\f,", "\x0b"
};

static void piece(fuzz *f, bytes *b, size_t at, size_t cut) {
    const char *p = pieces[pick(f, sizeof pieces / sizeof *pieces)];
    splice(b, at, cut, p, strlen(p));
}

/* Moves all that is behind by up to a block, so that every fault is seen at every place of a vector. */
static void pad(fuzz *f, bytes *b, size_t at) {
    char fill[SL_SIMD_BLOCK];
    memset(fill, pick(f, 3) ? ' ' : 'x', sizeof fill);
    splice(b, at, 0, fill, 1 + pick(f, sizeof fill));
}

static void cross(fuzz *f, bytes *b, size_t at) {
    const bytes *other = &f->seeds[pick(f, f->seed_count)];
    size_t from = pick(f, other->len), len = pick(f, other->len - from + 1);
    splice(b, at, pick(f, b->len - at + 1), other->data + from, len);
}

static void damage(fuzz *f, bytes *b) {
    size_t at = pick(f, b->len + 1), left = b->len - at;
    char byte = (char)pick(f, 256), twice[200];
    switch (pick(f, 9)) {
    case 0: case 1: case 2: piece(f, b, at, 0); break;
    case 3: piece(f, b, at, left > 0); break;
    case 4: splice(b, at, left > 0, &byte, 1); break;
    case 5: splice(b, at, left ? pick(f, left < 20 ? left : 20) : 0, "", 0); break;
    case 6: pad(f, b, at); break;
    case 7:
        if (left > sizeof twice) left = sizeof twice;
        memcpy(twice, b->data + at, left);
        splice(b, at, 0, twice, left);
        break;
    default:
        if (pick(f, 2)) cross(f, b, at);
        else b->len = at;
    }
}

/* A seed, mostly damaged, without line ends: those are the splitter's. */
static void make(fuzz *f, bytes *b) {
    const bytes *seed = &f->seeds[pick(f, f->seed_count)];
    b->len = 0;
    splice(b, 0, 0, seed->data, seed->len);
    for (uint32_t n = pick(f, MUTATIONS + 1); n > 0; n--) damage(f, b);
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] == '\n') b->data[i] = '\r';
}

/* ---- judges ---- */

static void finding(const fuzz *f, const char *who, sl_str text, const char *why) {
    printf("FINDING by %s after %llu executions: %s\n", who, (unsigned long long)f->executions, why);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= ' ' && c < 0x7F) putchar(c);
        else printf("<%02X>", c);
    }
    printf("\n");
    exit(1);
}

static sl_str trim(sl_str s) {
    const char *end = s.ptr + s.len, *p = sl_scan_blank(s.ptr, end);
    while (end > p && sl_scan_blank(end - 1, end) == end) end--;
    return sl_str_make(p, (size_t)(end - p));
}

/* The reference: recursion, byte by byte. */
static bool scan(sl_str text, sl_scan_fault *fault) {
    const char *end = text.ptr + text.len, *stop = sl_scan_value(text.ptr, end, SL_SCAN_DEPTH, fault);
    if (stop && stop != end) fault->reason = "more behind it";
    return stop == end;
}

static void compare_members(fuzz *f, const variant *v, const sl_index *x, sl_str text) {
    sl_record r = {.text = (char *)(uintptr_t)text.ptr, .len = (uint32_t)text.len, .serial = sl_indexes_serial(&f->indexes)};
    const sl_index *y = sl_index_of(&f->indexes, &r, 0, NULL);
    if (x->object != y->object || x->count != y->count || x->stop != y->stop) finding(f, v->name, text, "other members");
    for (size_t i = 0; i < x->count; i++) {
        const sl_member *a = &x->members[i], *b = &y->members[i];
        if (a->key != b->key || a->key_len != b->key_len || a->at != b->at || a->end != b->end || a->escaped != b->escaped)
            finding(f, v->name, text, "a member is elsewhere");
    }
}

/* In memory that ends with the text, and in memory with anything behind it. */
static void judge_variant(fuzz *f, variant *v, sl_str text, bool good) {
    char *exact = malloc(text.len), *slack = malloc(text.len + SL_SIMD_BLOCK);
    sl_assert(exact && slack);
    memcpy(exact, text.ptr, text.len);
    memcpy(slack, text.ptr, text.len);
    for (size_t i = 0; i < SL_SIMD_BLOCK; i++) slack[text.len + i] = (char)pick(f, 256);
    for (int s = 0; s < 2; s++) {
        sl_index *x = sl_indexes_line(&v->indexes);
        v->valid.slack = s;
        if (sl_valid_text(&v->valid, sl_str_make(s ? slack : exact, text.len), x) != good)
            finding(f, v->name, text, good ? "refused what is JSON" : "took what is no JSON");
        if (good) compare_members(f, v, x, text);
    }
    free(exact);
    free(slack);
}

static void judge_decoder(fuzz *f, sl_str text, bool good) {
    sl_err err;
    bool taken = slb_json_push(f->L, text, &err) == 0;
    lua_settop(f->L, 0);
    if (taken != good) finding(f, "the table decoder", text, good ? err.msg : "took what is no JSON");
}

/* lua-cjson takes bad UTF-8, controls and lone surrogates in strings, and numbers as strtod has them. */
static bool cjson_is_exact(sl_str text, const sl_scan_fault *fault, bool good) {
    if (!good && strstr(fault->reason, "expected a digit")) return false;
    if (sl_utf8_check(text) >= 0) return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F) return false;
        if (text.len - i > 2 && text.ptr[i] == '\\' && text.ptr[i + 1] == 'u' && (text.ptr[i + 2] | 0x20) == 'd') return false;
    }
    return true;
}

static void judge_cjson(fuzz *f, sl_str text, bool good) {
    lua_getfield(f->L, LUA_REGISTRYINDEX, "cjson.decode");
    lua_pushlstring(f->L, text.ptr, text.len);
    bool taken = lua_pcall(f->L, 1, 1, 0) == LUA_OK;
    if (taken != good) finding(f, "lua-cjson", text, taken ? "took what is no JSON" : lua_tostring(f->L, -1));
    lua_settop(f->L, 0);
}

/* Whether it is JSON; all agree on that. */
static bool judge(fuzz *f, sl_str line) {
    sl_scan_fault fault = {NULL, ""};
    sl_str text = trim(line);
    bool good = scan(text, &fault), container = text.len > 0 && (*text.ptr == '{' || *text.ptr == '[');
    for (size_t i = 0; container && i < f->variant_count; i++) judge_variant(f, &f->variants[i], text, good);
    judge_decoder(f, text, good);
    if (cjson_is_exact(text, &fault, good)) judge_cjson(f, text, good);
    f->executions++;
    f->valid += good;
    return good;
}

/* ---- lines together ---- */

/* A line that the splitter gives; `first` is line 1, which may have lost a byte order mark. */
static void judge_line(fuzz *f, variant *v, const sl_line *line, const bytes *first, const bool good[LINES]) {
    sl_str text = trim(line->text);
    bool container = text.len > 0 && (*text.ptr == '{' || *text.ptr == '[');
    bool mark = line->number == 1 && sl_str_starts(sl_str_make(first->data, first->len), SL_STR("\xEF\xBB\xBF"));
    v->valid.slack = true;
    bool taken = sl_valid_text(&v->valid, text, sl_indexes_line(&v->indexes));
    if (container && !mark && taken != good[line->number - 1]) finding(f, v->name, text, "judged otherwise among other lines");
    f->lines++;
}

/* Lines, good and bad, in pieces of any length: each is what it was alone. */
static void judge_lines(fuzz *f, bytes lines[LINES], const bool good[LINES]) {
    static bytes all;
    sl_ndjson s;
    sl_ndjson_init(&s, SL_NDJSON_LINE);
    all.len = 0;
    for (int i = 0; i < LINES; i++) {
        reserve(&all, all.len + lines[i].len + 1);
        memcpy(all.data + all.len, lines[i].data, lines[i].len);
        all.len += lines[i].len;
        all.data[all.len++] = '\n';
    }
    variant *v = &f->variants[pick(f, f->variant_count)];
    for (size_t fed = 0; fed < all.len;) {
        size_t n = 1 + pick(f, all.len - fed);
        sl_ndjson_feed(&s, sl_str_make(all.data + fed, n), NULL);
        fed += n;
        for (sl_line line; sl_ndjson_next(&s, &line);) judge_line(f, v, &line, &lines[0], good);
    }
    sl_ndjson_free(&s);
}

/* ---- the run ---- */

static void load_seeds(fuzz *f) {
    if (luaL_dofile(f->L, "tests/fuzz/seeds.lua") != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(f->L, -1));
        exit(2);
    }
    for (lua_Integer i = 1; f->seed_count < SEEDS && lua_rawgeti(f->L, 1, i) == LUA_TSTRING; i++) {
        size_t len;
        const char *text = lua_tolstring(f->L, -1, &len);
        splice(&f->seeds[f->seed_count++], 0, 0, text, len);
        lua_settop(f->L, 1);
    }
    lua_settop(f->L, 0);
}

static void load_lua(fuzz *f) {
    f->L = luaL_newstate();
    sl_assert(f->L);
    luaL_openlibs(f->L);
    luaL_requiref(f->L, "sluice.json", luaopen_sluice_json, 0);
    const char *cjson = "local c = require('cjson').new() c.decode_max_depth(512) c.decode_invalid_numbers(false) return c.decode";
    if (luaL_dostring(f->L, cjson) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(f->L, -1));
        exit(2);
    }
    lua_setfield(f->L, LUA_REGISTRYINDEX, "cjson.decode");
    lua_settop(f->L, 0);
}

static void load_variants(fuzz *f) {
    static const char *const names[] = {"avx512", "avx2", "sse42", "neon"};
    for (size_t i = 0; i < VARIANTS; i++) {
        sl_simd_marks *marks = sl_simd_named(names[i]);
        if (marks) f->variants[f->variant_count++] = (variant){.name = names[i], .valid.marks = marks};
    }
    if (f->variant_count == 0) {
        fprintf(stderr, "this machine has no vectors: nothing to compare\n");
        exit(2);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const fuzz *f, double seconds) {
    double executions = (double)f->executions, share = 100 * (double)f->valid / executions;
    printf("%.0f executions in %.0f s (%.0f/s), %.1f %% of them JSON, %.0f lines together; variants:", executions, seconds,
           executions / seconds, share, (double)f->lines);
    for (size_t i = 0; i < f->variant_count; i++) printf(" %s", f->variants[i].name);
    printf("; no finding\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    static fuzz f;
    static bytes lines[LINES];
    if (argc < 3) return fprintf(stderr, "usage: fuzz_validate SECONDS SEED [EXECUTIONS]\n"), 2;
    double seconds = strtod(argv[1], NULL), start = now(), told = start;
    uint64_t most = argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX;
    f.random = strtoull(argv[2], NULL, 10) * 2 + 1;
    load_lua(&f);
    load_seeds(&f);
    load_variants(&f);
    while (f.executions < most && (f.executions % 1000 || now() - start < seconds)) {
        bool good[LINES];
        for (int i = 0; i < LINES; i++) {
            make(&f, &lines[i]);
            good[i] = judge(&f, sl_str_make(lines[i].data, lines[i].len));
        }
        judge_lines(&f, lines, good);
        if (f.executions % 1000 || now() - told < 60) continue;
        told = now();
        report(&f, told - start);
    }
    report(&f, now() - start);
    return 0;
}
