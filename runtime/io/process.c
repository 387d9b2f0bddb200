/* Two pipes and a pidfd, all three watched by the loop: no SIGCHLD handler, and a grandchild that keeps a pipe open can't
 * hold us up, because the pidfd says when the program itself has ended. */
#include "io/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/op.h"
#include "io/spawn.h"

enum { OUT, ERR, PIPES };

typedef struct pipe_end {
    int fd; /* -1 when closed */
    sl_op *watch;
    sl_buf bytes;
} pipe_end;

typedef struct process {
    sl_op op;
    sl_spawned program; /* pid 0 when it has ended and was waited for */
    pipe_end pipes[PIPES];
    sl_op *exit_watch, *timer;
    int64_t timeout_ms;
    char name[120];
    sl_process_result result;
} process;

/* ---- the end ---- */

static void drop(sl_op **op) {
    sl_op_free(*op);
    *op = NULL;
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Ends a program that still runs; SIGKILL can't be waited for in vain. */
static void kill_now(process *p) {
    if (p->program.pid <= 0) return;
    kill(p->program.pid, SIGKILL);
    sl_spawn_wait(&p->program);
    p->program.pid = 0;
}

static void stop(process *p) {
    drop(&p->timer);
    drop(&p->exit_watch);
    for (int i = 0; i < PIPES; i++) {
        drop(&p->pipes[i].watch);
        close_fd(&p->pipes[i].fd);
    }
    close_fd(&p->program.pidfd);
}

static void process_free(sl_op *op) {
    process *p = (process *)op;
    kill_now(p);
    stop(p);
    for (int i = 0; i < PIPES; i++) sl_buf_free(&p->pipes[i].bytes);
    sl_op_deinit(op);
    free(p);
}

static void fail(process *p, const sl_err *err) {
    kill_now(p);
    stop(p);
    sl_op_finish(&p->op, err);
}

/* ---- what it prints ---- */

/* Reads what is there. 0: no more for now; 1: the end; -1 with err. */
static int pipe_drain(process *p, pipe_end *end, sl_err *err) {
    for (;;) {
        char chunk[4096];
        ssize_t got = read(end->fd, chunk, sizeof chunk);
        if (got == 0) return 1;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == EAGAIN ? 0 : sl_fail_errno(err, "reading from '%s'", p->name);
        if (sl_buf_put(&end->bytes, chunk, (size_t)got, err) < 0)
            return sl_fail(err, SL_LIMIT, 0, "'%s' prints more than the %zu bytes allowed here", p->name,
                           end->bytes.max);
    }
}

static int watch(process *p, int fd, sl_op **op, sl_err *err) {
    *op = sl_fd_start(p->op.loop, fd, SL_FD_READ, err);
    if (!*op) return -1;
    sl_op_adopt(*op, &p->op);
    return 0;
}

static int pipe_ready(process *p, pipe_end *end, sl_err *err) {
    drop(&end->watch);
    int state = pipe_drain(p, end, err);
    if (state == 0) return watch(p, end->fd, &end->watch, err);
    close_fd(&end->fd);
    return state < 0 ? -1 : 0;
}

/* ---- its end ---- */

static int exited(process *p, sl_err *err) {
    sl_spawn_end end = {0};
    drop(&p->exit_watch);
    if (sl_spawn_ended(&p->program, &end, err) < 0) return -1;
    sl_spawn_wait(&p->program);
    p->program.pid = 0;
    p->result.signal = end.signal;
    p->result.status = end.status;
    for (int i = 0; i < PIPES; i++)
        if (p->pipes[i].fd >= 0 && pipe_drain(p, &p->pipes[i], err) < 0) return -1;
    p->result.out = sl_buf_str(&p->pipes[OUT].bytes);
    p->result.err = sl_buf_str(&p->pipes[ERR].bytes);
    return 0;
}

static void process_step(sl_op *self, sl_op *child) {
    process *p = (process *)self;
    sl_err err;
    if (p->op.done) return;
    int rc = 0;
    if (child == p->timer) {
        rc = sl_fail(&err, SL_TIMEOUT, 0, "'%s' took longer than %g seconds", p->name, (double)p->timeout_ms / 1000);
    } else if (child == p->exit_watch) {
        rc = exited(p, &err);
        if (rc == 0) {
            stop(p);
            sl_op_finish(self, NULL);
        }
    } else {
        rc = pipe_ready(p, child == p->pipes[OUT].watch ? &p->pipes[OUT] : &p->pipes[ERR], &err);
    }
    if (rc < 0) fail(p, &err);
}

static const sl_op_kind process_kind = {"process", process_step, process_free};

/* ---- the start ---- */

static int spawn(process *p, const sl_process_options *options, sl_err *err) {
    int theirs[PIPES] = {-1, -1};
    int rc = 0;
    for (int i = 0; i < PIPES && rc == 0; i++) rc = sl_spawn_pipe(&p->pipes[i].fd, &theirs[i], err);
    if (rc == 0) {
        sl_spawn what = {.argv = options->argv, .cwd = options->cwd, .out = theirs[OUT], .err = theirs[ERR]};
        rc = sl_spawn_start(&what, &p->program, err);
    }
    for (int i = 0; i < PIPES; i++) close_fd(&theirs[i]);
    return rc;
}

static int start(process *p, const sl_process_options *options, sl_err *err) {
    if (spawn(p, options, err) < 0) return -1;
    if (watch(p, p->program.pidfd, &p->exit_watch, err) < 0) return -1;
    for (int i = 0; i < PIPES; i++)
        if (watch(p, p->pipes[i].fd, &p->pipes[i].watch, err) < 0) return -1;
    if (options->timeout_ms <= 0) return 0;
    p->timer = sl_sleep_start(p->op.loop, options->timeout_ms, err);
    if (!p->timer) return -1;
    sl_op_adopt(p->timer, &p->op);
    return 0;
}

sl_op *sl_process_start(sl_loop *loop, const sl_process_options *options, sl_err *err) {
    process *p = calloc(1, sizeof *p);
    if (!p) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&p->op, loop, &process_kind);
    p->program.pidfd = -1;
    p->timeout_ms = options->timeout_ms;
    snprintf(p->name, sizeof p->name, "%s", options->argv[0]);
    for (int i = 0; i < PIPES; i++) {
        p->pipes[i].fd = -1;
        sl_buf_init(&p->pipes[i].bytes, options->max_bytes);
    }
    if (start(p, options, err) == 0) return &p->op;
    process_free(&p->op);
    return NULL;
}

const sl_process_result *sl_process_result_get(const sl_op *op) {
    sl_assert(op->kind == &process_kind && op->done && !op->err);
    return &((const process *)op)->result;
}
