/* Log lines, and the lines that stay below them. What must not be seen in them is masked by log_mask.c. */
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_part.h"

#define LINE_MAX_BYTES (64 * 1024)
#define TEXT_MAX_BYTES (256u << 20)

static struct {
    sl_log_level level;
    bool json;
    char status[8192];
    size_t status_len;
    int status_lines;
} state = {.level = SL_LOG_WARN};

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

/* The cursor stands behind the last of the status lines. */
static void clear_status(void) {
    if (state.status_len == 0) return;
    for (int i = 1; i < state.status_lines; i++) write_all("\033[A", 3);
    if (state.status_lines > 1) write_all("\r\033[J", 4);
    else write_all("\r\033[K", 4);
}

static void write_above_status(const sl_buf *b) {
    clear_status();
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

void sl_log_status(sl_str lines) {
    clear_status();
    size_t len = lines.len < sizeof state.status ? lines.len : sizeof state.status;
    if (len) memcpy(state.status, lines.ptr, len);
    state.status_len = len;
    state.status_lines = 1;
    for (size_t i = 0; i < len; i++) state.status_lines += state.status[i] == '\n';
    if (len) write_all(state.status, len);
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static void put_json_line(sl_buf *b, const char *time, sl_log_level level, const char *area, sl_str message) {
    sl_buf_printf(b, NULL, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"", time, level_names[level]);
    sl_str word = sl_str_of(area);
    sl_log_put_json(b, sl_str_make(word.ptr, word.len < 100 ? word.len : 100), 0);
    sl_buf_put_str(b, SL_STR("\",\"message\":\""), NULL);
    sl_log_put_json(b, message, 0);
    sl_buf_put(b, "\"}\n", 3, NULL);
}

void sl_log_text(sl_log_level level, const char *area, sl_str message) {
    if (!sl_log_on(level)) return;
    char time[25];
    sl_buf text, line;
    sl_buf_init(&text, LINE_MAX_BYTES);
    sl_buf_init(&line, 7 * LINE_MAX_BYTES);
    sl_log_body(&text, message, LINE_MAX_BYTES);
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
