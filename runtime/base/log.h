/* The one place that writes log lines, and the one that knows the secrets and puts masks in their place.
 *
 *   sl_log_secret(SL_STR("hunter2"));               // from now on masked wherever it appears
 *   sl_log(SL_LOG_INFO, "http", "GET %s", url);     // one line on stderr, text or JSON
 *   sl_log_mask(&buf);                              // the same masks for an error body, a dry run, a dump
 *
 * A secret is masked raw, URL-encoded, JSON-escaped and in base64 (alone and within "user:pass"). Log lines and bodies
 * of answers show no personal data of orders either (base/personal).
 */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include "base/buf.h"

typedef enum sl_log_level { SL_LOG_ERROR, SL_LOG_WARN, SL_LOG_INFO, SL_LOG_DEBUG } sl_log_level;

/* What is written: lines up to this level, as text or (json) one JSON object a line. */
void sl_log_setup(sl_log_level level, bool json);
sl_log_level sl_log_level_get(void);

/* True where a line of this level would be written: guards work that only a log line needs. */
bool sl_log_on(sl_log_level level);

/* One line. `area` is a short word (http, call, store). Fields follow the message as "key=value" pairs by hand. */
void sl_log(sl_log_level level, const char *area, const char *fmt, ...) SL_PRINTF(3, 4);

/* As sl_log, for a message that is there already. */
void sl_log_text(sl_log_level level, const char *area, sl_str message);

/* Text to standard error as it is, but masked: summaries, prompts, tracebacks. A progress bar is taken away first. */
void sl_log_print(sl_str text);

/* The line that stays below the log lines (the progress bar), or several with line breaks between, each narrower than the
 * terminal and fewer than it has; the empty string takes them away. Terminals only. */
void sl_log_status(sl_str lines);

/* Registers a secret (copied). Ones shorter than 4 bytes are refused with -1: masking them would eat all text. */
int sl_log_secret(sl_str secret);

/* Takes one registration back: for tokens that are long dead. It is masked as long as somebody else has registered it. */
void sl_log_secret_release(sl_str secret);

/* Replaces every form of every secret by "***". */
void sl_log_mask(sl_buf *text);

/* The same, and personal data too. */
void sl_log_mask_all(sl_buf *text);

/* The same as sl_log_mask, in place in a C string of fixed size. */
void sl_log_mask_cstr(char *text);

/* Appends the first max_bytes of somebody's answer as people may see them: without secrets and personal data, also
 * where one is cut by the end. */
void sl_log_body(sl_buf *out, sl_str body, size_t max_bytes);

/* Forgets all secrets (tests, shutdown). */
void sl_log_forget(void);

#endif
