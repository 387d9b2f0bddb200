/* When to ask about which of many jobs. Pure: time is an argument, random numbers come from a seed.
 *
 *   sl_poll *p = sl_poll_new(&options, &err);
 *   sl_poll_add(p, 7, &SL_POLL_PACE, now_ms, &err);                 // 7: your name for the job
 *   int64_t wait_ms;
 *   while (sl_poll_next(p, now_ms, &id, &wait_ms))                  // due: ask the server about id …
 *       verdict = sl_poll_report(p, id, SL_STR("processed"), now_ms);
 *   …                                                               // nothing is due for wait_ms, -1: nothing waits
 *
 * A job is asked about after `start`, then at intervals that grow by `factor` up to `cap`; a change of its status starts
 * over with the short ones. The last question falls on the deadline: still no terminal status then is `stalled`.
 */
#ifndef SL_POLICY_POLL_H
#define SL_POLICY_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define SL_POLL_TERMINALS_MAX 32

typedef enum sl_poll_verdict {
    SL_POLL_AGAIN, /* not yet: it comes up again */
    SL_POLL_OK,    /* the rest ends the job: it is forgotten */
    SL_POLL_PARTIAL,
    SL_POLL_FAILED,
    SL_POLL_STALLED, /* past its deadline */
    SL_POLL_UNKNOWN  /* no such job */
} sl_poll_verdict;

/* "again", "ok", "partial", "failed", "stalled", "unknown". */
const char *sl_poll_verdict_name(sl_poll_verdict verdict);

/* A status that ends a job, and what it means. A status that is not in the table goes on. */
typedef struct sl_poll_terminal {
    sl_str status; /* compared as it stands; copied */
    sl_poll_verdict verdict;
} sl_poll_terminal;

typedef struct sl_poll_options {
    const sl_poll_terminal *terminals;
    size_t terminal_count;
    size_t max;    /* jobs at once */
    uint64_t seed; /* of the jitter */
} sl_poll_options;

typedef struct sl_poll_pace {
    int64_t start_ms;    /* before the first question, and the shortest interval */
    double factor;       /* from one interval to the next, at least 1 */
    int64_t cap_ms;      /* the longest */
    double jitter;       /* each is longer or shorter by up to this part, 0 to 1 */
    int64_t deadline_ms; /* from the adding on; INT64_MAX for none */
} sl_poll_pace;

#define SL_POLL_PACE                                                                                                 \
    ((sl_poll_pace){.start_ms = 1000, .factor = 1.5, .cap_ms = 30000, .jitter = 0.2, .deadline_ms = 3600000})

typedef struct sl_poll sl_poll;

/* NULL with SL_USAGE (a table too long, a verdict that is none) or SL_INTERNAL. */
sl_poll *sl_poll_new(const sl_poll_options *options, sl_err *err);
void sl_poll_free(sl_poll *p);

/* A new job, under an id that is not in use. SL_LIMIT at the ceiling, SL_USAGE for a pace that can't be. */
int sl_poll_add(sl_poll *p, uint64_t id, const sl_poll_pace *pace, int64_t now_ms, sl_err *err);

/* The job that is due, the one that has waited longest first; it comes up again only after its report. False where none
 * is due: *wait_ms is the time until one is, -1 where none waits (all are being asked about, or there are none). */
bool sl_poll_next(sl_poll *p, int64_t now_ms, uint64_t *id, int64_t *wait_ms);

/* What the server said of the job; the empty string where the question failed (it says nothing about the job). */
sl_poll_verdict sl_poll_report(sl_poll *p, uint64_t id, sl_str status, int64_t now_ms);

/* Forgets a job. False where there is none. */
bool sl_poll_remove(sl_poll *p, uint64_t id);

/* All jobs, and those that are being asked about. */
size_t sl_poll_count(const sl_poll *p);
size_t sl_poll_asked(const sl_poll *p);

#endif
