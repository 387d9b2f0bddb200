/* What outlives a request: easy handles, kept because making one costs more than a small request, and the clock that
 * watches all exchanges. There is one loop in a process, hence one pool.
 *
 * The clock is lazy: an exchange says when it wants to be looked at next, and is asked then whether bytes have moved.
 * Nothing is started or cancelled per request, so that a request that goes well pays next to nothing for its timeouts.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/http_part.h"

#define IDLE_MAX 32

static struct {
    sl_loop *loop;
    http_slot *idle;
    int idle_count;
    sl_http *live;
    sl_watch watch;
    int per_host, total;
} pool = {.per_host = 16, .total = 64};

/* ---- the clock ---- */

typedef struct verdict {
    int64_t due_ms;    /* look again then */
    const char *named; /* the timeout that has passed, or NULL */
    int64_t limit_ms;
} verdict;

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Has all of the request left? */
static bool all_sent(const sl_http *x, int64_t up) {
    if (x->kind == HTTP_NO_BODY) return true;
    return x->size >= 0 ? up >= x->size : x->up_ended && x->up_at >= x->up.len;
}

/* Waiting for the peer is judged here; waiting for our own reader or writer is nobody's timeout. */
static verdict judge_silence(sl_http *x, int64_t now, int64_t due) {
    curl_off_t up = 0;
    curl_easy_getinfo(x->slot->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    bool moved = up != x->seen_up || x->send_paused || x->recv_paused || !x->asked;
    x->seen_up = up;
    if (moved) x->moved_ms = now;
    bool waiting = x->asked && !x->answered && all_sent(x, up);
    int64_t limit = waiting ? x->first_byte_ms : x->stall_ms;
    if (limit == 0)
        limit = x->first_byte_ms ? x->first_byte_ms : x->stall_ms;
    else if (now >= x->moved_ms + limit)
        return (verdict){now, waiting ? "first byte" : "stall", limit};
    if (limit == 0) return (verdict){due, NULL, 0};
    /* While a body goes out its progress is only seen by looking. */
    int64_t next = waiting || x->answered ? x->moved_ms + limit : now + limit / 4 + 1;
    return (verdict){earlier(due, next > now ? next : now + limit), NULL, 0};
}

static verdict judge(sl_http *x, int64_t now) {
    int64_t due = INT64_MAX;
    if (x->total_ms) {
        due = x->start_us / 1000 + x->total_ms;
        if (now >= due) return (verdict){now, "total", x->total_ms};
    }
    return judge_silence(x, now, due);
}

static void time_out(sl_http *x, const verdict *v) {
    sl_err err;
    x->left = http_left(x);
    const char *what = v->named[0] == 'f'   ? "no answer came"
                       : v->named[0] == 's' ? "no byte moved"
                                            : "it was not done";
    http_fail(x, &err, SL_TIMEOUT, 0, "%s within %g s (%s timeout)", what, (double)v->limit_ms / 1000, v->named);
    sl_hint(&err, "try again later, or allow more time with %s",
            v->named[0] == 'f'   ? "first_byte_timeout"
            : v->named[0] == 's' ? "stall_timeout"
                                 : "timeout");
    http_finish(x, &err);
}

static void on_clock(sl_watch *watch) {
    int64_t now = sl_clock_mono_ms(), due = INT64_MAX;
    for (sl_http *x = pool.live, *next; x; x = next) {
        next = x->next;
        if (x->due_ms <= now) {
            verdict v = judge(x, now);
            if (v.named) {
                time_out(x, &v);
                continue;
            }
            x->due_ms = v.due_ms;
        }
        due = earlier(due, x->due_ms);
    }
    watch->due_ms = due;
}

void http_due(sl_http *x, int64_t due_ms) {
    x->due_ms = due_ms;
    pool.watch.due_ms = earlier(pool.watch.due_ms, due_ms);
}

void http_live_add(sl_http *x) {
    if (!pool.live) {
        pool.watch = (sl_watch){.fd = -1, .due_ms = INT64_MAX, .ready = on_clock};
        sl_loop_watch(x->loop, &pool.watch);
    }
    x->prev = NULL;
    x->next = pool.live;
    if (x->next) x->next->prev = x;
    pool.live = x;
}

void http_live_remove(sl_http *x) {
    if (x->prev)
        x->prev->next = x->next;
    else
        pool.live = x->next;
    if (x->next) x->next->prev = x->prev;
    x->next = x->prev = NULL;
    if (!pool.live) sl_loop_unwatch(x->loop, &pool.watch);
}

/* ---- easy handles ---- */

static void on_transfer(void *easy, int code) {
    http_slot *slot = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
    sl_http *x = slot->x;
    sl_err err;
    if (code == CURLE_OK && x->following) {
        if (http_follow(x, &err) == 0)
            http_restart(x);
        else
            http_finish(x, &err);
        return;
    }
    if (code == CURLE_OK) {
        http_finish(x, NULL);
        return;
    }
    http_explain(x, (CURLcode)code, &err);
    http_finish(x, &err);
}

static void close_pool(sl_loop *loop) {
    (void)loop;
    while (pool.idle) {
        http_slot *slot = pool.idle;
        pool.idle = slot->next;
        curl_easy_cleanup(slot->easy);
        free(slot);
    }
    pool.idle_count = 0;
    pool.loop = NULL;
}

static void set_limits(void) {
    CURLM *multi = sl_loop_multi(pool.loop);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)pool.per_host);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)pool.total);
}

static int open_pool(sl_loop *loop, sl_err *err) {
    if (pool.loop == loop) return 0;
    if (sl_curl_open(err) < 0) return -1;
    if (!sl_loop_multi(loop)) return sl_fail(err, SL_INTERNAL, 0, "libcurl can't be started");
    sl_loop_on_transfer(loop, on_transfer);
    sl_loop_on_free(loop, close_pool);
    pool.loop = loop;
    set_limits();
    return 0;
}

void sl_http_pool(sl_loop *loop, int per_host, int total) {
    pool.per_host = per_host;
    pool.total = total;
    if (pool.loop == loop) set_limits();
}

/* libcurl's sockets would be inherited by every child that is started, and stay open with it. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to) {
    (void)data, (void)purpose;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* The options that every request has in common; the callbacks find the exchange through the slot. */
static void set_common(http_slot *slot) {
    CURL *easy = slot->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, slot);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, http_on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, slot);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, http_on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, slot);
}

void http_slot_reset(http_slot *slot) {
    curl_easy_reset(slot->easy);
    set_common(slot);
    slot->special = slot->direct = false;
}

static http_slot *new_slot(sl_err *err) {
    http_slot *slot = calloc(1, sizeof *slot);
    if (slot && (slot->easy = curl_easy_init()) != NULL) {
        slot->special = true;
        return slot;
    }
    free(slot);
    sl_fail(err, SL_INTERNAL, 0, "out of memory for a transfer");
    return NULL;
}

http_slot *http_slot_take(sl_loop *loop, sl_err *err) {
    if (open_pool(loop, err) < 0) return NULL;
    http_slot *slot = pool.idle;
    if (slot) {
        pool.idle = slot->next;
        pool.idle_count--;
    } else if ((slot = new_slot(err)) == NULL)
        return NULL;
    if (slot->special) http_slot_reset(slot);
    slot->text[0] = 0;
    return slot;
}

void http_slot_give(sl_loop *loop, http_slot *slot) {
    slot->x = NULL;
    if (pool.loop == loop && pool.idle_count < IDLE_MAX) {
        slot->next = pool.idle;
        pool.idle = slot;
        pool.idle_count++;
        return;
    }
    curl_easy_cleanup(slot->easy);
    free(slot);
}
