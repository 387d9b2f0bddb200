/* One thread for each body. It touches nothing but its own fields until it has written to the descriptor that the loop
 * watches; after that, and after the join, they are ours again. */
#include "io/pack.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "data/gzip.h"
#include "io/op.h"

typedef struct pack_op {
    sl_op op;
    sl_op *ready; /* the descriptor can be read */
    int fd;
    bool threaded;
    pthread_t thread;
    sl_str bytes;
    sl_buf out;
    sl_err err;
    int rc;
} pack_op;

static void *work(void *self) {
    pack_op *p = self;
    uint64_t one = 1;
    p->rc = sl_gzip_whole(p->bytes, &p->out, &p->err);
    ssize_t n = write(p->fd, &one, sizeof one);
    (void)n; /* the first write to a counter of 0 does not fail */
    return NULL;
}

static void join(pack_op *p) {
    if (p->threaded) pthread_join(p->thread, NULL);
    p->threaded = false;
}

static void pack_step(sl_op *self, sl_op *child) {
    pack_op *p = (pack_op *)self;
    sl_op_free(child);
    p->ready = NULL;
    join(p);
    sl_op_finish(self, p->rc < 0 ? &p->err : NULL);
}

static void pack_free(sl_op *self) {
    pack_op *p = (pack_op *)self;
    join(p);
    sl_op_free(p->ready);
    if (p->fd >= 0) close(p->fd);
    sl_buf_free(&p->out);
    sl_op_deinit(self);
    free(p);
}

static const sl_op_kind pack_kind = {"pack", pack_step, pack_free};

/* Signals are the main thread's: the loop's handlers expect them there. */
static int start_thread(pack_op *p, sl_err *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&p->thread, NULL, work, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->threaded = rc == 0;
    if (rc == 0) return 0;
    sl_fail(err, SL_STATE, rc, "no thread can be started to compress a body: %s", strerror(rc));
    return sl_hint(err, "raise the limit of processes (ulimit -u, or the container's), or send without gzip");
}

static int start(pack_op *p, sl_loop *loop, sl_err *err) {
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->fd < 0) return sl_fail_errno(err, "eventfd");
    p->ready = sl_fd_start(loop, p->fd, SL_FD_READ, err);
    if (!p->ready) return -1;
    sl_op_adopt(p->ready, &p->op);
    return start_thread(p, err);
}

sl_op *sl_pack_start(sl_loop *loop, sl_str bytes, sl_err *err) {
    if (sl_gzip_whole_open(err) < 0) return NULL;
    pack_op *p = calloc(1, sizeof *p);
    if (!p) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&p->op, loop, &pack_kind);
    p->bytes = bytes;
    sl_buf_init(&p->out, SIZE_MAX / 2);
    if (start(p, loop, err) == 0) return &p->op;
    pack_free(&p->op);
    return NULL;
}

sl_buf sl_pack_take(sl_op *op) {
    pack_op *p = (pack_op *)op;
    sl_buf out = p->out;
    sl_buf_init(&p->out, 0);
    return out;
}
