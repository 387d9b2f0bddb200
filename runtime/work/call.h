/* One API call, from the request to a verdict: prepare, slot, token, send, judge, then deliver, again or give up. The
 * only place that sends for API clients; the same machine for every API. What is special about one comes in the
 * connection and in the spec, which are made of the API's definition.
 *
 *   sl_calls *calls = sl_calls_new(loop, &err);                      // one per process: budgets, tokens, counters
 *   sl_conn *shop = sl_conn_new(calls, &conn_spec, &err);
 *   sl_call_spec spec = { .operation = "sources", .method = "GET", .url = url, .rate_class = "api", … };
 *   sl_op *op = sl_call_start(shop, &spec, &err);
 *   … once it has finished: sl_call_answer_get(op)->status, ->body; or sl_op_error(op)
 *
 * Outcomes: ok, partial, rejected (4xx: not repeated), limited (429), unavailable (certainly nothing was done),
 * ambiguous (may have been done). Safe operations are sent again after any failure, unsafe ones only where it is
 * certain that nothing was done. Each call writes one log line when it ends, which says why a resend was allowed.
 */
#ifndef SL_WORK_CALL_H
#define SL_WORK_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/http.h"
#include "io/loop.h"
#include "policy/limit.h"
#include "policy/retry.h"
#include "work/auth.h"
#include "work/login.h"
#include "work/oauth.h"

enum { SL_CALL_STATUSES = 8, SL_CALL_RULES = 8, SL_CALL_CLASSES = 16, SL_CALL_HOSTS = 4 };

typedef struct sl_calls sl_calls;
typedef struct sl_conn sl_conn;

/* Sums since the start. */
typedef struct sl_call_stats {
    uint64_t calls, requests, retries, limited, failed;
    int64_t waited_ms, slot_ms; /* in all, and of that for the rate budget */
    uint64_t bytes_up, bytes_down;
    uint64_t outcomes[SL_OUTCOMES]; /* requests by what became of them */
} sl_call_stats;

/* What all connections of a process share. */
sl_calls *sl_calls_new(sl_loop *loop, sl_err *err);
void sl_calls_free(sl_calls *calls);
sl_call_stats sl_calls_stats(const sl_calls *calls);

/* Where rate budgets and login tokens are shared: see sl_budgets_share and sl_tokens_share. */
int sl_calls_share(sl_calls *calls, const char *folder, bool alone, sl_err *err);

/* From now on a person waits for this process's calls: see sl_budgets_interactive. */
void sl_calls_interactive(sl_calls *calls, bool interactive);

/* A piece of a body: text, or a secret that goes in as a JSON string. */
typedef struct sl_call_piece {
    sl_str text;
    bool secret;
} sl_call_piece;

/* Tells answers of one status apart by what they say: a 429 about pace from one that means "there is one already". */
typedef struct sl_call_rule {
    int status;
    sl_str says;        /* a part of the body as it came, case and all; empty: whatever it says */
    sl_outcome outcome; /* auth is for connections with a login */
    sl_code code;       /* of the error, SL_OK for the one that status and outcome give */
    int attempts;       /* at most so many in all, 0 for the policy's */
} sl_call_rule;

/* What to send and how to judge the answer. Everything is copied at the start but for `body`, which is borrowed until
 * the operation is freed. */
typedef struct sl_call_spec {
    const char *operation;
    const char *method;
    sl_str url;                 /* whole, without the token; SL_AUTH_TOKEN_MARK where one goes into the path */
    const sl_http_header *headers;
    size_t header_count;
    sl_str body;                /* ptr NULL: none */
    const sl_call_piece *pieces; /* or pieces, put together here */
    size_t piece_count;
    bool gzip;                  /* the body is compressed, in a thread of its own, once for all attempts */

    const char *rate_class;
    const char *resource;       /* what the class counts by: a stream's id, an endpoint; NULL or "" for nothing */
    sl_repeat repeat;           /* policy/retry: may it be sent twice? */
    bool counted;               /* each resend leaves a trace (another batch, another bill) */

    int success[SL_CALL_STATUSES]; /* statuses that are success, ended by 0; none: 200 */
    int deliver[SL_CALL_STATUSES]; /* others whose body is a result when it has the expected key (422 with a batch) */
    const char *expect;         /* top-level key of a success, NULL for none; not looked for in a 204 */
    const char *truth;          /* top-level key that must not be false ("success"), NULL for none */
    const sl_call_rule *rules;  /* the first that fits an answer decides, whatever else is said above */
    size_t rule_count;
    int (*before_send)(void *arg, sl_err *err); /* called right before each attempt; where it fails nothing is sent */
    void *before_arg;           /* borrowed until the operation is freed */
    bool anonymous;             /* without credentials */
    bool is_login;              /* the connection's own login: without its token, with what the client authenticates by */
    bool keep_token;            /* never log in again because of this answer */

    int64_t timeout_ms;         /* one request in all, 0 for the connection's */
    int64_t deadline_ms;        /* the call in all, 0 for the connection's */
    size_t max_answer_bytes;    /* 0 for the default */
} sl_call_spec;

/* Names of the answer headers that tell about limits; NULL where the API has none. Retry-After is always read. */
typedef struct sl_call_learn {
    const char *limit;       /* requests a second */
    const char *reset;       /* Unix time when the window ends */
    const char *retry_after; /* Unix time, or seconds */
} sl_call_learn;

typedef struct sl_conn_class {
    const char *name;
    sl_rates rates; /* a count of 0: no limit */
    bool own;       /* the connection's own, not the definition's */
} sl_conn_class;

typedef struct sl_conn_spec {
    const char *name, *api, *account;
    const char *hosts[SL_CALL_HOSTS]; /* base URLs; credentials go to these alone */
    sl_conn_class classes[SL_CALL_CLASSES];
    size_t class_count;
    sl_call_learn learn;

    sl_auth_kind auth;
    sl_str header;           /* SL_AUTH_HEADER: its name */
    sl_str username, secret; /* of the static kinds */
    const char *key;         /* the connection's key that holds the secret, for hints */
    const char *token_param; /* SL_AUTH_LOGIN: query parameter */
    const char *token_path;  /* where the login's answer has it: "system_user.token" */
    sl_oauth oauth;          /* SL_AUTH_CLIENT, SL_AUTH_REFRESH */
    const char *cell;        /* what tells tokens apart; NULL: the account */
    sl_call_spec login;      /* copied, pieces included; of OAuth without a body */

    int64_t timeout_ms, deadline_ms; /* 0 for 60 s and 600 s */
    const char *proxy, *ca_file;
    const char *client_cert, *client_key; /* PEM files; the key may be in the certificate's */
    bool insecure;           /* credentials may go over plain http to other machines */
} sl_conn_spec;

/* Checks and copies it all. NULL with `config` for what can't be: a bad URL or rate, plain http to another machine. */
sl_conn *sl_conn_new(sl_calls *calls, const sl_conn_spec *spec, sl_err *err);

/* The maker's reference; calls under way keep the connection alive. */
void sl_conn_unref(sl_conn *conn);
sl_call_stats sl_conn_stats(const sl_conn *conn);

/* Starts the call. NULL with `usage` for a request that can't be sent. */
sl_op *sl_call_start(sl_conn *conn, const sl_call_spec *spec, sl_err *err);

/* Logs in whatever token there is, for a user who asks for it; the connection goes on with the new one. */
sl_op *sl_conn_login_start(sl_conn *conn, sl_err *err);

/* What became of it. Status and body are there for failed calls too, where an answer came. */
typedef struct sl_call_answer {
    sl_outcome outcome;
    int status;
    const sl_http_header *headers;
    size_t header_count;
    sl_str body;
    int attempts;
    int resends_counted;
    int64_t waited_ms; /* for slots and before repeats */
    int64_t took_ms;   /* from the start of the call to its end */
} sl_call_answer;

/* Of a finished call. Borrowed from the operation. */
const sl_call_answer *sl_call_answer_get(const sl_op *op);

/* The same for a finished login; NULL where none was made. */
const sl_call_answer *sl_conn_login_answer(const sl_op *op);

#endif
