/* A binary heap by the time of the next question over an array of jobs, and a hash table from ids to jobs. A job that is
 * being asked about is not in the heap. */
#include "policy/poll.h"

#include <stdlib.h>

#define NONE UINT32_MAX
#define JOBS_MAX 10000000

typedef struct job {
    uint64_t id;
    sl_poll_pace pace;
    int64_t due_ms, interval_ms, deadline_ms;
    uint32_t status; /* hash of the last one */
    uint32_t heap;   /* place in the heap, NONE while it is being asked about */
    uint32_t next;   /* in its chain, or in the list of free ones */
} job;

struct sl_poll {
    sl_poll_terminal terminal[SL_POLL_TERMINALS_MAX];
    size_t terminals, max;
    uint64_t random;
    job *jobs;
    uint32_t *heap, *slot; /* slot: heads of the chains, cap of them */
    size_t cap, used, count, heaped;
    uint32_t free;
};

const char *sl_poll_verdict_name(sl_poll_verdict verdict) {
    static const char *const names[] = {"again", "ok", "partial", "failed", "stalled", "unknown"};
    return names[verdict];
}

/* ---- making ---- */

static int copy_terminals(sl_poll *p, const sl_poll_options *o, sl_err *err) {
    if (o->terminal_count > SL_POLL_TERMINALS_MAX)
        return sl_fail(err, SL_USAGE, 0, "more than %d terminal states", SL_POLL_TERMINALS_MAX);
    for (size_t i = 0; i < o->terminal_count; i++) {
        const sl_poll_terminal *t = &o->terminals[i];
        if (t->verdict < SL_POLL_OK || t->verdict > SL_POLL_FAILED || t->status.len == 0)
            return sl_fail(err, SL_USAGE, 0, "a terminal state has a name and is ok, partial or failed");
        char *copy = sl_str_dup(t->status);
        if (!copy) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a poll");
        p->terminal[p->terminals++] = (sl_poll_terminal){sl_str_make(copy, t->status.len), t->verdict};
    }
    return 0;
}

sl_poll *sl_poll_new(const sl_poll_options *options, sl_err *err) {
    sl_poll *p = calloc(1, sizeof *p);
    if (!p) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a poll");
        return NULL;
    }
    p->max = options->max > 0 && options->max < JOBS_MAX ? options->max : JOBS_MAX;
    p->random = options->seed ^ 0x9e3779b97f4a7c15u;
    p->free = NONE;
    if (copy_terminals(p, options, err) == 0) return p;
    sl_poll_free(p);
    return NULL;
}

void sl_poll_free(sl_poll *p) {
    if (!p) return;
    for (size_t i = 0; i < p->terminals; i++) free((char *)(uintptr_t)p->terminal[i].status.ptr);
    free(p->jobs);
    free(p->heap);
    free(p->slot);
    free(p);
}

/* ---- ids ---- */

static uint64_t scramble(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint32_t find(const sl_poll *p, uint64_t id) {
    if (p->cap == 0) return NONE;
    uint32_t at = p->slot[scramble(id) % p->cap];
    while (at != NONE && p->jobs[at].id != id) at = p->jobs[at].next;
    return at;
}

static void chain(sl_poll *p, uint32_t at) {
    uint32_t *head = &p->slot[scramble(p->jobs[at].id) % p->cap];
    p->jobs[at].next = *head;
    *head = at;
}

static void unchain(sl_poll *p, uint32_t at) {
    uint32_t *from = &p->slot[scramble(p->jobs[at].id) % p->cap];
    while (*from != at) from = &p->jobs[*from].next;
    *from = p->jobs[at].next;
}

/* Doubles the three arrays. Called when every job is in use, so that all chains are made anew. */
static int grow(sl_poll *p, sl_err *err) {
    size_t cap = p->cap ? p->cap * 2 : 16;
    job *jobs = realloc(p->jobs, cap * sizeof *jobs);
    if (jobs) p->jobs = jobs;
    uint32_t *heap = realloc(p->heap, cap * sizeof *heap);
    if (heap) p->heap = heap;
    uint32_t *slot = jobs && heap ? malloc(cap * sizeof *slot) : NULL;
    if (!slot) return sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu jobs", cap);
    free(p->slot);
    p->slot = slot;
    p->cap = cap;
    for (size_t i = 0; i < cap; i++) slot[i] = NONE;
    for (size_t i = 0; i < p->used; i++) chain(p, (uint32_t)i);
    return 0;
}

/* ---- the heap ---- */

static void put(sl_poll *p, size_t place, uint32_t at) {
    p->heap[place] = at;
    p->jobs[at].heap = (uint32_t)place;
}

static bool sooner(const sl_poll *p, uint32_t a, uint32_t b) {
    return p->jobs[a].due_ms < p->jobs[b].due_ms;
}

static void sift_up(sl_poll *p, size_t place, uint32_t at) {
    for (; place > 0 && sooner(p, at, p->heap[(place - 1) / 2]); place = (place - 1) / 2)
        put(p, place, p->heap[(place - 1) / 2]);
    put(p, place, at);
}

static void sift_down(sl_poll *p, size_t place, uint32_t at) {
    for (size_t kid; (kid = 2 * place + 1) < p->heaped; place = kid) {
        if (kid + 1 < p->heaped && sooner(p, p->heap[kid + 1], p->heap[kid])) kid++;
        if (!sooner(p, p->heap[kid], at)) break;
        put(p, place, p->heap[kid]);
    }
    put(p, place, at);
}

static void heap_add(sl_poll *p, uint32_t at) {
    sift_up(p, p->heaped++, at);
}

static void heap_take(sl_poll *p, uint32_t at) {
    size_t place = p->jobs[at].heap;
    uint32_t last = p->heap[--p->heaped];
    p->jobs[at].heap = NONE;
    if (last == at) return;
    if (place > 0 && sooner(p, last, p->heap[(place - 1) / 2]))
        sift_up(p, place, last);
    else
        sift_down(p, place, last);
}

/* ---- time ---- */

/* In [-1, 1). */
static double jitter(sl_poll *p) {
    p->random += 0x9e3779b97f4a7c15u;
    return (double)(scramble(p->random) >> 11) * 0x1p-52 - 1;
}

/* An interval from now, but not past the deadline: the last question falls on it. */
static void schedule(sl_poll *p, job *j, int64_t now_ms) {
    double wait = (double)j->interval_ms * (1 + j->pace.jitter * jitter(p));
    int64_t due = now_ms + (wait < 1 ? 1 : (int64_t)wait);
    j->due_ms = due > j->deadline_ms ? j->deadline_ms : due;
}

static void lengthen(job *j) {
    double next = (double)j->interval_ms * j->pace.factor;
    j->interval_ms = next >= (double)j->pace.cap_ms ? j->pace.cap_ms : (int64_t)next;
}

/* ---- jobs ---- */

static int check_pace(const sl_poll_pace *pace, sl_err *err) {
    if (pace->start_ms >= 1 && pace->cap_ms >= pace->start_ms && pace->cap_ms <= 86400000 && pace->factor >= 1 &&
        pace->factor <= 100 && pace->jitter >= 0 && pace->jitter <= 1 && pace->deadline_ms >= 0)
        return 0;
    return sl_fail(err, SL_USAGE, 0,
                   "a poll's start is above 0, its cap not below the start and up to a day, its factor 1 to 100, "
                   "its jitter 0 to 1, its deadline not negative");
}

int sl_poll_add(sl_poll *p, uint64_t id, const sl_poll_pace *pace, int64_t now_ms, sl_err *err) {
    if (check_pace(pace, err) < 0) return -1;
    if (find(p, id) != NONE) return sl_fail(err, SL_USAGE, 0, "the job is being polled already");
    if (p->count >= p->max) return sl_fail(err, SL_LIMIT, 0, "more than %zu jobs are polled at once", p->max);
    uint32_t at = p->free;
    if (at != NONE)
        p->free = p->jobs[at].next;
    else {
        if (p->used == p->cap && grow(p, err) < 0) return -1;
        at = (uint32_t)p->used++;
    }
    job *j = &p->jobs[at];
    *j = (job){.id = id, .pace = *pace, .interval_ms = pace->start_ms};
    j->deadline_ms = pace->deadline_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + pace->deadline_ms;
    schedule(p, j, now_ms);
    chain(p, at);
    heap_add(p, at);
    p->count++;
    return 0;
}

static void forget(sl_poll *p, uint32_t at) {
    if (p->jobs[at].heap != NONE) heap_take(p, at);
    unchain(p, at);
    p->jobs[at].next = p->free;
    p->free = at;
    p->count--;
}

bool sl_poll_next(sl_poll *p, int64_t now_ms, uint64_t *id, int64_t *wait_ms) {
    *wait_ms = -1;
    if (p->heaped == 0) return false;
    uint32_t at = p->heap[0];
    if (p->jobs[at].due_ms > now_ms) {
        *wait_ms = p->jobs[at].due_ms - now_ms;
        return false;
    }
    heap_take(p, at);
    *id = p->jobs[at].id;
    *wait_ms = 0;
    return true;
}

static uint32_t hash(sl_str s) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 16777619u;
    return h ? h : 1;
}

static sl_poll_verdict judge(const sl_poll *p, const job *j, sl_str status, int64_t now_ms) {
    for (size_t i = 0; i < p->terminals; i++)
        if (sl_str_eq(p->terminal[i].status, status)) return p->terminal[i].verdict;
    return now_ms >= j->deadline_ms ? SL_POLL_STALLED : SL_POLL_AGAIN;
}

sl_poll_verdict sl_poll_report(sl_poll *p, uint64_t id, sl_str status, int64_t now_ms) {
    uint32_t at = find(p, id);
    if (at == NONE) return SL_POLL_UNKNOWN;
    job *j = &p->jobs[at];
    sl_poll_verdict verdict = judge(p, j, status, now_ms);
    if (verdict != SL_POLL_AGAIN) {
        forget(p, at);
        return verdict;
    }
    uint32_t seen = status.len ? hash(status) : j->status;
    if (seen != j->status && j->status != 0)
        j->interval_ms = j->pace.start_ms;
    else
        lengthen(j);
    j->status = seen;
    if (j->heap != NONE) heap_take(p, at); /* reported without being asked: fine */
    schedule(p, j, now_ms);
    heap_add(p, at);
    return verdict;
}

bool sl_poll_remove(sl_poll *p, uint64_t id) {
    uint32_t at = find(p, id);
    if (at == NONE) return false;
    forget(p, at);
    return true;
}

size_t sl_poll_count(const sl_poll *p) {
    return p->count;
}

size_t sl_poll_asked(const sl_poll *p) {
    return p->count - p->heaped;
}
