/* Three watches of the loop, registered for the child's life: two outputs and the pidfd. One that must not be looked at now
 * (its buffer is full, it has ended) has the descriptor -1. The program is not waited for before the end of the child: its
 * number, which is its group's, can't become another's as long as somebody here may send signals to it. */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/op.h"

enum { OUT, ERR, OUTPUTS };

typedef struct output {
    sl_watch watch; /* first: the loop gives it back to us; its fd is -1 while we don't look */
    sl_child *child;
    int fd; /* -1 when it has ended */
    sl_buf bytes;
    size_t at;       /* what is before was taken */
    int64_t allowed; /* bytes that are still read, once the time for them is over; -1 before */
} output;

typedef struct waiting {
    sl_op op;
    sl_child *child; /* NULL when it is over */
    struct waiting *next;
    bool for_line;
} waiting;

struct sl_child {
    sl_watch exit; /* first; behind the end its due time is that of the outputs */
    sl_loop *loop;
    sl_spawned program;
    sl_spawn_end end;
    bool ended;
    int64_t linger_ms;
    output outputs[OUTPUTS];
    int last; /* output of the last line */
    waiting *waits;
};

/* ---- those who wait ---- */

static void waiting_unlink(waiting *w) {
    if (!w->child) return;
    waiting **at = &w->child->waits;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    w->child = NULL;
}

static void waiting_free(sl_op *op) {
    waiting_unlink((waiting *)op);
    sl_op_deinit(op);
    free(op);
}

static const sl_op_kind waiting_kind = {"child", NULL, waiting_free};

static bool can_take(const sl_child *child);

static void wake(sl_child *child) {
    bool line = can_take(child) || sl_child_drained(child);
    for (waiting *w = child->waits, *next; w; w = next) {
        next = w->next;
        if (w->for_line ? !line : !child->ended) continue;
        waiting_unlink(w);
        sl_op_finish(&w->op, NULL);
    }
}

static sl_op *wait_start(sl_child *child, bool for_line, sl_err *err) {
    waiting *w = calloc(1, sizeof *w);
    if (!w) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&w->op, child->loop, &waiting_kind);
    w->child = child;
    w->for_line = for_line;
    w->next = child->waits;
    child->waits = w;
    wake(child);
    return &w->op;
}

sl_op *sl_child_line_start(sl_child *child, sl_err *err) {
    for (waiting *w = child->waits; w; w = w->next)
        if (w->for_line) return sl_fail(err, SL_USAGE, 0, "another task waits for the lines of this program"), NULL;
    return wait_start(child, true, err);
}

sl_op *sl_child_end_start(sl_child *child, sl_err *err) {
    return wait_start(child, false, err);
}

/* ---- reading ---- */

static size_t held(const output *o) {
    return o->bytes.len - o->at;
}

/* Once the time is over we look by ourselves: an output that is silent and stays open would not call. */
static void look(output *o, bool yes) {
    o->watch.fd = yes ? o->fd : -1;
    o->watch.due_ms = yes && o->allowed >= 0 ? 0 : INT64_MAX;
}

static void output_end(output *o) {
    if (o->fd >= 0) close(o->fd);
    o->fd = -1;
    look(o, false);
}

/* What can be read now: its length, 0 at the end, -1 where nothing is there. */
static ssize_t read_some(output *o) {
    size_t room = SL_CHILD_HELD_BYTES - o->bytes.len;
    if (o->allowed >= 0 && (size_t)o->allowed < room) room = (size_t)o->allowed;
    if (room == 0 || sl_buf_reserve(&o->bytes, room, NULL) < 0) return 0;
    ssize_t got;
    do got = read(o->fd, o->bytes.data + o->bytes.len, room);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno != EAGAIN) return 0;
    if (got > 0) o->bytes.len += (size_t)got;
    if (got > 0 && o->allowed >= 0) o->allowed -= got;
    return got;
}

static void output_ready(sl_watch *watch) {
    output *o = (output *)watch;
    sl_buf_drop(&o->bytes, o->at);
    o->at = 0;
    ssize_t got = 1;
    while (got > 0 && o->bytes.len < SL_CHILD_HELD_BYTES) got = read_some(o);
    if (got > 0) look(o, false); /* full */
    else if (got == 0 || o->allowed >= 0) output_end(o);
    else look(o, true);
    wake(o->child);
}

static void output_open(output *o, sl_child *child) {
    o->child = child;
    o->allowed = -1;
    o->watch = (sl_watch){.fd = o->fd, .due_ms = INT64_MAX, .ready = output_ready};
    sl_loop_watch(child->loop, &o->watch);
}

/* ---- taking ---- */

/* Where to cut a long line so that no character is: its first byte, where it would go on behind the cut. */
static size_t cut_at(const char *text, size_t len) {
    for (size_t back = 1; back <= 3 && back < len; back++) {
        unsigned char c = (unsigned char)text[len - back];
        if ((c & 0xC0) == 0x80) continue;
        size_t needs = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return needs > back ? len - back : len;
    }
    return len;
}

/* The line or piece that is there, and in *eaten the bytes that go with it; false where more must come first. */
static bool next_line(const output *o, sl_child_line *line, size_t *eaten) {
    size_t len = held(o);
    if (len == 0) return false;
    const char *text = o->bytes.data + o->at;
    const char *end = memchr(text, '\n', len <= SL_CHILD_PIECE_BYTES ? len : SL_CHILD_PIECE_BYTES + 1);
    line->more = !end && len > SL_CHILD_PIECE_BYTES;
    if (!end && !line->more && o->fd >= 0) return false;
    size_t n = end ? (size_t)(end - text) : line->more ? cut_at(text, SL_CHILD_PIECE_BYTES) : len;
    line->text = (sl_str){text, n};
    *eaten = n + (end ? 1 : 0);
    return true;
}

static bool can_take(const sl_child *child) {
    sl_child_line line;
    size_t eaten;
    return next_line(&child->outputs[OUT], &line, &eaten) || next_line(&child->outputs[ERR], &line, &eaten);
}

bool sl_child_line_take(sl_child *child, sl_child_line *out) {
    for (int i = 1; i <= OUTPUTS; i++) { /* in turn, so that none keeps the other's lines back */
        int which = (child->last + i) % OUTPUTS;
        output *o = &child->outputs[which];
        size_t eaten;
        if (!next_line(o, out, &eaten)) continue;
        out->err = which == ERR;
        o->at += eaten;
        child->last = which;
        if (o->fd >= 0 && held(o) <= SL_CHILD_PIECE_BYTES) look(o, true);
        return true;
    }
    return false;
}

bool sl_child_drained(const sl_child *child) {
    for (int i = 0; i < OUTPUTS; i++)
        if (child->outputs[i].fd >= 0 || held(&child->outputs[i]) > 0) return false;
    return true;
}

/* ---- the end ---- */

/* What is in the pipe still comes, but no more than that: whoever has it open may write for ever. */
static void linger_over(sl_child *child) {
    for (int i = 0; i < OUTPUTS; i++) {
        output *o = &child->outputs[i];
        if (o->fd < 0) continue;
        int size = fcntl(o->fd, F_GETPIPE_SZ);
        o->allowed = size > 0 ? size : SL_CHILD_HELD_BYTES;
        if (held(o) <= SL_CHILD_PIECE_BYTES) look(o, true);
    }
}

static void exit_ready(sl_watch *watch) {
    sl_child *child = (sl_child *)watch;
    child->exit.due_ms = INT64_MAX;
    if (child->ended) {
        linger_over(child);
        return;
    }
    child->ended = sl_spawn_ended(&child->program, &child->end, NULL) != 0;
    if (!child->ended) return;
    child->exit.fd = -1;
    child->exit.due_ms = sl_clock_mono_ms() + child->linger_ms;
    wake(child);
}

bool sl_child_ended(const sl_child *child, sl_spawn_end *end) {
    if (child->ended) *end = child->end;
    return child->ended;
}

int sl_child_signal(const sl_child *child, int number, sl_err *err) {
    return sl_spawn_signal(child->program.pid, number, err);
}

static void cancel_waits(sl_child *child) {
    sl_err err;
    sl_fail(&err, SL_CANCELLED, 0, "the program was closed");
    while (child->waits) {
        waiting *w = child->waits;
        waiting_unlink(w);
        sl_op_finish(&w->op, &err);
    }
}

void sl_child_free(sl_child *child) {
    if (!child) return;
    cancel_waits(child);
    (void)sl_child_signal(child, SIGKILL, NULL);
    sl_spawn_wait(&child->program);
    sl_loop_unwatch(child->loop, &child->exit);
    close(child->program.pidfd);
    for (int i = 0; i < OUTPUTS; i++) {
        output *o = &child->outputs[i];
        sl_loop_unwatch(child->loop, &o->watch);
        output_end(o);
        sl_buf_free(&o->bytes);
    }
    free(child);
}

/* ---- the start ---- */

static int spawn(sl_child *child, const sl_spawn *what, sl_err *err) {
    int theirs[OUTPUTS] = {-1, -1};
    int rc = 0;
    for (int i = 0; i < OUTPUTS && rc == 0; i++) rc = sl_spawn_pipe(&child->outputs[i].fd, &theirs[i], err);
    sl_spawn mine = *what;
    mine.out = theirs[OUT];
    mine.err = theirs[ERR];
    mine.group = true;
    if (rc == 0) rc = sl_spawn_start(&mine, &child->program, err);
    for (int i = 0; i < OUTPUTS; i++)
        if (theirs[i] >= 0) close(theirs[i]);
    return rc;
}

sl_child *sl_child_start(sl_loop *loop, const sl_child_options *options, sl_err *err) {
    if (!sl_loop_has_room(loop, OUTPUTS + 1)) return sl_fail(err, SL_LIMIT, 0, "too many programs at once"), NULL;
    sl_child *child = calloc(1, sizeof *child);
    if (!child) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    child->loop = loop;
    child->linger_ms = options->linger_ms;
    child->end.status = 255; /* where the kernel does not say */
    for (int i = 0; i < OUTPUTS; i++) {
        child->outputs[i].fd = -1;
        sl_buf_init(&child->outputs[i].bytes, SL_CHILD_HELD_BYTES);
    }
    if (spawn(child, &options->what, err) < 0) {
        for (int i = 0; i < OUTPUTS; i++) output_end(&child->outputs[i]);
        free(child);
        return NULL;
    }
    for (int i = 0; i < OUTPUTS; i++) output_open(&child->outputs[i], child);
    child->exit = (sl_watch){.fd = child->program.pidfd, .due_ms = INT64_MAX, .ready = exit_ready};
    sl_loop_watch(loop, &child->exit);
    return child;
}

pid_t sl_child_pid(const sl_child *child) {
    return child->program.pid;
}
