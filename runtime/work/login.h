/* Login tokens that all who use an account share.
 *
 * A cell belongs to (host, account). However many tasks ask it for a token, one of them logs in and the others take what
 * it got; between processes the per-user folder and its lock do the same (state/token). A new token is on disk before
 * its first use, and so is the refresh token that came with it. Each has a generation: who was refused with generation 3
 * asks for one that is not 3, and gets what somebody else may have fetched meanwhile. One that says when it expires is
 * renewed a tenth of its life before that, at most a minute.
 *
 *   sl_op *op = sl_token_start(tokens, &request, &err);      // finishes when the token is there, or with auth
 *   const sl_token_got *t = sl_token_result(op);             // t->text, t->generation
 */
#ifndef SL_WORK_LOGIN_H
#define SL_WORK_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

typedef struct sl_tokens sl_tokens; /* the cells of this process */

sl_tokens *sl_tokens_new(sl_loop *loop, sl_err *err);
void sl_tokens_free(sl_tokens *t);

/* Where tokens are shared from now on: a folder, NULL for the per-user one (the default); `alone`: within this process
 * only. Forgets the tokens that are there. SL_USAGE while somebody waits for one. */
int sl_tokens_share(sl_tokens *t, const char *folder, bool alone, sl_err *err);

/* What a login brought. */
typedef struct sl_login_got {
    sl_buf token;
    sl_buf refresh;     /* empty where none came: the former one stays */
    int64_t expires_ms; /* from now on, 0 where the answer does not say */
} sl_login_got;

/* How a cell logs in when it is its turn. `start` gives the operation of the login; `refresh` is the account's newest
 * refresh token, "" where there is none yet. `take` reads the answer of one that went well; `explain` (may be NULL) may
 * say more about one that failed. */
typedef struct sl_login {
    sl_op *(*start)(void *self, sl_str refresh, sl_err *err);
    int (*take)(void *self, sl_op *op, sl_login_got *got, sl_err *err);
    void (*explain)(void *self, sl_op *op, sl_err *err);
    void *self; /* must live until the operation that got it is freed */
} sl_login;

typedef struct sl_token_request {
    const char *host;    /* scheme, name and port */
    const char *account;
    const char *name;    /* of the connection, for messages */
    const char *advice;  /* what to do where fresh tokens are refused as well; all four are copied */
    int64_t refused;     /* generation that the server refused, 0 for none */
    bool force;          /* log in whatever is there */
    sl_login login;
} sl_token_request;

typedef struct sl_token_got {
    sl_str text;         /* borrowed until the cell's next login */
    int64_t generation;
    bool waited;         /* it did not come at once */
} sl_token_got;

/* Finishes with a token of another generation than the refused one that has not expired. Two logins within a minute
 * that did not help end with auth. */
sl_op *sl_token_start(sl_tokens *t, const sl_token_request *request, sl_err *err);

/* The token of a finished operation. */
const sl_token_got *sl_token_result(const sl_op *op);

/* The finished login of an operation with `force`, for its answer; NULL where none was made. Borrowed. */
sl_op *sl_token_login(const sl_op *op);

#endif
