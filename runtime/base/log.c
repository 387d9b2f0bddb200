/* Log lines and masks.
 *
 * For each secret its forms (raw, URL-encoded, JSON-escaped, base64 at the three places it can start at within a
 * longer text) are made once. Masking marks every occurrence of every form in the text first and replaces the marked
 * runs afterwards, so that secrets which overlap or are prefixes of each other leave nothing behind.
 */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES (64 * 1024)
#define TEXT_MAX_BYTES (256u << 20)
#define FORMS_MAX 4096
#define SECRET_MIN 4

static struct {
    sl_log_level level;
    bool json;
    char status[256];
    size_t status_len;
    sl_str forms[FORMS_MAX]; /* owned bytes */
    size_t form_count;
} state = {.level = SL_LOG_WARN};

/* ---- secrets ---- */

static void add_form(const char *bytes, size_t len) {
    sl_str form = sl_str_make(bytes, len);
    if (len < SECRET_MIN || state.form_count == FORMS_MAX) return;
    for (size_t i = 0; i < state.form_count; i++)
        if (sl_str_eq(state.forms[i], form)) return;
    char *copy = sl_str_dup(form);
    if (copy) state.forms[state.form_count++] = sl_str_make(copy, len);
}

static bool url_plain(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
}

static void add_url_form(sl_str s, const char *hex, bool plus) {
    sl_buf b;
    sl_buf_init(&b, 3 * s.len);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char code[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (plus && c == ' ') sl_buf_put_char(&b, '+', NULL);
        else if (c && url_plain(c)) sl_buf_put_char(&b, (char)c, NULL);
        else sl_buf_put(&b, code, 3, NULL);
    }
    add_form(b.data, b.len);
    sl_buf_free(&b);
}

static void put_json_char(sl_buf *b, unsigned char c, bool escape_slash) {
    static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *at = c ? strchr(special, c) : NULL;
    if (at) sl_buf_printf(b, NULL, "\\%c", letter[at - special]);
    else if (c == '/' && escape_slash) sl_buf_put(b, "\\/", 2, NULL);
    else if (c < 0x20) sl_buf_printf(b, NULL, "\\u%04x", c);
    else sl_buf_put_char(b, (char)c, NULL);
}

static void add_json_form(sl_str s, bool escape_slash) {
    sl_buf b;
    sl_buf_init(&b, 6 * s.len);
    for (size_t i = 0; i < s.len; i++) put_json_char(&b, (unsigned char)s.ptr[i], escape_slash);
    add_form(b.data, b.len);
    sl_buf_free(&b);
}

/* The base64 digits that depend on the secret's bytes alone when it starts at offset `shift` (mod 3). */
static void add_base64_form(sl_str s, size_t shift, const char *digits) {
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
    add_form(b.data ? b.data : "", b.len);
    sl_buf_free(&b);
}

int sl_log_secret(sl_str secret) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (secret.len < SECRET_MIN) return -1;
    add_form(secret.ptr, secret.len);
    for (int plus = 0; plus < 2; plus++) {
        add_url_form(secret, "0123456789ABCDEF", plus);
        add_url_form(secret, "0123456789abcdef", plus);
    }
    add_json_form(secret, false);
    add_json_form(secret, true);
    for (size_t shift = 0; shift < 3; shift++) {
        add_base64_form(secret, shift, plain);
        add_base64_form(secret, shift, url);
    }
    return 0;
}

void sl_log_forget(void) {
    for (size_t i = 0; i < state.form_count; i++) free((void *)(uintptr_t)state.forms[i].ptr);
    state.form_count = 0;
}

/* Marks what must not be seen; NULL where there is nothing (or no memory, see sl_log_mask). */
static char *mark_secrets(sl_str text, bool *found) {
    char *marks = NULL;
    *found = false;
    for (size_t i = 0; i < state.form_count; i++) {
        sl_str form = state.forms[i];
        ptrdiff_t at;
        for (size_t from = 0; (at = sl_str_find(sl_str_make(text.ptr + from, text.len - from), form)) >= 0;) {
            *found = true;
            if (!marks && !(marks = calloc(1, text.len))) return NULL;
            memset(marks + from + (size_t)at, 1, form.len);
            from += (size_t)at + 1;
        }
    }
    return marks;
}

static size_t squeeze(char *text, size_t len, const char *marks) {
    size_t out = 0;
    for (size_t i = 0; i < len;) {
        if (!marks[i]) {
            text[out++] = text[i++];
            continue;
        }
        while (i < len && marks[i]) i++;
        for (int star = 0; star < 3; star++) text[out++] = '*'; /* a form has at least four bytes */
    }
    return out;
}

void sl_log_mask(sl_buf *text) {
    bool found;
    if (text->len == 0 || state.form_count == 0) return;
    char *marks = mark_secrets(sl_buf_str(text), &found);
    if (found) text->len = marks ? squeeze(text->data, text->len, marks) : 0;
    free(marks);
}

void sl_log_mask_cstr(char *text) {
    bool found;
    size_t len = strlen(text);
    if (len == 0 || state.form_count == 0) return;
    char *marks = mark_secrets(sl_str_make(text, len), &found);
    if (found) text[marks ? squeeze(text, len, marks) : 0] = '\0';
    free(marks);
}

/* ---- lines ---- */

void sl_log_setup(sl_log_level level, bool json) {
    state.level = level;
    state.json = json;
}

sl_log_level sl_log_level_get(void) {
    return state.level;
}

bool sl_log_on(sl_log_level level) {
    return level <= state.level;
}

static void write_all(const char *p, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, p, len);
        if (n <= 0) return; /* nobody is listening: a log must not stop the work */
        p += n;
        len -= (size_t)n;
    }
}

static void write_above_status(const sl_buf *b) {
    if (state.status_len) write_all("\r\033[K", 4);
    write_all(b->data, b->len);
    if (state.status_len) write_all(state.status, state.status_len);
}

void sl_log_print(sl_str text) {
    sl_buf b;
    sl_buf_init(&b, TEXT_MAX_BYTES);
    if (sl_buf_put_str(&b, text, NULL) == 0) {
        sl_log_mask(&b);
        write_above_status(&b);
    }
    sl_buf_free(&b);
}

void sl_log_status(sl_str line) {
    if (state.status_len) write_all("\r\033[K", 4);
    size_t len = line.len < sizeof state.status ? line.len : sizeof state.status;
    if (len) memcpy(state.status, line.ptr, len);
    state.status_len = len;
    if (len) write_all(state.status, len);
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static void put_json_line(sl_buf *b, const char *time, sl_log_level level, const char *area, sl_str message) {
    sl_buf_printf(b, NULL, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"", time, level_names[level]);
    for (size_t i = 0; i < 100 && area[i]; i++) put_json_char(b, (unsigned char)area[i], false);
    sl_buf_put_str(b, SL_STR("\",\"message\":\""), NULL);
    for (size_t i = 0; i < message.len && b->len + 16 < b->max; i++)
        put_json_char(b, (unsigned char)message.ptr[i], false);
    sl_buf_put(b, "\"}\n", 3, NULL);
}

void sl_log_text(sl_log_level level, const char *area, sl_str message) {
    if (!sl_log_on(level)) return;
    char time[25];
    sl_buf text, line;
    sl_buf_init(&text, TEXT_MAX_BYTES);
    sl_buf_init(&line, 7 * LINE_MAX_BYTES);
    if (message.len > TEXT_MAX_BYTES) message.len = TEXT_MAX_BYTES;
    sl_buf_put_str(&text, message, NULL);
    sl_log_mask(&text); /* before it is cut, or half a secret would stay */
    if (text.len > LINE_MAX_BYTES) text.len = LINE_MAX_BYTES;
    sl_clock_rfc3339(sl_clock_wall_ms(), time);
    if (state.json) put_json_line(&line, time, level, area, sl_buf_str(&text));
    else sl_buf_printf(&line, NULL, "%s %-5s %s: %.*s\n", time, level_names[level], area, (int)text.len, text.data ? text.data : "");
    write_above_status(&line);
    sl_buf_free(&text);
    sl_buf_free(&line);
}

void sl_log(sl_log_level level, const char *area, const char *fmt, ...) {
    if (!sl_log_on(level)) return;
    sl_buf message;
    va_list ap;
    sl_buf_init(&message, LINE_MAX_BYTES);
    va_start(ap, fmt);
    if (sl_buf_vprintf(&message, NULL, fmt, ap) == 0) sl_log_text(level, area, sl_buf_str(&message));
    va_end(ap);
    sl_buf_free(&message);
}
