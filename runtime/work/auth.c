/* A cell's queue of askers: the head reads what is shared, or logs in, and what it got serves all of them. An asker
 * that is dropped in the middle hands its duty on. */
#include "work/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/digest.h"
#include "io/op.h"
#include "io/url.h"

#define CELLS_MAX 1000
#define TOKEN_MAX (64 << 10)
#define MINUTE_MS 60000

typedef struct token_op token_op;

typedef struct token_cell {
    char *host, *account;
    sl_buf text;
    uint64_t generation;     /* 0: no token yet */
    int64_t refused_ms[2];   /* when the last two logins happened because a token was refused */
    token_op *first, *last;
    struct token_cell *next;
} token_cell;

struct sl_tokens {
    sl_loop *loop;
    token_cell *cells;
    size_t count;
};

struct token_op {
    sl_op op;
    sl_tokens *tokens;
    token_cell *cell;
    sl_token_request r; /* host and account are the cell's */
    char name[64];
    sl_op *child;       /* the login, or a pause before it */
    bool logging_in, waiting;
    sl_token_got got;
    token_op *next;
};

/* ---- static kinds ---- */

static const char *const kind_names[] = {"none", "bearer", "header", "basic", "login"};

int sl_auth_kind_of(const char *name) {
    for (int i = 0; i < (int)(sizeof kind_names / sizeof kind_names[0]); i++)
        if (strcmp(name, kind_names[i]) == 0) return i;
    return -1;
}

static int put_basic(sl_str username, sl_str secret, sl_buf *out, sl_err *err) {
    sl_buf both;
    sl_buf_init(&both, TOKEN_MAX);
    int rc = sl_buf_put_str(&both, username, err) < 0 || sl_buf_put_char(&both, ':', err) < 0 ||
             sl_buf_put_str(&both, secret, err) < 0 || sl_buf_put_str(out, SL_STR("Basic "), err) < 0 ||
             sl_digest_base64(sl_buf_str(&both), out, err) < 0;
    sl_buf_free(&both);
    return rc ? -1 : 0;
}

int sl_auth_header_value(sl_auth_kind kind, sl_str username, sl_str secret, sl_buf *out, sl_err *err) {
    if (kind == SL_AUTH_BASIC) return put_basic(username, secret, out, err);
    if (kind == SL_AUTH_BEARER && sl_buf_put_str(out, SL_STR("Bearer "), err) < 0) return -1;
    return sl_buf_put_str(out, secret, err);
}

int sl_auth_token_url(sl_str url, sl_str param, sl_str token, sl_buf *out, sl_err *err) {
    ptrdiff_t mark = sl_str_find(url, SL_STR(SL_AUTH_TOKEN_MARK));
    if (mark < 0) {
        if (sl_buf_put_str(out, url, err) < 0) return -1;
        return param.len ? sl_url_query(out, param, token, err) : 0;
    }
    size_t behind = (size_t)mark + strlen(SL_AUTH_TOKEN_MARK);
    if (sl_buf_put(out, url.ptr, (size_t)mark, err) < 0 || sl_url_escape(out, token, err) < 0) return -1;
    return sl_buf_put(out, url.ptr + behind, url.len - behind, err);
}

/* ---- cells ---- */

sl_tokens *sl_tokens_new(sl_loop *loop, sl_err *err) {
    sl_tokens *t = calloc(1, sizeof *t);
    if (!t) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    t->loop = loop;
    return t;
}

static void cell_free(token_cell *cell) {
    if (cell->text.data) memset(cell->text.data, 0, cell->text.len);
    sl_buf_free(&cell->text);
    free(cell->host);
    free(cell->account);
    free(cell);
}

void sl_tokens_free(sl_tokens *t) {
    if (!t) return;
    for (token_cell *cell = t->cells, *next; cell; cell = next) {
        next = cell->next;
        sl_assert(!cell->first);
        cell_free(cell);
    }
    free(t);
}

static token_cell *cell_of(sl_tokens *t, const sl_token_request *r, sl_err *err) {
    for (token_cell *cell = t->cells; cell; cell = cell->next)
        if (strcmp(cell->host, r->host) == 0 && strcmp(cell->account, r->account) == 0) return cell;
    token_cell *cell = t->count < CELLS_MAX ? calloc(1, sizeof *cell) : NULL;
    if (!cell) return sl_fail(err, SL_LIMIT, 0, "more than %d accounts in one process", CELLS_MAX), NULL;
    sl_buf_init(&cell->text, TOKEN_MAX);
    cell->host = sl_str_dup(sl_str_of(r->host));
    cell->account = sl_str_dup(sl_str_of(r->account));
    if (!cell->host || !cell->account) {
        cell_free(cell);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    }
    cell->refused_ms[0] = cell->refused_ms[1] = INT64_MIN / 2;
    cell->next = t->cells;
    t->cells = cell;
    t->count++;
    return cell;
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
    t->got.text = sl_buf_str(&t->cell->text);
    t->got.generation = t->cell->generation;
    sl_op_finish(&t->op, err);
}

/* A login asked for by the user is satisfied by nothing but its own. */
static bool satisfied(const token_op *t) {
    return !t->r.force && t->cell->generation != 0 && t->cell->generation != t->r.refused;
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

static void lead(token_cell *cell);

/* The next head goes on from the loop, never from inside a free. */
static void pass_on(token_cell *cell) {
    token_op *t = cell->first;
    sl_err err;
    if (!t || t->child) return;
    t->child = sl_sleep_start(t->op.loop, 0, &err);
    if (t->child) sl_op_adopt(t->child, &t->op);
    else end_one(t, &err);
}

/* ---- the login ---- */

static int count_refusal(token_op *t, sl_err *err) {
    token_cell *cell = t->cell;
    int64_t now = sl_clock_mono_ms();
    if (t->r.force || t->r.refused == 0) return 0;
    if (now - cell->refused_ms[0] < MINUTE_MS) {
        sl_fail(err, SL_AUTH, 0, "%s refused the token again, and two logins within a minute did not help", t->name);
        return sl_hint(err, "somebody else logs in as '%s', which ends the token each time; give sluice a user of its own",
                       cell->account);
    }
    cell->refused_ms[0] = cell->refused_ms[1];
    cell->refused_ms[1] = now;
    return 0;
}

static int start_login(token_op *t, sl_err *err) {
    if (count_refusal(t, err) < 0) return -1;
    t->child = t->r.login.start(t->r.login.self, err);
    if (!t->child) return -1;
    t->logging_in = true;
    sl_op_adopt(t->child, &t->op);
    return 0;
}

static void lead(token_cell *cell) {
    token_op *t = cell->first;
    sl_err err;
    if (!t || t->child) return;
    if (start_login(t, &err) == 0) return;
    if (t->r.force) end_one(t, &err);
    else end_all(cell, &err);
    pass_on(cell);
}

static int keep_token(token_op *t, sl_buf *token, sl_err *err) {
    if (token->len == 0) return sl_fail(err, SL_PROTOCOL, 0, "the login's answer has an empty token");
    sl_log_secret(sl_buf_str(token));
    token_cell *cell = t->cell;
    sl_buf_clear(&cell->text);
    if (sl_buf_put_str(&cell->text, sl_buf_str(token), err) < 0) return -1;
    cell->generation++;
    return 0;
}

static int take_login(token_op *t, sl_err *err) {
    const sl_err *failed = sl_op_error(t->child);
    if (failed) return *err = *failed, -1;
    sl_buf token;
    sl_buf_init(&token, TOKEN_MAX);
    int rc = t->r.login.token(t->r.login.self, t->child, &token, err);
    if (rc == 0) rc = keep_token(t, &token, err);
    if (token.data) memset(token.data, 0, token.len);
    sl_buf_free(&token);
    return rc;
}

static void token_step(sl_op *self, sl_op *child) {
    token_op *t = (token_op *)self;
    token_cell *cell = t->cell;
    sl_err err;
    t->got.waited = true;
    if (!t->logging_in) {
        sl_op_free(child);
        t->child = NULL;
        end_satisfied(cell);
        lead(cell);
        return;
    }
    int rc = take_login(t, &err);
    t->logging_in = false;
    if (t->r.force) {
        end_one(t, rc < 0 ? &err : NULL); /* the login stays: its answer is what the user asked for */
    } else {
        sl_op_free(child);
        t->child = NULL;
        if (rc < 0) end_all(cell, &err);
    }
    if (rc == 0) end_satisfied(cell);
    pass_on(cell);
}

static void token_free(sl_op *self) {
    token_op *t = (token_op *)self;
    sl_op_free(t->child);
    t->child = NULL;
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
    t->waiting = true;
    if (cell->last) cell->last->next = t;
    else cell->first = t;
    cell->last = t;
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
