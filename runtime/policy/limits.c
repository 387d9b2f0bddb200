/* A hash table of budgets with a bounded probe, and one list of waiters for all of them: there are few at a time, since a
 * process stands in each line once and the rest of the list are requests under way. */
#include "policy/limits.h"

#include <string.h>

#define MAGIC UINT64_C(0x736c756963653031) /* "sluice01": another layout is another number */
#define PROBES 64
#define GRACE_MIN_US 5000
#define GRACE_MAX_US 1000000
#define LOOK_US 500000  /* those who stand behind somebody look whether he lives */
#define FULL_MIN_US 10000 /* while as many are under way as may be */
#define FULL_MAX_US 100000
#define LONGEST_US 60000000

size_t sl_limits_bytes(uint32_t max) {
    return sizeof(sl_limits) + (size_t)max * sizeof(sl_limit);
}

void sl_limits_init(sl_limits *t, uint32_t max) {
    t->max = max;
    t->next_ticket = 1;
    t->magic = MAGIC;
}

bool sl_limits_valid(const sl_limits *t, size_t bytes) {
    return bytes >= sizeof *t && t->magic == MAGIC && t->max > 0 && bytes == sl_limits_bytes(t->max) &&
           t->high <= SL_LIMITS_WAITERS;
}

/* ---- budgets ---- */

static uint64_t mix(uint64_t h, sl_str s) {
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    return (h ^ 0xff) * UINT64_C(1099511628211);
}

static uint64_t tag_of(const sl_limit_key *k, uint64_t seed) {
    uint64_t h = mix(mix(mix(mix(seed, k->host), k->account), k->rclass), k->resource);
    h ^= h >> 32;
    return h ? h : 1;
}

static void copy_part(char *to, size_t size, sl_str part) {
    size_t len = part.len < size - 1 ? part.len : size - 1;
    if (len) memcpy(to, part.ptr, len);
    to[len] = '\0';
}

static bool in_use(const sl_limits *t, int limit) {
    for (uint32_t i = 0; i < t->high; i++)
        if (t->waiters[i].ticket && t->waiters[i].limit == (uint32_t)limit) return true;
    return false;
}

/* A place among those probed that may be taken: a free one, else the longest idle; -1. */
static int free_place(sl_limits *t, uint64_t tag, int64_t now_us) {
    int best = -1;
    for (uint32_t i = 0; i < PROBES && i < t->max; i++) {
        int at = (int)((tag + i) % t->max);
        const sl_limit *l = &t->limits[at];
        if (l->tag == 0) return at;
        if (!sl_bucket_idle(&l->bucket, &l->rates, now_us) || in_use(t, at)) continue;
        if (best < 0 || l->used_us < t->limits[best].used_us) best = at;
    }
    return best;
}

static void limit_fill(sl_limit *l, const sl_limit_key *key, uint64_t tag, uint64_t tag2, int64_t now_us) {
    l->tag = 0;
    memset((char *)l + sizeof l->tag, 0, sizeof *l - sizeof l->tag);
    l->tag2 = tag2;
    copy_part(l->host, sizeof l->host, key->host);
    copy_part(l->account, sizeof l->account, key->account);
    copy_part(l->rclass, sizeof l->rclass, key->rclass);
    copy_part(l->resource, sizeof l->resource, key->resource);
    l->used_us = now_us;
    l->tag = tag;
}

int sl_limits_find(sl_limits *t, const sl_limit_key *key, int64_t now_us, sl_err *err) {
    uint64_t tag = tag_of(key, UINT64_C(14695981039346656037)), tag2 = tag_of(key, UINT64_C(0x9e3779b97f4a7c15));
    for (uint32_t i = 0; i < PROBES && i < t->max; i++) {
        int at = (int)((tag + i) % t->max);
        if (t->limits[at].tag == tag && t->limits[at].tag2 == tag2) return at;
    }
    int at = free_place(t, tag, now_us);
    if (at < 0) return sl_fail(err, SL_LIMIT, 0, "too many rate budgets are in use at once (room for %u)", t->max);
    limit_fill(&t->limits[at], key, tag, tag2, now_us);
    return at;
}

/* ---- the line ---- */

int sl_limits_join(sl_limits *t, int limit, uint32_t owner, bool interactive, int64_t now_us, sl_err *err) {
    uint32_t at = 0;
    while (t->high > 0 && t->waiters[t->high - 1].ticket == 0) t->high--;
    while (at < t->high && t->waiters[at].ticket) at++;
    if (at == SL_LIMITS_WAITERS)
        return sl_fail(err, SL_LIMIT, 0, "more than %d requests of this machine wait or are under way",
                       SL_LIMITS_WAITERS);
    sl_waiter *w = &t->waiters[at];
    w->limit = (uint32_t)limit;
    w->owner = owner;
    w->since_us = now_us;
    w->interactive = interactive;
    w->sending = false;
    if (at == t->high) t->high++;
    w->ticket = t->next_ticket++;
    return (int)at;
}

void sl_limits_leave(sl_limits *t, int waiter) {
    t->waiters[waiter].ticket = 0;
}

void sl_limits_bury(sl_limits *t, uint32_t owner) {
    for (uint32_t i = 0; i < t->high; i++)
        if (t->waiters[i].ticket && t->waiters[i].owner == owner) t->waiters[i].ticket = 0;
}

/* Who else waits for a waiter's budget. */
typedef struct crowd {
    int before[2], all[2]; /* [interactive]: with a lower number, in all */
    int sending;
} crowd;

static crowd look(const sl_limits *t, const sl_waiter *self) {
    crowd c = {{0, 0}, {0, 0}, 0};
    uint64_t own = self->ticket;
    for (uint32_t i = 0; i < t->high; i++) {
        const sl_waiter *w = &t->waiters[i];
        uint64_t ticket = w->ticket;
        if (ticket == 0 || w == self || w->limit != self->limit) continue;
        if (w->sending) {
            c.sending++;
            continue;
        }
        c.all[w->interactive]++;
        c.before[w->interactive] += ticket < own;
    }
    return c;
}

/* How many go before this waiter: those of its kind with a lower number, and the other kind in turns with them. */
static int ahead_of(const sl_limit *l, const sl_waiter *w, const crowd *c) {
    int same = c->before[w->interactive], other = c->all[!w->interactive];
    int turns = same + (w->interactive == l->last_interactive ? 1 : 0);
    return same + (other < turns ? other : turns);
}

static int64_t clamp(int64_t n, int64_t low, int64_t high) {
    return n < low ? low : n > high ? high : n;
}

static void go(sl_limits *t, sl_waiter *w, int64_t now_us) {
    sl_limit *l = &t->limits[w->limit];
    l->sent++;
    l->waited_us += now_us - w->since_us;
    l->last_interactive = w->interactive;
    w->sending = true;
}

/* When a waiter with so many ahead of it may take the slot that is free at `from_us`: the first of them has a moment,
 * each further one an interval. */
static int64_t due_at(int64_t from_us, int ahead, int64_t interval_us) {
    if (ahead == 0) return from_us;
    return from_us + clamp(interval_us / 4, GRACE_MIN_US, GRACE_MAX_US) + (ahead - 1) * interval_us;
}

/* Whoever dies in here leaves no window without a count: others divide by it. */
static void keep_rates(sl_limit *l, const sl_rates *rates) {
    if (rates->count < l->rates.count) l->rates.count = rates->count;
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(l->rates.at, rates->at, sizeof l->rates.at);
    l->rates.concurrent = rates->concurrent;
    atomic_signal_fence(memory_order_seq_cst);
    l->rates.count = rates->count;
}

sl_turn sl_limits_ask(sl_limits *t, int waiter, const sl_rates *rates, int64_t now_us) {
    sl_waiter *w = &t->waiters[waiter];
    sl_limit *l = &t->limits[w->limit];
    crowd c = look(t, w);
    int ahead = ahead_of(l, w, &c);
    keep_rates(l, rates);
    l->used_us = now_us;
    int64_t interval = sl_bucket_interval_us(&l->bucket, rates, now_us);
    int64_t free = sl_bucket_free_us(&l->bucket, rates, now_us);
    sl_turn turn = {.ahead = ahead, .late = free <= now_us && ahead > 0};
    if (rates->concurrent && c.sending >= rates->concurrent) {
        int64_t pause = clamp(interval / 4, FULL_MIN_US, FULL_MAX_US);
        int64_t wait = clamp(free - now_us, pause, LOOK_US);
        return (sl_turn){wait, free - now_us > wait ? free - now_us : wait, ahead + c.sending, false};
    }
    int64_t due = due_at(free > w->since_us ? free : w->since_us, ahead, interval);
    turn.due_us = due > now_us ? due - now_us : 0;
    turn.wait_us = turn.due_us ? clamp(turn.due_us, 1, ahead ? LOOK_US : LONGEST_US) : 0;
    if (turn.wait_us > 0) return turn;
    sl_bucket_take(&l->bucket, rates, now_us);
    go(t, w, now_us);
    return turn;
}

int sl_limits_ahead(const sl_limits *t, int waiter, uint32_t *owners, int max) {
    const sl_waiter *self = &t->waiters[waiter];
    int n = 0;
    for (uint32_t i = 0; i < t->high && n < max; i++) {
        const sl_waiter *w = &t->waiters[i];
        if (w->ticket == 0 || w->limit != self->limit || w->owner == self->owner) continue;
        bool seen = false;
        for (int k = 0; k < n && !seen; k++) seen = owners[k] == w->owner;
        if (!seen) owners[n++] = w->owner;
    }
    return n;
}

void sl_limits_count(const sl_limits *t, int limit, int *waiting, int *sending) {
    *waiting = *sending = 0;
    for (uint32_t i = 0; i < t->high; i++) {
        const sl_waiter *w = &t->waiters[i];
        if (w->ticket && w->limit == (uint32_t)limit) ++*(w->sending ? sending : waiting);
    }
}
