/* One turn of the loop: let libcurl work, fire timers, look at descriptors, hand out what has finished.
 *
 * Finished operations wait in a list. One with a parent steps its parent from here, so a composite operation is an
 * explicit state machine and never recursion; one without is returned to the caller. Until somebody sends something
 * over HTTP there is no CURLM and plain poll() does: a script that needs no network does not pay for it.
 */
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/curl.h"
#include "io/op.h"

#define WATCHES_MAX 1024
#define TURN_MAX_MS 60000

typedef struct sleep_op {
    sl_op op;
    int64_t due_ms;
    size_t slot; /* place in the heap, SIZE_MAX when not in it */
    bool breakable;
} sleep_op;

typedef struct fd_op {
    sl_op op;
    sl_watch watch;
    int events;
    bool watched;
} fd_op;

struct sl_loop {
    CURLM *multi;
    void (*transfer_done)(void *easy, int code);
    void (*on_free)(sl_loop *loop);
    sl_op *first, *last; /* finished, not yet taken */
    int pending;
    sl_watch *watches;
    size_t watch_count;
    sleep_op **heap;
    size_t heap_len, heap_cap;
    int signal_pipe[2];
    bool signal_told;
    bool flies;
    int running; /* transfers */
};

/* ---- signals: the handler only notes the number and wakes the loop ---- */

static volatile sig_atomic_t signal_seen;
static int signal_wake_fd = -1;

static void on_signal(int number) {
    int saved = errno;
    if (signal_seen && number != SIGHUP) _exit(128 + number);
    if (!signal_seen) signal_seen = number;
    ssize_t n = write(signal_wake_fd, "", 1);
    (void)n; /* a full pipe wakes as well */
    errno = saved;
}

void sl_loop_signals_catch(sl_loop *loop) {
    signal_wake_fd = loop->signal_pipe[1];
    struct sigaction sa = {.sa_handler = on_signal};
    sigemptyset(&sa.sa_mask);
    sa.sa_flags = SA_RESTART;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    struct sigaction hup;
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN) sigaction(SIGHUP, &sa, NULL); /* nohup stays */
}

int sl_loop_signal(const sl_loop *loop) {
    (void)loop;
    return signal_seen;
}

void sl_loop_signal_clear(sl_loop *loop) {
    signal_seen = 0;
    loop->signal_told = false;
}

/* ---- life ---- */

sl_loop *sl_loop_new(sl_err *err) {
    sl_loop *loop = calloc(1, sizeof *loop);
    if (!loop) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    if (pipe2(loop->signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
        sl_fail_errno(err, "pipe");
        free(loop);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* a parent that ignored it would take the status of our children away */
    signal(SIGXFSZ, SIG_IGN); /* a file beyond `ulimit -f` is an error of the write, like a full disk */
    return loop;
}

void sl_loop_free(sl_loop *loop) {
    if (!loop) return;
    sl_assert(loop->pending == 0);
    if (loop->on_free) loop->on_free(loop);
    if (loop->multi) curl_multi_cleanup(loop->multi);
    if (signal_wake_fd == loop->signal_pipe[1]) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        signal_wake_fd = -1;
    }
    close(loop->signal_pipe[0]);
    close(loop->signal_pipe[1]);
    free(loop->heap);
    free(loop);
}

void *sl_loop_multi(sl_loop *loop) {
    if (!loop->multi && curl_global_init(CURL_GLOBAL_DEFAULT) == 0) loop->multi = curl_multi_init();
    return loop->multi;
}

void sl_loop_on_transfer(sl_loop *loop, void (*done)(void *easy, int code)) {
    loop->transfer_done = done;
}

void sl_loop_on_free(sl_loop *loop, void (*on_free)(sl_loop *loop)) {
    loop->on_free = on_free;
}

/* ---- operations ---- */

static void list_append(sl_loop *loop, sl_op *op) {
    op->prev = loop->last;
    op->next = NULL;
    if (loop->last) loop->last->next = op;
    else loop->first = op;
    loop->last = op;
    op->queued = true;
}

static void list_remove(sl_loop *loop, sl_op *op) {
    if (!op->queued) return;
    if (op->prev) op->prev->next = op->next;
    else loop->first = op->next;
    if (op->next) op->next->prev = op->prev;
    else loop->last = op->prev;
    op->next = op->prev = NULL;
    op->queued = false;
}

void sl_op_init(sl_op *op, sl_loop *loop, const sl_op_kind *kind) {
    memset(op, 0, sizeof *op);
    op->loop = loop;
    op->kind = kind;
    loop->pending++;
}

/* An operation counts as pending until it was taken (or freed); a child counts with its parent. */
static void no_longer_pending(sl_op *op) {
    if (!op->parent) op->loop->pending--;
}

void sl_op_finish(sl_op *op, const sl_err *err) {
    sl_assert(!op->done);
    op->done = true;
    if (err) {
        op->err = malloc(sizeof *op->err);
        sl_assert(op->err);
        *op->err = *err;
    }
    list_append(op->loop, op);
}

void sl_op_deinit(sl_op *op) {
    if (!op->done || op->queued) no_longer_pending(op);
    list_remove(op->loop, op);
    free(op->err);
    op->err = NULL;
}

void sl_op_adopt(sl_op *child, sl_op *parent) {
    if (!child->parent) child->loop->pending--;
    child->parent = parent;
}

void sl_op_tag(sl_op *op, uint64_t tag) {
    op->tag = tag;
}

uint64_t sl_op_tag_get(const sl_op *op) {
    return op->tag;
}

bool sl_op_done(const sl_op *op) {
    return op->done;
}

const sl_err *sl_op_error(const sl_op *op) {
    return op->err;
}

void sl_op_free(sl_op *op) {
    if (op) op->kind->free(op);
}

int sl_loop_pending(const sl_loop *loop) {
    return loop->pending;
}

/* ---- timers: a binary heap by due time ---- */

static void heap_set(sl_loop *loop, size_t i, sleep_op *s) {
    loop->heap[i] = s;
    s->slot = i;
}

static void heap_up(sl_loop *loop, size_t i) {
    sleep_op *s = loop->heap[i];
    while (i > 0 && loop->heap[(i - 1) / 2]->due_ms > s->due_ms) {
        heap_set(loop, i, loop->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(loop, i, s);
}

static void heap_down(sl_loop *loop, size_t i) {
    sleep_op *s = loop->heap[i];
    for (;;) {
        size_t kid = 2 * i + 1;
        if (kid >= loop->heap_len) break;
        if (kid + 1 < loop->heap_len && loop->heap[kid + 1]->due_ms < loop->heap[kid]->due_ms) kid++;
        if (loop->heap[kid]->due_ms >= s->due_ms) break;
        heap_set(loop, i, loop->heap[kid]);
        i = kid;
    }
    heap_set(loop, i, s);
}

static void heap_remove(sl_loop *loop, sleep_op *s) {
    size_t i = s->slot;
    if (i == SIZE_MAX) return;
    sleep_op *last = loop->heap[--loop->heap_len];
    s->slot = SIZE_MAX;
    if (last == s) return;
    heap_set(loop, i, last);
    heap_up(loop, i);
    heap_down(loop, last->slot);
}

static int heap_add(sl_loop *loop, sleep_op *s, sl_err *err) {
    if (loop->heap_len == loop->heap_cap) {
        size_t cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
        sleep_op **heap = realloc(loop->heap, cap * sizeof *heap);
        if (!heap) return sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu timers", cap);
        loop->heap = heap;
        loop->heap_cap = cap;
    }
    loop->heap[loop->heap_len] = s;
    heap_up(loop, loop->heap_len++);
    return 0;
}

static void sleep_free(sl_op *op) {
    sleep_op *s = (sleep_op *)op;
    heap_remove(op->loop, s);
    sl_op_deinit(op);
    free(s);
}

static const sl_op_kind sleep_kind = {"sleep", NULL, sleep_free};

sl_op *sl_sleep_start(sl_loop *loop, int64_t ms, sl_err *err) {
    sleep_op *s = calloc(1, sizeof *s);
    if (!s) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    s->due_ms = sl_clock_mono_ms() + (ms > 0 ? ms : 0);
    s->slot = SIZE_MAX;
    if (heap_add(loop, s, err) < 0) {
        free(s);
        return NULL;
    }
    sl_op_init(&s->op, loop, &sleep_kind);
    return &s->op;
}

void sl_sleep_breakable(sl_op *sleep) {
    ((sleep_op *)sleep)->breakable = true;
}

static void fire_timers(sl_loop *loop) {
    if (loop->heap_len == 0) return;
    int64_t now = sl_clock_mono_ms();
    while (loop->heap_len > 0 && loop->heap[0]->due_ms <= now) {
        sleep_op *s = loop->heap[0];
        heap_remove(loop, s);
        sl_op_finish(&s->op, NULL);
    }
}

void sl_loop_cancel_sleeps(sl_loop *loop) {
    sl_err err;
    sl_fail(&err, SL_CANCELLED, 0, "stopped by a signal");
    for (size_t i = loop->heap_len; i-- > 0;) {
        if (i >= loop->heap_len || (loop->heap[i]->op.parent && !loop->heap[i]->breakable)) continue;
        sleep_op *s = loop->heap[i];
        heap_remove(loop, s);
        sl_op_finish(&s->op, &err);
        i = loop->heap_len; /* the heap has moved: look again from its end */
    }
}

/* ---- descriptors ---- */

bool sl_loop_has_room(const sl_loop *loop, size_t watches) {
    return loop->watch_count + watches <= WATCHES_MAX;
}

void sl_loop_watch(sl_loop *loop, sl_watch *watch) {
    sl_assert(loop->watch_count < WATCHES_MAX);
    watch->prev = NULL;
    watch->next = loop->watches;
    if (watch->next) watch->next->prev = watch;
    loop->watches = watch;
    loop->watch_count++;
}

void sl_loop_unwatch(sl_loop *loop, sl_watch *watch) {
    if (watch->prev) watch->prev->next = watch->next;
    else loop->watches = watch->next;
    if (watch->next) watch->next->prev = watch->prev;
    watch->next = watch->prev = NULL;
    loop->watch_count--;
}

static void fd_unwatch(fd_op *f) {
    if (f->watched) sl_loop_unwatch(f->op.loop, &f->watch);
    f->watched = false;
}

static void fd_ready(sl_watch *watch) {
    fd_op *f = (fd_op *)((char *)watch - offsetof(fd_op, watch));
    fd_unwatch(f);
    sl_op_finish(&f->op, NULL);
}

static void fd_free(sl_op *op) {
    fd_unwatch((fd_op *)op);
    sl_op_deinit(op);
    free(op);
}

static const sl_op_kind fd_kind = {"fd", NULL, fd_free};

sl_op *sl_fd_start(sl_loop *loop, int fd, int events, sl_err *err) {
    if (loop->watch_count >= WATCHES_MAX)
        return sl_fail(err, SL_LIMIT, 0, "more than %d descriptors watched at once", WATCHES_MAX), NULL;
    fd_op *f = calloc(1, sizeof *f);
    if (!f) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&f->op, loop, &fd_kind);
    f->events = events;
    f->watch = (sl_watch){.fd = fd, .due_ms = INT64_MAX, .ready = fd_ready};
    sl_loop_watch(loop, &f->watch);
    f->watched = true;
    return &f->op;
}

static short poll_events(const sl_watch *watch) {
    if (watch->ready != fd_ready) return POLLIN;
    int events = ((const fd_op *)((const char *)watch - offsetof(fd_op, watch)))->events;
    return (short)((events & SL_FD_READ ? POLLIN : 0) | (events & SL_FD_WRITE ? POLLOUT : 0));
}

/* ---- one turn ---- */

static void drive_transfers(sl_loop *loop) {
    if (!loop->multi) return;
    int left;
    curl_multi_perform(loop->multi, &loop->running);
    for (CURLMsg *msg; (msg = curl_multi_info_read(loop->multi, &left)) != NULL;)
        if (msg->msg == CURLMSG_DONE) loop->transfer_done(msg->easy_handle, (int)msg->data.result);
}

static int64_t turn_ms(const sl_loop *loop, int64_t until_ms) {
    int64_t now = sl_clock_mono_ms(), due = until_ms;
    if (loop->heap_len && loop->heap[0]->due_ms < due) due = loop->heap[0]->due_ms;
    for (const sl_watch *w = loop->watches; w; w = w->next)
        if (w->due_ms < due) due = w->due_ms;
    if (due <= now) return 0;
    return due - now < TURN_MAX_MS ? due - now : TURN_MAX_MS;
}

/* The pipe of the signal handler comes first, the watches behind it. */
static unsigned int gather_fds(sl_loop *loop, struct pollfd *fds) {
    unsigned int n = 0;
    fds[n++] = (struct pollfd){loop->signal_pipe[0], POLLIN, 0};
    for (sl_watch *w = loop->watches; w; w = w->next)
        if (w->fd >= 0) fds[n++] = (struct pollfd){w->fd, poll_events(w), 0};
    return n;
}

/* Leaves in fds[].revents what happened. */
static void wait_fds(sl_loop *loop, struct pollfd *fds, unsigned int n, int64_t ms) {
    if (!loop->multi) {
        (void)poll(fds, n, (int)ms);
        return;
    }
    struct curl_waitfd extra[WATCHES_MAX + 1];
    for (unsigned int i = 0; i < n; i++) {
        short events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                               (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
        extra[i] = (struct curl_waitfd){fds[i].fd, events, 0};
    }
    curl_multi_poll(loop->multi, extra, n, (int)ms, NULL);
    if (loop->watches) {
        (void)poll(fds, n, 0); /* libcurl does not pass on errors and hang-ups of foreign descriptors */
    } else {
        fds[0].revents = extra[0].revents;
    }
}

static const struct pollfd *find_fd(const struct pollfd *fds, unsigned int n, int fd) {
    for (unsigned int i = 1; i < n; i++)
        if (fds[i].fd == fd) return &fds[i];
    return NULL;
}

static void serve_watches(sl_loop *loop, const struct pollfd *fds, unsigned int n) {
    char sink[64];
    while (fds[0].revents && read(loop->signal_pipe[0], sink, sizeof sink) == sizeof sink) continue;
    if (!loop->watches) return;
    int64_t now = sl_clock_mono_ms();
    for (sl_watch *w = loop->watches, *next; w; w = next) {
        next = w->next;
        const struct pollfd *p = find_fd(fds, n, w->fd);
        if ((p && p->revents) || w->due_ms <= now) w->ready(w);
    }
}

void sl_loop_fly(sl_loop *loop, bool on) {
    loop->flies = on;
}

/* Whether something other than time may end a wait: a transfer, a descriptor that an operation waits for. A server that
 * listens is not under way. */
static bool under_way(const sl_loop *loop) {
    if (loop->running > 0) return true;
    for (const sl_watch *w = loop->watches; w; w = w->next)
        if (w->ready == fd_ready) return true;
    return false;
}

/* How long to wait; none of it where a step of the clocks does instead. */
static int64_t wait_ms(const sl_loop *loop, int64_t until_ms) {
    int64_t ms = turn_ms(loop, until_ms);
    if (!loop->flies || ms == 0 || loop->heap_len == 0 || under_way(loop)) return ms;
    sl_clock_skip(ms);
    return 0;
}

static void turn(sl_loop *loop, int64_t until_ms) {
    struct pollfd fds[WATCHES_MAX + 1];
    drive_transfers(loop);
    fire_timers(loop);
    if (loop->first) until_ms = 0;
    unsigned int n = gather_fds(loop, fds);
    if (loop->first && !loop->watches) return; /* somebody waits for what has finished already */
    wait_fds(loop, fds, n, wait_ms(loop, until_ms));
    drive_transfers(loop);
    fire_timers(loop);
    serve_watches(loop, fds, n);
}

static sl_op *take_finished(sl_loop *loop) {
    while (loop->first) {
        sl_op *op = loop->first;
        list_remove(loop, op);
        if (!op->parent) {
            loop->pending--;
            return op;
        }
        op->parent->kind->step(op->parent, op);
    }
    return NULL;
}

sl_op *sl_loop_next(sl_loop *loop) {
    return take_finished(loop);
}

static bool signal_news(sl_loop *loop) {
    if (!signal_seen || loop->signal_told) return false;
    loop->signal_told = true;
    return true;
}

sl_op *sl_loop_wait(sl_loop *loop, int64_t timeout_ms) {
    int64_t until = timeout_ms < 0 ? INT64_MAX : sl_clock_mono_ms() + timeout_ms;
    bool last = timeout_ms == 0;
    for (;;) {
        sl_op *op = take_finished(loop);
        if (op) return op;
        if (signal_news(loop) || loop->pending == 0) return NULL;
        turn(loop, until);
        if ((op = take_finished(loop)) != NULL) return op;
        if (last || signal_news(loop)) return NULL;
        last = sl_clock_mono_ms() >= until;
    }
}
