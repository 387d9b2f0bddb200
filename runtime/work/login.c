/* A cell's queue of askers: the head reads what is shared, or logs in, and what it got serves all of them. An asker
 * that is dropped in the middle hands its duty on. */
#include "work/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/op.h"
#include "state/token.h"

#define CELLS_MAX 1000
#define TOKEN_MAX (64 << 10)
#define MINUTE_MS 60000
#define LOOK_AGAIN_MS 25 /* while another process has the duty */
#define MARGIN_MS 60000  /* a token is renewed that long before it expires, or a tenth of its life */
#define FORMER 4         /* texts of earlier logins that are still masked: an error may quote them */

typedef struct token_op token_op;

typedef struct token_cell {
    char *host, *account;
    sl_buf text, refresh;
    char *former[FORMER];            /* ring of what stood there before */
    unsigned formers;
    int64_t generation;              /* 0: no token yet */
    int64_t obtained_ms, before_ms;  /* wall clock: when this token was fetched, and the one before that was refused */
    int64_t expires_ms;              /* 0: not known */
    token_op *first, *last;
    struct token_cell *next;
} token_cell;

struct sl_tokens {
    sl_loop *loop;
    token_cell *cells;
    size_t count;
    char *folder;
    bool alone;
    sl_store *store; /* opened when the first token is asked for */
};

struct token_op {
    sl_op op;
    sl_tokens *tokens;
    token_cell *cell;
    sl_token_request r; /* host and account are the cell's */
    char name[64], advice[256];
    sl_op *child;       /* the login, or a pause before it */
    sl_token_lock *lock;
    bool logging_in, waiting;
    sl_token_got got;
    token_op *next;
};

/* ---- cells ---- */

sl_tokens *sl_tokens_new(sl_loop *loop, sl_err *err) {
    sl_tokens *t = calloc(1, sizeof *t);
    if (!t) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    t->loop = loop;
    return t;
}

static void wipe_text(char *text) {
    if (text) explicit_bzero(text, strlen(text));
    free(text);
}

/* What a place holds is dead: kept for the masks until a few more have come. */
static void retire(token_cell *cell, sl_buf *place) {
    if (place->len == 0) return;
    char **slot = &cell->former[cell->formers++ % FORMER];
    if (*slot) sl_log_secret_release(sl_str_of(*slot));
    wipe_text(*slot);
    *slot = sl_str_dup(sl_buf_str(place)); /* without memory for it, it stays masked for good */
    explicit_bzero(place->data, place->len);
    sl_buf_clear(place);
}

static void wipe(sl_buf *b) {
    if (b->data) explicit_bzero(b->data, b->len);
    sl_buf_free(b);
}

/* Its tokens may live on with the server, so they stay masked. */
static void cell_free(token_cell *cell) {
    for (int i = 0; i < FORMER; i++) wipe_text(cell->former[i]);
    wipe(&cell->text);
    wipe(&cell->refresh);
    free(cell->host);
    free(cell->account);
    free(cell);
}

static void forget(sl_tokens *t) {
    for (token_cell *cell = t->cells, *next; cell; cell = next) {
        next = cell->next;
        sl_assert(!cell->first);
        cell_free(cell);
    }
    t->cells = NULL;
    t->count = 0;
    sl_store_close(t->store);
    t->store = NULL;
    free(t->folder);
    t->folder = NULL;
}

void sl_tokens_free(sl_tokens *t) {
    if (t) forget(t);
    free(t);
}

int sl_tokens_share(sl_tokens *t, const char *folder, bool alone, sl_err *err) {
    for (const token_cell *cell = t->cells; cell; cell = cell->next)
        if (cell->first) return sl_fail(err, SL_USAGE, 0, "a login is under way: the folder of tokens can't change now");
    forget(t);
    t->alone = alone;
    if (folder) t->folder = sl_str_dup(sl_str_of(folder));
    return folder && !t->folder ? sl_fail(err, SL_INTERNAL, 0, "out of memory") : 0;
}

static token_cell *cell_of(sl_tokens *t, const sl_token_request *r, sl_err *err) {
    for (token_cell *cell = t->cells; cell; cell = cell->next)
        if (strcmp(cell->host, r->host) == 0 && strcmp(cell->account, r->account) == 0) return cell;
    token_cell *cell = t->count < CELLS_MAX ? calloc(1, sizeof *cell) : NULL;
    if (!cell) return sl_fail(err, SL_LIMIT, 0, "more than %d accounts in one process", CELLS_MAX), NULL;
    sl_buf_init(&cell->text, TOKEN_MAX);
    sl_buf_init(&cell->refresh, TOKEN_MAX);
    cell->host = sl_str_dup(sl_str_of(r->host));
    cell->account = sl_str_dup(sl_str_of(r->account));
    if (!cell->host || !cell->account) {
        cell_free(cell);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    }
    cell->next = t->cells;
    t->cells = cell;
    t->count++;
    return cell;
}

/* ---- what processes share ---- */

static int set(token_cell *cell, sl_buf *place, sl_str text, sl_err *err) {
    if (sl_str_eq(sl_buf_str(place), text)) return 0;
    sl_log_secret(text);
    retire(cell, place);
    return sl_buf_put_str(place, text, err);
}

static int open_store(sl_tokens *t, sl_err *err) {
    if (t->store) return 0;
    t->store = sl_store_open_shared(t->folder, err);
    if (t->store) return 0;
    return sl_hint(err, "`shared: DIR` in sluice.yaml names another folder for login tokens");
}

static int take_row(token_cell *cell, const sl_token *row, sl_err *err) {
    if (set(cell, &cell->refresh, sl_str_of(row->refresh), err) < 0) return -1;
    if (!row->text[0]) return 0; /* it was dropped; the refresh token is still good */
    if (set(cell, &cell->text, sl_str_of(row->text), err) < 0) return -1;
    cell->generation = row->generation;
    cell->obtained_ms = row->obtained_ms;
    cell->before_ms = row->before_ms;
    cell->expires_ms = row->expires_ms;
    return 0;
}

/* Takes over the token that another process may have fetched. */
static int read_shared(sl_tokens *t, token_cell *cell, sl_err *err) {
    if (t->alone) return 0;
    sl_token row;
    if (open_store(t, err) < 0) return -1;
    int rc = sl_token_get(t->store, sl_str_of(cell->host), sl_str_of(cell->account), &row, err);
    if (rc == 1 && row.generation != cell->generation) rc = take_row(cell, &row, err);
    sl_token_clear(&row);
    return rc < 0 ? -1 : 0;
}

/* On disk before its first use. Called under the lock, with what is shared just read. */
static int write_shared(token_op *t, const sl_login_got *got, sl_err *err) {
    token_cell *cell = t->cell;
    sl_tokens *all = t->tokens;
    int64_t now = sl_clock_wall_ms(), generation = cell->generation + 1;
    sl_str refresh = got->refresh.len ? sl_buf_str(&got->refresh) : sl_buf_str(&cell->refresh);
    sl_token_new row = {sl_buf_str(&got->token), refresh, now, got->expires_ms > 0 ? now + got->expires_ms : 0,
                        t->r.refused == 0 && !t->r.force};
    if (!all->alone &&
        sl_token_put(all->store, sl_str_of(cell->host), sl_str_of(cell->account), &row, &generation, err) < 0)
        return -1;
    if (set(cell, &cell->refresh, refresh, err) < 0 || set(cell, &cell->text, row.text, err) < 0) return -1;
    cell->before_ms = row.in_time ? 0 : cell->obtained_ms;
    cell->generation = generation;
    cell->obtained_ms = now;
    cell->expires_ms = row.expires_ms;
    return 0;
}

/* 1: the duty to log in is ours. 0: another process has it. */
static int take_duty(token_op *t, sl_err *err) {
    if (t->tokens->alone) return 1;
    return sl_token_lock_try(t->tokens->store, sl_str_of(t->cell->host), sl_str_of(t->cell->account), &t->lock, err);
}

static void drop_duty(token_op *t) {
    sl_token_unlock(t->lock);
    t->lock = NULL;
}

/* ---- the queue of a cell ---- */

static void leave(token_op *t) {
    token_cell *cell = t->cell;
    token_op *before = NULL;
    for (token_op *at = cell->first; at != t; at = at->next) before = at;
    if (before) before->next = t->next;
    else cell->first = t->next;
    if (cell->last == t) cell->last = before;
    t->waiting = false;
}

static void end_one(token_op *t, const sl_err *err) {
    leave(t);
    drop_duty(t);
    t->got.text = sl_buf_str(&t->cell->text);
    t->got.generation = t->cell->generation;
    sl_op_finish(&t->op, err);
}

static bool expired(const token_cell *cell) {
    if (cell->expires_ms == 0) return false;
    int64_t tenth = (cell->expires_ms - cell->obtained_ms) / 10;
    return sl_clock_wall_ms() >= cell->expires_ms - (tenth < MARGIN_MS ? tenth : MARGIN_MS);
}

/* A login asked for by the user is satisfied by nothing but its own. */
static bool satisfied(const token_op *t) {
    return !t->r.force && t->cell->generation != 0 && t->cell->generation != t->r.refused && !expired(t->cell);
}

static void end_satisfied(token_cell *cell) {
    for (token_op *t = cell->first, *next; t; t = next) {
        next = t->next;
        if (satisfied(t)) end_one(t, NULL);
    }
}

/* Everybody who waits for this login gets its error: ten tasks with a wrong password make one attempt, not ten. */
static void end_all(token_cell *cell, const sl_err *err) {
    for (token_op *t = cell->first, *next; t; t = next) {
        next = t->next;
        if (!t->r.force) end_one(t, err);
    }
}

/* The next step of the head, taken from the loop. */
static void pause_head(token_op *t, int64_t ms) {
    sl_err err;
    t->child = sl_sleep_start(t->op.loop, ms, &err);
    if (t->child) sl_op_adopt(t->child, &t->op);
    else end_one(t, &err);
}

/* Never goes on from inside a free, where the loop may be about to go. */
static void pass_on(token_cell *cell) {
    if (cell->first && !cell->first->child) pause_head(cell->first, 0);
}

/* ---- the head ---- */

/* Two logins within a minute, and refused again: a fight that nobody wins. */
static int check_fight(const token_op *t, sl_err *err) {
    const token_cell *cell = t->cell;
    if (t->r.force || t->r.refused == 0 || cell->before_ms == 0) return 0;
    if (sl_clock_wall_ms() - cell->obtained_ms >= MINUTE_MS || cell->obtained_ms - cell->before_ms >= MINUTE_MS) return 0;
    sl_fail(err, SL_AUTH, 0, "%s refused the token again, and two logins within a minute did not help", t->name);
    return sl_hint(err, "%s", t->advice);
}

static int start_login(token_op *t, sl_err *err) {
    if (check_fight(t, err) < 0) return -1;
    t->child = t->r.login.start(t->r.login.self, sl_buf_str(&t->cell->refresh), err);
    if (!t->child) return -1;
    t->logging_in = true;
    sl_op_adopt(t->child, &t->op);
    return 0;
}

/* 1: under way, or the head is served; 0: another process is at it; -1. */
static int go_on(token_op *t, sl_err *err) {
    if (read_shared(t->tokens, t->cell, err) < 0) return -1;
    if (satisfied(t)) return 1;
    int rc = take_duty(t, err);
    if (rc <= 0) return rc;
    if (read_shared(t->tokens, t->cell, err) < 0) return -1; /* it may have come while the lock was another's */
    if (satisfied(t)) return 1;
    return start_login(t, err) < 0 ? -1 : 1;
}

static void lead(token_cell *cell) {
    token_op *t = cell->first;
    sl_err err;
    if (!t || t->child) return;
    int rc = go_on(t, &err);
    if (rc == 0) {
        pause_head(t, LOOK_AGAIN_MS);
        return;
    }
    if (rc < 0 && t->r.force) end_one(t, &err);
    else if (rc < 0) end_all(cell, &err);
    end_satisfied(cell);
    pass_on(cell);
}

static int take_login(token_op *t, sl_err *err) {
    const sl_login *login = &t->r.login;
    const sl_err *failed = sl_op_error(t->child);
    if (failed) {
        *err = *failed;
        if (login->explain) login->explain(login->self, t->child, err);
        return -1;
    }
    sl_login_got got = {.expires_ms = 0};
    sl_buf_init(&got.token, TOKEN_MAX);
    sl_buf_init(&got.refresh, TOKEN_MAX);
    int rc = login->take(login->self, t->child, &got, err);
    if (rc == 0 && got.token.len == 0) rc = sl_fail(err, SL_PROTOCOL, 0, "the login's answer has an empty token");
    if (rc == 0) rc = write_shared(t, &got, err);
    wipe(&got.token);
    wipe(&got.refresh);
    return rc;
}

/* Who logged in takes what came; also a token that is short-lived enough to be renewed at once. */
static void after_login(token_op *t, sl_op *login) {
    token_cell *cell = t->cell;
    sl_err err;
    int rc = take_login(t, &err);
    t->logging_in = false;
    drop_duty(t);
    if (!t->r.force) {
        sl_op_free(login);
        t->child = NULL;
    } /* else it stays: its answer is what the user asked for */
    if (rc < 0 && !t->r.force) end_all(cell, &err);
    else end_one(t, rc < 0 ? &err : NULL);
    end_satisfied(cell);
    pass_on(cell);
}

static void token_step(sl_op *self, sl_op *child) {
    token_op *t = (token_op *)self;
    t->got.waited = true;
    if (t->logging_in) {
        after_login(t, child);
        return;
    }
    sl_op_free(child);
    t->child = NULL;
    lead(t->cell);
}

static void token_free(sl_op *self) {
    token_op *t = (token_op *)self;
    sl_op_free(t->child);
    t->child = NULL;
    drop_duty(t);
    if (t->waiting) {
        leave(t);
        pass_on(t->cell);
    }
    sl_op_deinit(self);
    free(t);
}

static const sl_op_kind token_kind = {"token", token_step, token_free};

sl_op *sl_token_start(sl_tokens *tokens, const sl_token_request *request, sl_err *err) {
    token_cell *cell = cell_of(tokens, request, err);
    token_op *t = cell ? calloc(1, sizeof *t) : NULL;
    if (!t) return cell ? sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL : NULL;
    sl_op_init(&t->op, tokens->loop, &token_kind);
    t->tokens = tokens;
    t->cell = cell;
    t->r = *request;
    t->r.host = cell->host;
    t->r.account = cell->account;
    snprintf(t->name, sizeof t->name, "%s", request->name);
    snprintf(t->advice, sizeof t->advice, "%s", request->advice ? request->advice : "");
    t->waiting = true;
    if (cell->last) cell->last->next = t;
    else cell->first = t;
    cell->last = t;
    if (cell->first != t) return &t->op; /* a login is under way: what is there now may be dead in a moment */
    if (satisfied(t)) end_one(t, NULL);
    else lead(cell);
    return &t->op;
}

const sl_token_got *sl_token_result(const sl_op *op) {
    return &((const token_op *)op)->got;
}

sl_op *sl_token_login(const sl_op *op) {
    return ((const token_op *)op)->child;
}
