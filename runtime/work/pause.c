/* Here because it needs both the forms of dates (data) and the rules of waiting (policy). */
#include "work/pause.h"

#include "data/time.h"
#include "policy/retry.h"

/* The server's clock at the time of its answer. */
static int64_t server_ms(sl_str date, int64_t now_ms) {
    double seconds;
    return sl_time_parse(sl_str_trim(date), &seconds, NULL) < 0 ? now_ms : (int64_t)(seconds * 1000);
}

int64_t sl_pause_after_ms(sl_str retry_after, sl_str date, int64_t now_ms, int64_t max_ms) {
    double at;
    int64_t ms = sl_retry_seconds_ms(retry_after, max_ms);
    if (ms >= 0) return ms;
    if (sl_time_parse(sl_str_trim(retry_after), &at, NULL) < 0) return -1;
    return sl_retry_until_ms((int64_t)(at * 1000), server_ms(date, now_ms), max_ms);
}

int64_t sl_pause_reset_ms(sl_str reset, sl_str date, int64_t now_ms, int64_t max_ms) {
    return sl_retry_reset_ms(reset, server_ms(date, now_ms), max_ms);
}
