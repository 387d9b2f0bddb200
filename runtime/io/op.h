/* For those who make kinds of operations (inside runtime/ only).
 *
 *   typedef struct fetch { sl_op op; sl_op *child; … } fetch;      // sl_op is the first member
 *   static const sl_op_kind fetch_kind = { "fetch", fetch_step, fetch_free };
 *
 *   fetch *f = calloc(1, sizeof *f);
 *   sl_op_init(&f->op, loop, &fetch_kind);
 *   f->child = sl_sleep_start(loop, 100, err);
 *   sl_op_adopt(f->child, &f->op);          // when it finishes, fetch_step(&f->op, child) is called from the loop
 *
 * In step: look at the child, free it, start the next, and at last sl_op_finish(op, NULL or &err).
 */
#ifndef SL_IO_OP_H
#define SL_IO_OP_H

#include <stddef.h>

#include "io/loop.h"

typedef struct sl_op_kind {
    const char *name;
    void (*step)(sl_op *self, sl_op *child); /* a child of self has finished; NULL for kinds without children */
    void (*free)(sl_op *self);               /* cancels what is under way and frees self, children included */
} sl_op_kind;

struct sl_op {
    sl_loop *loop;
    const sl_op_kind *kind;
    sl_op *parent;           /* steps it instead of being reported; NULL for a task's own operation */
    sl_op *next, *prev;      /* in the loop's list of finished operations */
    uint64_t tag;
    bool done, queued;
    sl_err *err;             /* owned; NULL while all is well */
};

/* Sets up the first member of a new operation and counts it as pending. */
void sl_op_init(sl_op *op, sl_loop *loop, const sl_op_kind *kind);

/* The end of the operation; err is copied (NULL: it went well). It is reported, or steps its parent, on the loop's
 * next turn, never inside this call. Calling it twice is a bug. */
void sl_op_finish(sl_op *op, const sl_err *err);

/* For a kind's free(): takes the operation out of the loop's books. The memory is the kind's to free. */
void sl_op_deinit(sl_op *op);

/* From now on `child` steps `parent`. */
void sl_op_adopt(sl_op *child, sl_op *parent);

/* The loop's CURLM, for io/http alone, and where it hands finished transfers back: io/http registers, once per loop,
 * a function that is called with each CURLMsg-finished easy handle (as void *) and its CURLcode. */
void *sl_loop_multi(sl_loop *loop);
void sl_loop_on_transfer(sl_loop *loop, void (*done)(void *easy, int code));

/* io/http's as well: called by sl_loop_free() before the CURLM goes. */
void sl_loop_on_free(sl_loop *loop, void (*on_free)(sl_loop *loop));

/* A descriptor that is watched as long as it is registered (the HTTP server's epoll, a pipe): `ready` is called from
 * the loop whenever it is readable or `due_ms` (monotonic, INT64_MAX for never) has passed. */
typedef struct sl_watch {
    int fd;
    int64_t due_ms;
    void (*ready)(struct sl_watch *self);
    struct sl_watch *next, *prev; /* the loop's */
} sl_watch;
void sl_loop_watch(sl_loop *loop, sl_watch *watch);
bool sl_loop_has_room(const sl_loop *loop, size_t watches); /* for so many more; beyond it sl_loop_watch is a bug */
void sl_loop_unwatch(sl_loop *loop, sl_watch *watch);

#endif
