/* One thread for each body, a few at once; the others wait in line. A thread touches nothing but its own fields until it has
 * written to the descriptor that the loop watches; after that, and after the join, they are ours again. Who comes next begins
 * on a turn of the loop and not where the one before is freed: many that are given up together are not compressed first. */
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

/* The stack counts against a limit of memory, and libdeflate needs next to none of it. */
enum { AT_ONCE = 4, STACK_BYTES = 256 << 10 };

typedef enum pack_state { PACK_WAITS, PACK_CALLED, PACK_WORKS, PACK_DONE } pack_state;

typedef struct pack_op {
    sl_op op;
    sl_op *child; /* called: its turn; at work: the descriptor can be read */
    pack_state state;
    struct pack_op *next; /* in line */
    int fd;
    bool threaded;
    pthread_t thread;
    sl_str bytes;
    sl_buf out;
    sl_err err;
    int rc;
} pack_op;

/* The main thread's alone. */
static struct {
    pack_op *first;
    int at_work; /* those that are called too */
} line;

static void *work(void *self) {
    pack_op *p = self;
    uint64_t one = 1;
    p->rc = sl_gzip_whole(p->bytes, &p->out, &p->err);
    ssize_t n = write(p->fd, &one, sizeof one);
    (void)n; /* the first write to a counter of 0 does not fail */
    return NULL;
}

static int start(pack_op *p, sl_err *err);

/* ---- the line ---- */

static void line_up(pack_op *p) {
    pack_op **at = &line.first;
    while (*at) at = &(*at)->next;
    *at = p;
}

static void step_out(pack_op *p) {
    pack_op **at = &line.first;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
}

static void call_next(void) {
    while (line.first && line.at_work < AT_ONCE) {
        pack_op *p = line.first;
        line.first = p->next;
        p->child = sl_sleep_start(p->op.loop, 0, &p->err);
        p->state = p->child ? PACK_CALLED : PACK_DONE;
        line.at_work += p->child != NULL;
        if (p->child) sl_op_adopt(p->child, &p->op);
        else sl_op_finish(&p->op, &p->err);
    }
}

/* It has been compressed, or will not be. */
static void leave(pack_op *p) {
    pack_state was = p->state;
    p->state = PACK_DONE;
    if (p->threaded) pthread_join(p->thread, NULL);
    p->threaded = false;
    if (was == PACK_WAITS) step_out(p);
    if (was == PACK_WAITS || was == PACK_DONE) return;
    line.at_work--;
    call_next();
}

static void pack_step(sl_op *self, sl_op *child) {
    pack_op *p = (pack_op *)self;
    sl_op_free(child);
    p->child = NULL;
    if (p->state == PACK_WORKS) leave(p);
    else if ((p->rc = start(p, &p->err)) == 0) return;
    else leave(p);
    sl_op_finish(self, p->rc < 0 ? &p->err : NULL);
}

static void pack_free(sl_op *self) {
    pack_op *p = (pack_op *)self;
    leave(p);
    sl_op_free(p->child);
    if (p->fd >= 0) close(p->fd);
    sl_buf_free(&p->out);
    sl_op_deinit(self);
    free(p);
}

static const sl_op_kind pack_kind = {"pack", pack_step, pack_free};

/* ---- work ---- */

static int create(pack_op *p) {
    pthread_attr_t small;
    int rc = pthread_attr_init(&small);
    if (rc != 0) return rc;
    pthread_attr_setstacksize(&small, STACK_BYTES);
    rc = pthread_create(&p->thread, &small, work, p);
    pthread_attr_destroy(&small);
    return rc;
}

/* Signals are the main thread's: the loop's handlers expect them there. */
static int start_thread(pack_op *p, sl_err *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = create(p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->threaded = rc == 0;
    if (rc == 0) return 0;
    sl_fail(err, SL_STATE, rc, "no thread can be started to compress a body: %s", strerror(rc));
    return sl_hint(err, "raise the limit of processes (ulimit -u, or the container's), or send without gzip");
}

static int start(pack_op *p, sl_err *err) {
    p->state = PACK_WORKS;
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->fd < 0) return sl_fail_errno(err, "eventfd");
    p->child = sl_fd_start(p->op.loop, p->fd, SL_FD_READ, err);
    if (!p->child) return -1;
    sl_op_adopt(p->child, &p->op);
    return start_thread(p, err);
}

/* ---- the operation ---- */

sl_op *sl_pack_start(sl_loop *loop, sl_str bytes, sl_err *err) {
    if (sl_gzip_whole_open(err) < 0) return NULL;
    pack_op *p = calloc(1, sizeof *p);
    if (!p) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&p->op, loop, &pack_kind);
    p->fd = -1;
    p->bytes = bytes;
    sl_buf_init(&p->out, SIZE_MAX / 2);
    if (line.at_work >= AT_ONCE) {
        line_up(p);
        return &p->op;
    }
    line.at_work++;
    if (start(p, err) == 0) return &p->op;
    pack_free(&p->op);
    return NULL;
}

sl_buf sl_pack_take(sl_op *op) {
    pack_op *p = (pack_op *)op;
    sl_buf out = p->out;
    sl_buf_init(&p->out, 0);
    return out;
}
