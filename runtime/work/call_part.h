/* What the files of the call path share: conn.c (the connection), call.c (the machine), call_ends.c (its beginning and
 * its end), judge.c (answers to verdicts).
 *
 *   judgement j;
 *   sl_call_judge(c, &j);                       // outcome, error, the server's hint
 */
#ifndef SL_WORK_CALL_PART_H
#define SL_WORK_CALL_PART_H

#include "io/op.h"
#include "work/budget.h"
#include "work/call.h"

/* Copies of strings that live and die together. */
typedef struct sl_bag {
    struct sl_bag_item *items;
} sl_bag;

/* An owned, terminated copy; NULL for NULL, or when memory is out (then bag->items->… is unchanged and *err filled). */
const char *sl_bag_text(sl_bag *bag, const char *text, sl_err *err);
sl_str sl_bag_bytes(sl_bag *bag, sl_str bytes, sl_err *err);
void *sl_bag_room(sl_bag *bag, size_t bytes, sl_err *err);

/* Wipes and frees all of it. */
void sl_bag_free(sl_bag *bag);

/* A copy of the spec whose strings, headers and pieces are in the bag; `body` stays borrowed. */
int sl_call_spec_copy(sl_call_spec *out, const sl_call_spec *in, sl_bag *bag, sl_err *err);

struct sl_calls {
    sl_loop *loop;
    sl_budgets *budgets;
    sl_tokens *tokens;
    sl_call_stats stats;
};

struct sl_conn {
    sl_calls *calls;
    int refs;
    sl_bag bag;
    sl_conn_spec spec;                      /* strings in the bag, secrets gone */
    const char *origins[SL_CALL_HOSTS + 1]; /* scheme://host:port of the hosts */
    const char *auth_header;                /* name and value, NULL without: of static kinds, of OAuth's login */
    sl_str auth_value;
    char advice[256];                       /* where fresh tokens are refused as well */
    sl_retry_budget retries;
    sl_call_stats stats;
};

typedef enum call_state { CALL_PACK, CALL_SLOT, CALL_TOKEN, CALL_SEND, CALL_PAUSE, CALL_DONE } call_state;

typedef struct call_op {
    sl_op op;
    sl_conn *conn;
    sl_bag bag;
    sl_call_spec spec;
    sl_buf body;              /* pieces put together */
    sl_buf packed;            /* the body as it is sent where it is compressed: once, for all attempts */
    const sl_conn_class *rclass;
    call_state state;
    sl_op *child;             /* what the state waits for */
    sl_op *slot;              /* held until its answer was judged */
    sl_op *http;              /* the last exchange that has ended; its answer is ours */
    sl_op *deadline;
    int attempt, resends;
    bool refreshed;
    int64_t generation, refused;
    int64_t started_ms, deadline_at_ms, waited_ms, slot_ms;
    sl_err failure;           /* of the last attempt; code SL_OK while there is none */
    sl_buf story;             /* why it was sent again, for the log line */
    sl_call_answer answer;
} call_op;

typedef struct judgement {
    sl_outcome outcome;
    bool deliver;    /* hand the body over, whatever the outcome */
    bool sent;       /* any byte of the request may have left */
    int64_t hint_ms; /* the server's wish, -1 for none */
    int attempts;    /* at most so many for this failure, 0 for the policy's */
    sl_err err;
} judgement;

/* Checks and copies the spec and starts the deadline. -1 with `usage` for a request that can't be sent. */
int sl_call_prepare(call_op *c, const sl_call_spec *spec, sl_err *err);

/* Puts what the last exchange brought, and the sums, into c->answer. */
void sl_call_fill_answer(call_op *c);

/* The call's one log line; err is NULL where it went well. */
void sl_call_log(const call_op *c, const sl_err *err);

/* Judges c->http, which has finished, and teaches the slot's budget what the headers say. */
void sl_call_judge(call_op *c, judgement *j);

/* What goes into an error of this connection: names, masked head of the body, a hint where none is there. */
void sl_call_dress(const call_op *c, sl_err *err);

#endif
