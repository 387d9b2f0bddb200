/* New rows of a chunk get consecutive ids: what is done to neighbours in the same way is one statement, and one lock. */
#include "state/outbox_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "state/outbox_in.h"
#include "state/store_in.h"

typedef struct member {
    int64_t id;
    sl_outbox_state state;
    bool is_new, ours; /* ours: the lock is */
    bool sent;         /* by this set */
} member;

struct sl_intent_set {
    sl_store *st; /* NULL once the store is closed */
    sl_lock lock; /* the descriptor that has the locks of all of them */
    size_t count, taken; /* taken: intents that came out of it and are still open */
    bool closed;
    struct sl_intent_set *next, *prev;
    member all[];
};

/* ---- its life ---- */

static void unlink_set(sl_intent_set *set) {
    if (!set->st) return;
    if (set->prev) set->prev->next = set->next;
    else set->st->sets = set->next;
    if (set->next) set->next->prev = set->prev;
    set->next = set->prev = NULL;
    set->st = NULL;
}

static void free_if_done(sl_intent_set *set) {
    if (!set->closed || set->taken > 0) return;
    sl_lock_leave(&set->lock);
    free(set);
}

/* How many from `at` on are alike in what `same` looks at, and have consecutive ids. */
static size_t span(const sl_intent_set *set, size_t at, bool (*same)(const member *, const member *)) {
    size_t end = at + 1;
    const member *all = set->all;
    while (end < set->count && all[end].id == all[end - 1].id + 1 && same(&all[at], &all[end])) end++;
    return end - at;
}

static bool both_new(const member *a, const member *b) {
    return a->is_new == b->is_new;
}

static bool both_ours(const member *a, const member *b) {
    return a->ours == b->ours && a->sent == b->sent;
}

/* A program that is being started may have the descriptor for a moment: closing it would not be enough. */
static void drop_locks(sl_intent_set *set) {
    for (size_t i = 0, n = 1; i < set->count; i += n) {
        n = span(set, i, both_ours);
        if (set->all[i].ours) sl_lock_take_away(&set->lock, SL_LOCK_OUTBOX + set->all[i].id, (int64_t)n);
        for (size_t k = i; k < i + n; k++) set->all[k].ours = false;
    }
}

void sl_intent_set_orphan(sl_intent_set *set) {
    drop_locks(set);
    unlink_set(set);
}

void sl_intent_set_close(sl_intent_set *set) {
    if (!set) return;
    sl_intent_set_orphan(set);
    set->closed = true;
    free_if_done(set);
}

void sl_intent_set_leave(sl_intent_set *set, int64_t id) {
    sl_lock_take_away(&set->lock, SL_LOCK_OUTBOX + id, 1);
    set->taken--;
    free_if_done(set);
}

static sl_intent_set *make(sl_store *st, size_t count, sl_err *err) {
    sl_intent_set *set = calloc(1, sizeof *set + count * sizeof set->all[0]);
    if (!set) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu writes of the outbox", count);
        return NULL;
    }
    if (sl_lock_open(&set->lock, st->lock_path, err) < 0) {
        free(set);
        return NULL;
    }
    set->st = st;
    set->count = count;
    set->next = st->sets;
    if (set->next) set->next->prev = set;
    st->sets = set;
    return set;
}

/* ---- handing in ---- */

static int put_all(sl_intent_set *set, const sl_outbox_key *where, const sl_outbox_item *items, int64_t run, sl_err *err) {
    sl_outbox_key key = *where;
    for (size_t i = 0; i < set->count; i++) {
        member *m = &set->all[i];
        key.scope = items[i].scope;
        key.key = items[i].key;
        if (key.key.len == 0) return sl_fail(err, SL_USAGE, 0, "write %zu of %zu has no key", i + 1, set->count);
        if (sl_outbox_put(set->st, &key, items[i].body, items[i].digest, run, &m->id, &m->is_new, err) < 0) return -1;
    }
    return 0;
}

static int by_id(const void *a, const void *b) {
    const member *const *x = a, *const *y = b;
    if ((*x)->id != (*y)->id) return (*x)->id < (*y)->id ? -1 : 1;
    return *x < *y ? -1 : 1; /* the items' order */
}

/* Those that were there before or stand twice, in the order of their ids. */
static member **old_ones(sl_intent_set *set, size_t *count, sl_err *err) {
    member **list = malloc((set->count + 1) * sizeof(member *));
    *count = 0;
    if (!list) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu writes of the outbox", set->count);
        return NULL;
    }
    for (size_t i = 0; i < set->count; i++)
        if (!set->all[i].is_new) list[(*count)++] = &set->all[i];
    qsort(list, *count, sizeof(member *), by_id);
    return list;
}

static int same_key(const sl_intent_set *set, const sl_outbox_item *items, size_t second, size_t first, sl_err *err) {
    return sl_fail(err, SL_USAGE, 0, "write %zu of %zu has the key of write %zu: '%.100s'", second + 1, set->count, first + 1,
                   items[second].key.ptr);
}

/* New rows have the ids from the first one on, in their order. */
static int check_twice(sl_intent_set *set, const sl_outbox_item *items, sl_err *err) {
    size_t count;
    member **old = old_ones(set, &count, err);
    if (!old) return -1;
    int rc = 0;
    size_t first = 0; /* the new row that may be meant */
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t at = (size_t)(old[i] - set->all);
        while (first < set->count && (!set->all[first].is_new || set->all[first].id < old[i]->id)) first++;
        if (i > 0 && old[i - 1]->id == old[i]->id) rc = same_key(set, items, at, (size_t)(old[i - 1] - set->all), err);
        else if (first < set->count && set->all[first].id == old[i]->id) rc = same_key(set, items, at, first, err);
    }
    free(old);
    return rc;
}

/* A new row is nobody else's before the transaction ends; one that was there may be. */
static int lock_all(sl_intent_set *set, sl_err *err) {
    for (size_t i = 0, n = 1; i < set->count; i += n) {
        n = set->all[i].is_new ? span(set, i, both_new) : 1;
        int rc = sl_lock_add(&set->lock, SL_LOCK_OUTBOX + set->all[i].id, (int64_t)n, err);
        if (rc < 0) return -1;
        for (size_t k = i; k < i + n; k++) set->all[k].ours = rc == 1;
    }
    return 0;
}

static int refresh_one(sl_intent_set *set, member *m, const sl_outbox_item *item, int64_t run, sl_err *err) {
    if (sl_outbox_refresh(set->st, m->id, item->body, item->digest, run, err) < 0) return -1;
    sl_val args[] = {sl_val_int(m->id)};
    int rc = sl_sql_row(set->st->db, "SELECT state FROM outbox WHERE id = $1", args, 1, err);
    if (rc <= 0) return rc < 0 ? -1 : sl_fail(err, SL_STATE, 0, "the outbox row %lld is gone", (long long)m->id);
    int state = sl_outbox_state_of(sl_sql_str(set->st->db, 0).ptr);
    m->state = state < 0 ? SL_OUTBOX_UNKNOWN : (sl_outbox_state)state;
    return sl_sql_next(set->st->db, err) < 0 ? -1 : 0;
}

static int refresh_old(sl_intent_set *set, const sl_outbox_item *items, int64_t run, sl_err *err) {
    for (size_t i = 0; i < set->count; i++) {
        member *m = &set->all[i];
        m->state = SL_OUTBOX_INTENDED;
        if (m->ours && !m->is_new && refresh_one(set, m, &items[i], run, err) < 0) return -1;
    }
    return 0;
}

static int begin_chunk(sl_store *st, sl_err *err) {
    return sl_sql_make_room(st->db, err) < 0 ? -1 : sl_sql_begin(st->db, SL_SQL_DURABLE, err);
}

static int hand_in(sl_intent_set *set, const sl_outbox_key *where, const sl_outbox_item *items, int64_t run, sl_err *err) {
    if (put_all(set, where, items, run, err) < 0 || check_twice(set, items, err) < 0) return -1;
    return lock_all(set, err) < 0 ? -1 : refresh_old(set, items, run, err);
}

sl_intent_set *sl_intent_set_claim(sl_store *st, const sl_outbox_key *where, const sl_outbox_item *items, size_t count,
                                   int64_t run, sl_err *err) {
    if (count > SL_INTENT_SET_MAX) {
        sl_fail(err, SL_USAGE, 0, "%zu writes at once are too many, %d at most", count, SL_INTENT_SET_MAX);
        return NULL;
    }
    sl_intent_set *set = make(st, count, err);
    if (!set) return NULL;
    if (begin_chunk(st, err) == 0 && sl_sql_end(st->db, hand_in(set, where, items, run, err), err) == 0)
        return set;
    sl_intent_set_close(set);
    return NULL;
}

/* ---- looking ---- */

size_t sl_intent_set_count(const sl_intent_set *set) {
    return set->count;
}

int sl_intent_set_state(const sl_intent_set *set, size_t at) {
    return set->all[at].ours ? (int)set->all[at].state : -1;
}

int64_t sl_intent_set_id(const sl_intent_set *set, size_t at) {
    return set->all[at].id;
}

void sl_intent_set_release(sl_intent_set *set, size_t at) {
    if (set->all[at].ours) sl_lock_take_away(&set->lock, SL_LOCK_OUTBOX + set->all[at].id, 1);
    set->all[at].ours = false;
}

int sl_intent_set_take(sl_intent_set *set, size_t at, sl_intent **out, sl_err *err) {
    *out = NULL;
    if (!set->all[at].ours) return 0;
    sl_intent *in = sl_intent_make(set->st, set->all[at].id, err);
    if (!in) return -1;
    in->set = set;
    set->taken++;
    set->all[at].ours = false;
    *out = in;
    return 1;
}

/* ---- changes ---- */

/* One statement about a row or a span of rows ($1 to $2), $3 the time; all of them must be there. */
static int change(sl_intent_set *set, size_t at, size_t count, const char *sql, sl_val *args, int arg_count, sl_err *err) {
    args[0] = sl_val_int(set->all[at].id);
    args[1] = sl_val_int(set->all[at + count - 1].id);
    args[2] = sl_val_int(sl_clock_wall_ms());
    if (sl_sql_run(set->st->db, sql, args, arg_count, err) < 0) return -1;
    if (sl_sql_changes(set->st->db) == (int64_t)count) return 0;
    return sl_fail(err, SL_STATE, 0, "outbox rows from %lld to %lld are gone or settled", (long long)set->all[at].id,
                   (long long)set->all[at + count - 1].id);
}

static int mark_sending(sl_intent_set *set, sl_err *err) {
    char boot[SL_CLOCK_BOOT_BYTES];
    sl_val args[5];
    sl_clock_boot_id(boot);
    args[3] = sl_val_int(sl_clock_mono_ms());
    args[4] = sl_val_cstr(boot);
    for (size_t i = 0, n = 1; i < set->count; i += n) {
        n = span(set, i, both_ours);
        if (set->all[i].ours &&
            change(set, i, n,
                   "UPDATE outbox SET state = 'sent', sent_ms = $3, sent_up_ms = $4, sent_boot = $5,"
                   " attempts = attempts + 1, negatives = 0, looked_ms = NULL"
                   " WHERE id BETWEEN $1 AND $2 AND state IN ('intended', 'sent')",
                   args, 5, err) < 0)
            return -1;
    }
    return 0;
}

static int check_open(const sl_intent_set *set, sl_err *err) {
    return set->st ? 0 : sl_fail(err, SL_STATE, 0, "the store of the outbox is closed");
}

/* What was sent by one who died, or is settled, must not go again with the rest. */
static int check_sendable(const sl_intent_set *set, sl_err *err) {
    for (size_t i = 0; i < set->count; i++) {
        const member *m = &set->all[i];
        if (!m->ours || m->state == SL_OUTBOX_INTENDED || (m->state == SL_OUTBOX_SENT && m->sent)) continue;
        sl_fail(err, SL_USAGE, 0, "write %zu of %zu must not be sent: it is %s", i + 1, set->count, sl_outbox_state_name(m->state));
        return sl_hint(err, "leave it out of the request and give it back first (release)");
    }
    return 0;
}

int sl_intent_set_sending(sl_intent_set *set, sl_err *err) {
    if (check_open(set, err) < 0 || check_sendable(set, err) < 0) return -1;
    if (sl_sql_begin(set->st->db, SL_SQL_DURABLE, err) < 0) return -1;
    if (sl_sql_end(set->st->db, mark_sending(set, err), err) < 0) return -1;
    for (size_t i = 0; i < set->count; i++) {
        if (!set->all[i].ours) continue;
        set->all[i].state = SL_OUTBOX_SENT;
        set->all[i].sent = true;
    }
    return 0;
}

static int mark_back(sl_intent_set *set, sl_err *err) {
    sl_val args[3];
    for (size_t i = 0, n = 1; i < set->count; i += n) {
        n = span(set, i, both_ours);
        if (set->all[i].ours && set->all[i].sent &&
            change(set, i, n,
                   "UPDATE outbox SET state = 'intended', intended_ms = $3, negatives = 0, note = NULL WHERE id BETWEEN $1 AND $2",
                   args, 3, err) < 0)
            return -1;
    }
    return 0;
}

int sl_intent_set_back(sl_intent_set *set, sl_err *err) {
    if (check_open(set, err) < 0 || sl_sql_begin(set->st->db, SL_SQL_DURABLE, err) < 0) return -1;
    if (sl_sql_end(set->st->db, mark_back(set, err), err) < 0) return -1;
    for (size_t i = 0; i < set->count; i++) {
        if (!set->all[i].ours || !set->all[i].sent) continue;
        set->all[i].state = SL_OUTBOX_INTENDED;
        set->all[i].sent = false;
    }
    return 0;
}

/* ---- settling ---- */

static bool is_settled(const member *m) {
    return m->state == SL_OUTBOX_CONFIRMED || m->state == SL_OUTBOX_REJECTED;
}

static int check_fates(const sl_intent_set *set, const sl_outbox_fate *fates, sl_err *err) {
    for (size_t i = 0; i < set->count; i++) {
        if (fates[i].state == SL_OUTBOX_INTENDED) continue;
        const member *m = &set->all[i];
        if (!m->ours) return sl_fail(err, SL_USAGE, 0, "write %zu of %zu is not ours to settle", i + 1, set->count);
        if (is_settled(m))
            return sl_fail(err, SL_USAGE, 0, "write %zu of %zu is settled: it is %s", i + 1, set->count, sl_outbox_state_name(m->state));
        if (fates[i].state == SL_OUTBOX_SENT)
            return sl_fail(err, SL_USAGE, 0, "write %zu of %zu: confirmed, rejected or unknown expected", i + 1, set->count);
    }
    return 0;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* How many from `at` on have the same fate, and consecutive ids. */
static size_t fate_span(const sl_intent_set *set, const sl_outbox_fate *fates, size_t at) {
    size_t end = at + 1;
    const sl_outbox_fate *f = &fates[at];
    while (end < set->count && set->all[end].id == set->all[end - 1].id + 1 && fates[end].state == f->state &&
           same_text(fates[end].answer, f->answer) && same_text(fates[end].note, f->note))
        end++;
    return end - at;
}

static int mark_settled(sl_intent_set *set, const sl_outbox_fate *fates, sl_err *err) {
    for (size_t i = 0, n = 1; i < set->count; i += n) {
        n = fate_span(set, fates, i);
        if (fates[i].state == SL_OUTBOX_INTENDED) continue;
        sl_val args[6];
        args[3] = sl_val_cstr(sl_outbox_state_name(fates[i].state));
        args[4] = sl_val_cstr(fates[i].answer);
        args[5] = sl_val_cstr(fates[i].note);
        if (change(set, i, n, "UPDATE outbox SET state = $4, settled_ms = $3, answer = $5, note = $6 WHERE id BETWEEN $1 AND $2",
                   args, 6, err) < 0)
            return -1;
    }
    return 0;
}

int sl_intent_set_settle(sl_intent_set *set, const sl_outbox_fate *fates, sl_err *err) {
    if (check_open(set, err) < 0 || check_fates(set, fates, err) < 0) return -1;
    if (sl_sql_begin(set->st->db, SL_SQL_DURABLE, err) < 0) return -1;
    if (sl_sql_end(set->st->db, mark_settled(set, fates, err), err) < 0) return -1;
    for (size_t i = 0; i < set->count; i++)
        if (fates[i].state != SL_OUTBOX_INTENDED) set->all[i].state = fates[i].state;
    return 0;
}
