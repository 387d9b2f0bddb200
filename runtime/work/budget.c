/* The queue in front of a bucket. Only the head sleeps: it holds a reservation, claims it when its time has come, and
 * hands over to the next. */
#include "work/budget.h"

#include <stdlib.h>

#include "base/clock.h"
#include "io/op.h"

#define BUDGETS_MAX 10000

typedef struct slot_op slot_op;

/* The waiters of one bucket; there as long as a slot of it is. */
typedef struct queue {
    sl_limit *limit;
    slot_op *first, *last;
    int slots; /* alive, finished ones included */
    struct queue *next, *prev;
} queue;

struct sl_budgets {
    sl_loop *loop;
    sl_limits *limits;
    queue *queues;
};

struct slot_op {
    sl_op op;
    sl_budgets *book;
    queue *queue;
    sl_op *sleep;    /* of the head alone */
    int64_t slot_us; /* its reservation, INT64_MIN while it has none */
    int64_t asked_us, waited_us;
    slot_op *next;
    bool waiting;    /* in the queue */
};

sl_budgets *sl_budgets_new(sl_loop *loop, sl_err *err) {
    sl_budgets *book = calloc(1, sizeof *book);
    if (book) book->limits = sl_limits_new(BUDGETS_MAX);
    if (!book || !book->limits) {
        free(book);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    }
    book->loop = loop;
    return book;
}

void sl_budgets_free(sl_budgets *book) {
    if (!book) return;
    sl_assert(!book->queues);
    sl_limits_free(book->limits);
    free(book);
}

const sl_limits *sl_budgets_limits(const sl_budgets *book) {
    return book->limits;
}

/* ---- queues ---- */

static queue *join(sl_budgets *book, sl_limit *limit, sl_err *err) {
    for (queue *q = book->queues; q; q = q->next)
        if (q->limit == limit) {
            sl_limits_release(limit); /* the queue holds it already */
            return q;
        }
    queue *q = calloc(1, sizeof *q);
    if (!q) {
        sl_limits_release(limit);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    }
    q->limit = limit;
    q->next = book->queues;
    if (q->next) q->next->prev = q;
    book->queues = q;
    return q;
}

static void part(sl_budgets *book, queue *q) {
    if (--q->slots > 0) return;
    if (q->prev) q->prev->next = q->next;
    else book->queues = q->next;
    if (q->next) q->next->prev = q->prev;
    sl_limits_release(q->limit);
    free(q);
}

static void append(queue *q, slot_op *s) {
    if (q->last) q->last->next = s;
    else q->first = s;
    q->last = s;
    s->waiting = true;
}

static void take_out(slot_op *s) {
    queue *q = s->queue;
    slot_op *before = NULL;
    for (slot_op *at = q->first; at != s; at = at->next) before = at;
    if (before) before->next = s->next;
    else q->first = s->next;
    if (q->last == s) q->last = before;
    s->waiting = false;
}

/* ---- the head ---- */

static int sleep_for(slot_op *s, int64_t wait_us, sl_err *err) {
    bool lengthy = wait_us / 1000 > SL_CALL_PATIENCE_MS;
    if (lengthy && sl_loop_signal(s->op.loop)) return sl_fail(err, SL_CANCELLED, 0, "stopped by a signal");
    s->sleep = sl_sleep_start(s->op.loop, (wait_us + 999) / 1000, err);
    if (!s->sleep) return -1;
    sl_op_adopt(s->sleep, &s->op);
    if (lengthy) sl_sleep_breakable(s->sleep);
    return 0;
}

/* The slot if it is due (1), else a sleep until it is (0). */
static int try_slot(slot_op *s, sl_err *err) {
    sl_limit *l = s->queue->limit;
    int64_t now = sl_clock_mono_us();
    if (l->rates.count == 0) return 1;
    if (s->slot_us == INT64_MIN) s->slot_us = sl_bucket_reserve(&l->bucket, &l->rates, now);
    int64_t wait = s->slot_us > now ? s->slot_us - now : sl_bucket_claim(&l->bucket, &l->rates, s->slot_us, now);
    return wait == 0 ? 1 : sleep_for(s, wait, err);
}

static void give_back(slot_op *s) {
    sl_limit *l = s->queue->limit;
    if (s->slot_us != INT64_MIN) sl_bucket_cancel(&l->bucket, &l->rates, s->slot_us, sl_clock_mono_us());
    s->slot_us = INT64_MIN;
}

static void end(slot_op *s, const sl_err *err) {
    sl_limit *l = s->queue->limit;
    take_out(s);
    s->waited_us = sl_clock_mono_us() - s->asked_us;
    l->waited_us += s->waited_us;
    if (err) give_back(s);
    else l->sent++;
    sl_op_finish(&s->op, err);
}

/* Serves the front of the queue as far as slots are due. */
static void serve(queue *q) {
    while (q->first && !q->first->sleep) {
        sl_err err;
        int rc = try_slot(q->first, &err);
        if (rc == 0) return;
        end(q->first, rc < 0 ? &err : NULL);
    }
}

/* A signal has ended the head's sleep: those behind it would wait even longer. */
static void slot_step(sl_op *self, sl_op *child) {
    slot_op *s = (slot_op *)self;
    queue *q = s->queue;
    s->sleep = NULL;
    while (sl_op_error(child) && q->first) end(q->first, sl_op_error(child));
    sl_op_free(child);
    serve(q);
}

static void slot_free(sl_op *self) {
    slot_op *s = (slot_op *)self;
    sl_op_free(s->sleep);
    s->sleep = NULL;
    if (s->waiting) {
        give_back(s);
        take_out(s);
        serve(s->queue);
    }
    part(s->book, s->queue);
    sl_op_deinit(self);
    free(s);
}

static const sl_op_kind slot_kind = {"slot", slot_step, slot_free};

sl_op *sl_slot_start(sl_budgets *book, const sl_limit_key *key, const sl_rates *rates, sl_err *err) {
    sl_limit *limit = sl_limits_hold(book->limits, key, rates, sl_clock_mono_us(), err);
    queue *q = limit ? join(book, limit, err) : NULL;
    if (!q) return NULL;
    q->slots++;
    slot_op *s = calloc(1, sizeof *s);
    if (!s) {
        part(book, q);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    }
    sl_op_init(&s->op, book->loop, &slot_kind);
    s->book = book;
    s->queue = q;
    s->slot_us = INT64_MIN;
    s->asked_us = sl_clock_mono_us();
    append(q, s);
    if (q->first == s) serve(q);
    return &s->op;
}

int64_t sl_slot_waited_ms(const sl_op *op) {
    return ((const slot_op *)op)->waited_us / 1000;
}

/* ---- what answers teach ---- */

bool sl_slot_learn(const sl_op *op, int64_t count, int64_t window_ms) {
    sl_limit *l = ((const slot_op *)op)->queue->limit;
    if (l->rates.count == 0) return false;
    return sl_bucket_learn(&l->bucket, &l->rates, count, window_ms * 1000, sl_clock_mono_us());
}

void sl_slot_penalty(const sl_op *op, int64_t wait_ms) {
    sl_limit *l = ((const slot_op *)op)->queue->limit;
    int64_t now = sl_clock_mono_us();
    l->limited++;
    if (l->rates.count > 0) sl_bucket_penalty(&l->bucket, &l->rates, now + wait_ms * 1000, now);
}
