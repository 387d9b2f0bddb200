/* Jobs that a server works on after it has answered (upload batches, processes): durable before the first poll, so that
 * a restarted run finds them again.
 *
 *   sl_batch b = {.run = run, .api = "productsup_stream", .account = "feed", .resource = "124773", .batch = uuid,
 *                 .records = 10000, .detail = ""};
 *   sl_batch_put(st, &b, &id, &err);                                  // on disk when it returns
 *   sl_batch_done(st, id, "processed", &err);
 *
 *   sl_batch found = {.api = "productsup_stream"};                    // the open ones, oldest first
 *   for (int rc = sl_batches_first(st, &filter, &found, &err); rc == 1; rc = sl_batches_next(st, &found, &err)) …
 */
#ifndef SL_STATE_BATCH_H
#define SL_STATE_BATCH_H

#include <stdint.h>

#include "state/store.h"

/* How many finished ones are kept. */
#define SL_BATCHES_MAX 100000

typedef struct sl_batch {
    int64_t id, run, records, put_ms;
    const char *api, *account, *resource, *batch; /* borrowed; from a query until the next call on the store */
    const char *detail;                           /* the caller's own text */
} sl_batch;

/* Writes it down and gives its id. The same batch put again keeps its id, is open again, and takes the new fields. */
int sl_batch_put(sl_store *st, const sl_batch *batch, int64_t *id, sl_err *err);

/* It has its verdict. SL_NOT_FOUND where there is no such batch. */
int sl_batch_done(sl_store *st, int64_t id, const char *verdict, sl_err *err);

/* The open batches: api, account and resource of `filter` that are NULL match all. 1 and *out is filled, 0 at the end, -1. */
int sl_batches_first(sl_store *st, const sl_batch *filter, sl_batch *out, sl_err *err);
int sl_batches_next(sl_store *st, sl_batch *out, sl_err *err);

#endif
