/* Secrets and their masks.
 *
 * For each secret its forms (raw, URL-encoded, JSON-escaped, base64 at the three places it can start at within a longer
 * text) are made once. Masking marks every occurrence of every form in the text first and replaces the marked runs
 * afterwards, so that secrets which overlap or are prefixes of each other leave nothing behind.
 *
 * JSON in JSON in a log line escapes again what was escaped. What all depths have in common is the text without its
 * backslashes, so a text that has some is searched a second time without them.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/log_part.h"
#include "base/personal.h"

#define SECRETS_MAX 8192 /* at once: 1000 accounts with their tokens, and what configs and scripts hold */
#define FORMS_MAX 64     /* of one secret */
#define SECRET_MIN 4
#define BEHIND_BYTES 256 /* what is looked at behind a cut, for personal data */

typedef struct secret {
    size_t uses; /* how often it was registered */
    size_t count, exact; /* the first `exact` forms are looked for in the text as it is */
    sl_str forms[];      /* owned bytes; the first one is the secret itself */
} secret;

static struct {
    secret **list;
    size_t count, room;
    size_t longest; /* no form was ever longer */
    bool full;      /* that was said */
} known;

/* ---- the forms of one secret ---- */

typedef struct forms {
    sl_str list[FORMS_MAX];
    size_t count, exact;
} forms;

static void add_form(forms *f, sl_str form) {
    if (form.len < SECRET_MIN || f->count == FORMS_MAX) return;
    for (size_t i = 0; i < f->count; i++)
        if (sl_str_eq(f->list[i], form)) return;
    char *copy = sl_str_dup(form);
    if (copy) f->list[f->count++] = sl_str_make(copy, form.len);
}

static bool url_plain(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static void add_url_form(forms *f, sl_str s, const char *hex, bool plus) {
    sl_buf b;
    sl_buf_init(&b, 3 * s.len);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char code[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (plus && c == ' ') sl_buf_put_char(&b, '+', NULL);
        else if (url_plain(c)) sl_buf_put_char(&b, (char)c, NULL);
        else sl_buf_put(&b, code, 3, NULL);
    }
    add_form(f, sl_buf_str(&b));
    sl_buf_free(&b);
}

static void add_url_forms(forms *f, sl_str s) {
    for (int plus = 0; plus < 2; plus++) {
        add_url_form(f, s, "0123456789ABCDEF", plus);
        add_url_form(f, s, "0123456789abcdef", plus);
    }
}

/* The code point at *at, which moves behind it; a byte that is no UTF-8 is itself. */
static uint32_t code_point(sl_str s, size_t *at) {
    unsigned char c = (unsigned char)s.ptr[*at];
    size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    uint32_t code = more ? c & (0x3fu >> more) : c;
    (*at)++;
    for (; more && *at < s.len && ((unsigned char)s.ptr[*at] & 0xc0) == 0x80; more--)
        code = code << 6 | ((unsigned char)s.ptr[(*at)++] & 0x3fu);
    return code;
}

static void put_code(sl_buf *b, uint32_t code, int how) {
    const char *format = how & SL_JSON_UPPER ? "\\u%04X" : "\\u%04x";
    if (code >= 0x10000) {
        sl_buf_printf(b, NULL, format, 0xd800u + ((code - 0x10000) >> 10 & 0x3ffu));
        code = 0xdc00u + (code & 0x3ffu);
    }
    sl_buf_printf(b, NULL, format, code);
}

static void put_json_char(sl_buf *b, unsigned char c, int how) {
    static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *at = c ? strchr(special, c) : NULL;
    if (at) sl_buf_printf(b, NULL, "\\%c", letter[at - special]);
    else if (c == '/' && how & SL_JSON_SLASH) sl_buf_put(b, "\\/", 2, NULL);
    else if (c < 0x20 || (how & SL_JSON_HTML && strchr("<>&", c))) put_code(b, c, how);
    else sl_buf_put_char(b, (char)c, NULL);
}

void sl_log_put_json(sl_buf *b, sl_str text, int how) {
    for (size_t i = 0; i < text.len;) {
        if (how & SL_JSON_ASCII && (unsigned char)text.ptr[i] >= 0x80) put_code(b, code_point(text, &i), how);
        else put_json_char(b, (unsigned char)text.ptr[i++], how);
    }
}

static void add_json_form(forms *f, sl_str s, int how) {
    sl_buf b;
    sl_buf_init(&b, 12 * s.len);
    sl_log_put_json(&b, s, how);
    add_form(f, sl_buf_str(&b));
    sl_buf_free(&b);
}

/* How many bytes at `at` are a backslash, in a URL as well. */
static size_t backslash(sl_str s, size_t at) {
    if (s.ptr[at] == '\\') return 1;
    return s.ptr[at] == '%' && at + 2 < s.len && s.ptr[at + 1] == '5' && (s.ptr[at + 2] | 0x20) == 'c' ? 3 : 0;
}

static void add_bare_form(forms *f, sl_str s, int how) {
    sl_buf json;
    sl_buf_init(&json, 12 * s.len);
    sl_log_put_json(&json, s, how);
    sl_str all = sl_buf_str(&json);
    size_t len = 0;
    for (size_t i = 0, n; i < all.len; i += n ? n : 1)
        if (!(n = backslash(all, i))) json.data[len++] = json.data[i];
    add_form(f, sl_str_make(all.ptr, len));
    sl_buf_free(&json);
}

/* The base64 digits that depend on the secret's bytes alone when it starts at offset `shift` (mod 3). */
static void add_base64_form(forms *f, sl_str s, size_t shift, const char *digits) {
    sl_buf b;
    sl_buf_init(&b, 2 * s.len + 8);
    size_t bits = 8 * (shift + s.len);
    for (size_t at = shift ? 8 * shift + (6 - 8 * shift % 6) % 6 : 0; at + 6 <= bits; at += 6) {
        unsigned value = 0;
        for (size_t bit = at; bit < at + 6; bit++) {
            unsigned char c = (unsigned char)s.ptr[bit / 8 - shift];
            value = value << 1 | ((unsigned)c >> (7 - bit % 8) & 1u);
        }
        sl_buf_put_char(&b, digits[value], NULL);
    }
    add_form(f, sl_buf_str(&b));
    if (b.len >= SECRET_MIN) {
        add_url_form(f, sl_buf_str(&b), "0123456789ABCDEF", false); /* + and / in a query */
        add_url_form(f, sl_buf_str(&b), "0123456789abcdef", false);
    }
    sl_buf_free(&b);
}

static void make_forms(forms *f, sl_str s) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const int ways[] = {0, SL_JSON_ASCII, SL_JSON_ASCII | SL_JSON_UPPER, SL_JSON_HTML, SL_JSON_HTML | SL_JSON_ASCII};
    add_form(f, s);
    add_url_forms(f, s);
    add_json_form(f, s, 0);
    add_json_form(f, s, SL_JSON_SLASH);
    for (size_t shift = 0; shift < 3; shift++) {
        add_base64_form(f, s, shift, plain);
        add_base64_form(f, s, shift, url);
    }
    f->exact = f->count;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) add_bare_form(f, s, ways[i]);
}

/* ---- the secrets ---- */

static void free_forms(sl_str *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char *bytes = (char *)(uintptr_t)list[i].ptr;
        explicit_bzero(bytes, list[i].len);
        free(bytes);
    }
}

static size_t find(sl_str text) {
    for (size_t i = 0; i < known.count; i++)
        if (sl_str_eq(known.list[i]->forms[0], text)) return i;
    return known.count;
}

static bool make_room(void) {
    if (known.count < known.room) return true;
    size_t room = known.room ? 2 * known.room : 64;
    if (room > SECRETS_MAX) return false;
    secret **list = realloc(known.list, room * sizeof *list);
    if (!list) return false;
    known.list = list;
    known.room = room;
    return true;
}

static int say_full(void) {
    if (known.full) return -1;
    known.full = true;
    sl_log(SL_LOG_WARN, "log", "more than %d secrets at once: further ones are not masked", SECRETS_MAX);
    return -1;
}

int sl_log_secret(sl_str text) {
    if (text.len < SECRET_MIN) return -1;
    size_t at = find(text);
    if (at < known.count) {
        known.list[at]->uses++;
        return 0;
    }
    if (!make_room()) return say_full();
    forms f = {.count = 0};
    make_forms(&f, text);
    secret *s = f.count ? calloc(1, sizeof *s + f.count * sizeof s->forms[0]) : NULL;
    if (!s) return free_forms(f.list, f.count), say_full();
    s->uses = 1;
    s->count = f.count;
    s->exact = f.exact;
    memcpy(s->forms, f.list, f.count * sizeof s->forms[0]);
    for (size_t i = 0; i < s->count; i++)
        if (s->forms[i].len > known.longest) known.longest = s->forms[i].len;
    known.list[known.count++] = s;
    return 0;
}

static void remove_at(size_t at) {
    secret *s = known.list[at];
    known.list[at] = known.list[--known.count];
    free_forms(s->forms, s->count);
    free(s);
}

void sl_log_secret_release(sl_str text) {
    size_t at = find(text);
    if (at < known.count && --known.list[at]->uses == 0) remove_at(at);
}

void sl_log_forget(void) {
    while (known.count > 0) remove_at(known.count - 1);
}

/* ---- masks ---- */

/* Marks where a form is in the text; `place` (NULL: the same) says where each byte of it stands in what is marked. */
static bool mark_form(sl_str text, sl_str form, const size_t *place, char *marks) {
    ptrdiff_t at;
    bool found = false;
    for (size_t from = 0; (at = sl_str_find(sl_str_make(text.ptr + from, text.len - from), form)) >= 0;) {
        size_t first = from + (size_t)at, behind = first + form.len;
        size_t begin = place ? place[first] : first, end = place ? place[behind - 1] + 1 : behind;
        memset(marks + begin, 1, end - begin);
        from = first + 1;
        found = true;
    }
    return found;
}

static bool mark_exact(sl_str text, char *marks) {
    bool found = false;
    for (size_t i = 0; i < known.count; i++)
        for (size_t k = 0; k < known.list[i]->exact; k++) found |= mark_form(text, known.list[i]->forms[k], NULL, marks);
    return found;
}

/* The text without backslashes in `bare`, and where each of its bytes stood. Gives its length. */
static size_t strip(sl_str text, char *bare, size_t *place) {
    size_t len = 0;
    for (size_t i = 0, n; i < text.len; i += n ? n : 1) {
        if ((n = backslash(text, i))) continue;
        place[len] = i;
        bare[len++] = text.ptr[i];
    }
    return len;
}

/* A backslash right in front belongs to what is marked: alone it would escape the mask. */
static void widen(sl_str text, char *marks) {
    for (size_t i = text.len; i-- > 1;)
        if (marks[i] && text.ptr[i - 1] == '\\') marks[i - 1] = 1;
}

static int mark_bare(sl_str text, char *marks) {
    int found = 0;
    if (!memchr(text.ptr, '\\', text.len) && sl_str_find(text, SL_STR("%5")) < 0) return 0;
    char *bare = malloc(text.len);
    size_t *place = malloc(text.len * sizeof *place);
    if (bare && place) {
        sl_str stripped = sl_str_make(bare, strip(text, bare, place));
        for (size_t i = 0; i < known.count; i++)
            for (size_t k = 0; k < known.list[i]->count; k++)
                found |= mark_form(stripped, known.list[i]->forms[k], place, marks);
        if (found) widen(text, marks);
    }
    bool failed = !bare || !place;
    if (bare) explicit_bzero(bare, text.len);
    free(bare);
    free(place);
    return failed ? -1 : found;
}

/* Marks every form of every secret in marks, which has a byte for each of text. -1 where there is no memory for it. */
static int mark_secrets(sl_str text, char *marks) {
    if (known.count == 0) return 0;
    bool found = mark_exact(text, marks);
    int more = mark_bare(text, marks);
    return more < 0 ? -1 : found || more;
}

static size_t squeeze(char *text, size_t len, const char *marks) {
    size_t out = 0;
    for (size_t i = 0; i < len;) {
        if (!marks[i]) {
            text[out++] = text[i++];
            continue;
        }
        size_t from = i;
        while (i < len && marks[i]) i++;
        for (size_t star = 0; star < 3 && star < i - from; star++) text[out++] = '*';
    }
    return out;
}

/* Masks in place and gives the new length. Of what does not fit into memory nothing is shown. `shown` is how much of it
 * is kept: what comes behind is only looked at. */
static size_t mask(char *text, size_t len, size_t shown, bool personal) {
    if (len == 0 || (known.count == 0 && !personal)) return shown;
    char *marks = calloc(1, len);
    int found = marks ? mark_secrets(sl_str_make(text, len), marks) : -1;
    if (found < 0) return free(marks), 0;
    if (personal && sl_personal_mark(sl_str_make(text, len), marks)) found = 1;
    if (found) shown = squeeze(text, shown, marks);
    free(marks);
    return shown;
}

void sl_log_mask(sl_buf *text) {
    text->len = mask(text->data, text->len, text->len, false);
}

void sl_log_mask_all(sl_buf *text) {
    text->len = mask(text->data, text->len, text->len, true);
}

void sl_log_mask_cstr(char *text) {
    size_t len = strlen(text);
    text[mask(text, len, len, false)] = '\0';
}

void sl_log_body(sl_buf *out, sl_str body, size_t max_bytes) {
    sl_buf head;
    size_t shown = body.len < max_bytes ? body.len : max_bytes, more = known.longest + BEHIND_BYTES;
    size_t len = body.len - shown < more ? body.len : shown + more;
    sl_buf_init(&head, len);
    if (len && sl_buf_put(&head, body.ptr, len, NULL) == 0)
        sl_buf_put(out, head.data, mask(head.data, head.len, shown, true), NULL);
    sl_buf_free(&head);
}
