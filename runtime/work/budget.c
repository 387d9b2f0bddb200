/* The queue in front of a budget. Only the head stands in the common line: it asks, sleeps as long as it is told, and
 * hands over to the next. */
#include "work/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "io/op.h"
#include "state/budget.h"

#define LOOK_US 500000
#define BUSY_US 1000
#define BUSY_MOST 6 /* doublings: 64 ms */
#define BUSY_SAID 40 /* about two seconds of that */
#define SYNC_US 10000000 /* windows whose slots are further apart than this outlast a power cut */
#define KEY_MAX 1024
#define TRIES 20

typedef struct slot_op slot_op;

/* The waiters of one budget; there as long as a slot of it is. */
typedef struct queue {
    char *key; /* its four parts, each ended by a zero */
    size_t key_len;
    sl_limit_key parts; /* within key */
    int limit;          /* its place in the block, -1 before it was looked for */
    slot_op *first, *last;
    int slots; /* alive, finished ones included */
    struct queue *next, *prev;
} queue;

struct sl_budgets {
    sl_loop *loop;
    sl_budget *budget; /* opened when the first slot is asked for */
    char *folder;
    bool alone, interactive;
    queue *queues;
};

struct slot_op {
    sl_op op;
    sl_budgets *book;
    queue *queue;
    sl_rates rates;
    sl_op *sleep; /* of the head alone */
    int waiter;   /* its place in the common line, -1 outside of it */
    int64_t asked_us, waited_us, looked_us;
    slot_op *next;
    int busy;          /* how often in a row the lock was another's */
    bool waiting, own; /* in the queue; the rates are the connection's */
    bool slept;        /* it was not its turn at once */
};

/* ---- the book ---- */

sl_budgets *sl_budgets_new(sl_loop *loop, sl_err *err) {
    sl_budgets *book = calloc(1, sizeof *book);
    if (!book) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    book->loop = loop;
    return book;
}

static void forget(sl_budgets *book) {
    sl_budget_close(book->budget);
    book->budget = NULL;
    free(book->folder);
    book->folder = NULL;
}

void sl_budgets_free(sl_budgets *book) {
    if (!book) return;
    sl_assert(!book->queues);
    forget(book);
    free(book);
}

int sl_budgets_share(sl_budgets *book, const char *folder, bool alone, sl_err *err) {
    if (book->queues) return sl_fail(err, SL_USAGE, 0, "a call is under way: the shared folder can't change now");
    forget(book);
    book->alone = alone;
    if (folder) book->folder = sl_str_dup(sl_str_of(folder));
    return folder && !book->folder ? sl_fail(err, SL_INTERNAL, 0, "out of memory") : 0;
}

void sl_budgets_interactive(sl_budgets *book, bool interactive) {
    book->interactive = interactive;
}

static int open_budget(sl_budgets *book, sl_err *err) {
    if (!book->budget) book->budget = book->alone ? sl_budget_alone(err) : sl_budget_open(book->folder, err);
    return book->budget ? 0 : -1;
}

/* ---- queues ---- */

static sl_str put_part(char **at, sl_str part) {
    sl_str copy = sl_str_make(*at, part.len);
    if (part.len) memcpy(*at, part.ptr, part.len);
    *at += part.len + 1;
    return copy;
}

static queue *queue_new(const sl_limit_key *k, size_t len, sl_err *err) {
    queue *q = calloc(1, sizeof *q);
    char *at = calloc(1, len);
    if (!q || !at) {
        free(q);
        free(at);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    }
    *q = (queue){.key = at, .key_len = len, .limit = -1};
    q->parts.host = put_part(&at, k->host);
    q->parts.account = put_part(&at, k->account);
    q->parts.rclass = put_part(&at, k->rclass);
    q->parts.resource = put_part(&at, k->resource);
    return q;
}

static bool same_key(const sl_limit_key *a, const sl_limit_key *b) {
    return sl_str_eq(a->resource, b->resource) && sl_str_eq(a->rclass, b->rclass) &&
           sl_str_eq(a->account, b->account) && sl_str_eq(a->host, b->host);
}

static queue *join(sl_budgets *book, const sl_limit_key *key, sl_err *err) {
    for (queue *q = book->queues; q; q = q->next)
        if (same_key(&q->parts, key)) return q;
    size_t len = key->host.len + key->account.len + key->rclass.len + key->resource.len + 4;
    if (len > KEY_MAX) return sl_fail(err, SL_LIMIT, 0, "host, account and resource have more than %d bytes", KEY_MAX), NULL;
    queue *q = queue_new(key, len, err);
    if (!q) return NULL;
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
    free(q->key);
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

/* `due_us`: how long the wait is that this sleep is a part of. */
static int sleep_for(slot_op *s, int64_t wait_us, int64_t due_us, sl_err *err) {
    bool lengthy = due_us / 1000 > SL_CALL_PATIENCE_MS;
    if (lengthy && sl_loop_signal(s->op.loop)) return sl_fail(err, SL_CANCELLED, 0, "stopped by a signal");
    s->sleep = sl_sleep_start(s->op.loop, (wait_us + 999) / 1000, err);
    if (!s->sleep) return -1;
    sl_op_adopt(s->sleep, &s->op);
    if (lengthy) sl_sleep_breakable(s->sleep);
    return 0;
}

/* Its place in the line, and the budget's in the block. */
static int stand_in_line(slot_op *s, int64_t now_us, sl_err *err) {
    queue *q = s->queue;
    sl_limits *t = sl_budget_limits(s->book->budget);
    if (s->waiter >= 0) return 0;
    q->limit = sl_limits_find(t, &q->parts, now_us, err); /* an idle one may have been forgotten since */
    if (q->limit < 0) return -1;
    s->waiter = sl_limits_join(t, q->limit, sl_budget_owner(s->book->budget), s->book->interactive, now_us, err);
    if (s->waiter < 0) return -1;
    t->limits[q->limit].own = s->own;
    return 0;
}

/* Asks; where others are in the way, whether they live. */
static sl_turn ask(slot_op *s, int64_t now_us) {
    sl_budget *b = s->book->budget;
    sl_turn turn = sl_limits_ask(sl_budget_limits(b), s->waiter, &s->rates, now_us);
    if (turn.ahead == 0 || (!turn.late && now_us - s->looked_us < LOOK_US)) return turn;
    s->looked_us = now_us;
    bool freed = sl_budget_bury(b, s->waiter);
    return freed && turn.wait_us > 0 ? sl_limits_ask(sl_budget_limits(b), s->waiter, &s->rates, now_us) : turn;
}

static int64_t interval_us(const slot_op *s, int64_t now_us) {
    const sl_limits *t = sl_budget_limits(s->book->budget);
    return sl_bucket_interval_us(&t->limits[s->queue->limit].bucket, &s->rates, now_us);
}

/* Another process has the lock: for microseconds, or for as long as it is stopped in there. */
static int sleep_busy(slot_op *s, sl_err *err) {
    int64_t pause = BUSY_US << (s->busy < BUSY_MOST ? s->busy : BUSY_MOST);
    if (++s->busy == BUSY_SAID)
        sl_log(SL_LOG_WARN, "limit", "the rate budgets are held by a process that does not go on: is one stopped (Ctrl-Z)?");
    return sleep_for(s, pause, pause, err);
}

/* The slot if it is due (1), else a sleep until it may be (0). */
static int try_slot(slot_op *s, sl_err *err) {
    int64_t now;
    if (s->rates.count == 0) return 1;
    if (sl_budget_lock(s->book->budget, &now) == 0) return sleep_busy(s, err);
    s->busy = 0;
    int rc = stand_in_line(s, now, err);
    sl_turn turn = {0};
    if (rc == 0) turn = ask(s, now);
    sl_budget_unlock(s->book->budget);
    if (rc < 0) return -1;
    if (turn.wait_us > 0) return sleep_for(s, turn.wait_us, turn.due_us, err);
    if (interval_us(s, now) >= SYNC_US) sl_budget_sync(s->book->budget, s->queue->limit);
    return 1;
}

static void give_back(slot_op *s) {
    if (s->waiter >= 0) sl_limits_leave(sl_budget_limits(s->book->budget), s->waiter);
    s->waiter = -1;
}

static void end(slot_op *s, const sl_err *err) {
    take_out(s);
    s->waited_us = s->slept ? sl_clock_mono_us() - s->asked_us : 0;
    if (err) give_back(s);
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

/* Where only so many may be under way, the next one of this process need not sleep on until it looks. */
static void wake_head(queue *q) {
    slot_op *s = q->first;
    if (!s || !s->rates.concurrent) return;
    sl_op_free(s->sleep);
    s->sleep = NULL;
    serve(q);
}

static void slot_free(sl_op *self) {
    slot_op *s = (slot_op *)self;
    queue *q = s->queue;
    bool was_waiting = s->waiting;
    sl_op_free(s->sleep);
    s->sleep = NULL;
    give_back(s);
    if (was_waiting) take_out(s);
    if (was_waiting) serve(q);
    else wake_head(q);
    part(s->book, q);
    sl_op_deinit(self);
    free(s);
}

static const sl_op_kind slot_kind = {"slot", slot_step, slot_free};

sl_op *sl_slot_start(sl_budgets *book, const sl_limit_key *key, const sl_rates *rates, bool own, sl_err *err) {
    if (rates->count > 0 && open_budget(book, err) < 0) return NULL;
    queue *q = join(book, key, err);
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
    s->rates = *rates;
    s->own = own;
    s->waiter = -1;
    s->asked_us = sl_clock_mono_us();
    append(q, s);
    if (q->first == s) serve(q);
    s->slept = !s->op.done;
    return &s->op;
}

int64_t sl_slot_waited_ms(const sl_op *op) {
    return ((const slot_op *)op)->waited_us / 1000;
}

/* ---- what answers teach ---- */

/* The bucket of a slot, under the lock if that can be had in a moment (*locked). Without it two changes may meet: each of
 * them makes the bucket slower, and so does any mixture. */
static sl_limit *bucket_of(const slot_op *s, int64_t *now_us, bool *locked) {
    sl_budget *b = s->book->budget;
    *locked = false;
    if (s->waiter < 0) return NULL;
    for (int i = 0; i < TRIES && !*locked; i++) *locked = sl_budget_lock(b, now_us) == 1;
    if (!*locked) *now_us = sl_budget_now_us(b);
    return &sl_budget_limits(b)->limits[s->queue->limit];
}

bool sl_slot_learn(const sl_op *op, int64_t count, int64_t window_ms) {
    const slot_op *s = (const slot_op *)op;
    int64_t now;
    bool locked;
    sl_limit *l = bucket_of(s, &now, &locked);
    bool changed = l && sl_bucket_learn(&l->bucket, &s->rates, count, window_ms * 1000, now);
    if (locked) sl_budget_unlock(s->book->budget);
    return changed;
}

void sl_slot_penalty(const sl_op *op, int64_t wait_ms) {
    const slot_op *s = (const slot_op *)op;
    int64_t now;
    bool locked;
    sl_limit *l = bucket_of(s, &now, &locked);
    if (l) {
        l->limited++;
        sl_bucket_penalty(&l->bucket, &s->rates, now + wait_ms * 1000, now);
    }
    if (locked) sl_budget_unlock(s->book->budget);
}
