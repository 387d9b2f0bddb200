/* What a sink holds that can't be asked: the ids that were ever sent to it (a Productsup stream lists no products). A
 * sweep marks those that the source still has; what is left without the mark has vanished.
 *
 *   sl_sent_add(st, sink, ids, count, &err);                          // before they are sent
 *   int64_t mark = sl_sent_sweep(st, sink, &err);                     // a new sweep
 *   sl_sent_mark(st, sink, mark, ids, count, &err);                   // these are still there; page by page
 *   while ((rc = sl_sent_vanished(st, sink, mark, after, &id, &err)) == 1) …      // the others, by ascending id
 *   sl_sent_remove(st, sink, ids, count, &err);                       // once they are gone from the sink
 *
 * A sink is a name: API, account, stream. All survive the death of the process.
 */
#ifndef SL_STATE_SENT_H
#define SL_STATE_SENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "state/store.h"

/* Notes ids; those that are known stay as they are. One transaction. */
int sl_sent_add(sl_store *st, sl_str sink, const sl_str *ids, size_t count, sl_err *err);

/* Starts a sweep and returns its mark; ids that are added from now on carry it. -1 on failure. */
int64_t sl_sent_sweep(sl_store *st, sl_str sink, sl_err *err);

/* Gives the ids the mark; unknown ones are passed over. One transaction. */
int sl_sent_mark(sl_store *st, sl_str sink, int64_t mark, const sl_str *ids, size_t count, sl_err *err);

/* All ids of the sink and those without the mark. */
int sl_sent_count(sl_store *st, sl_str sink, int64_t mark, int64_t *all, int64_t *vanished, sl_err *err);

/* The first id behind `after` (empty: the first) that is without the mark: 1 and *id, borrowed until the next call on
 * the store; 0 there is none; -1. */
int sl_sent_vanished(sl_store *st, sl_str sink, int64_t mark, sl_str after, sl_str *id, sl_err *err);

/* Forgets ids. One transaction. */
int sl_sent_remove(sl_store *st, sl_str sink, const sl_str *ids, size_t count, sl_err *err);

#endif
