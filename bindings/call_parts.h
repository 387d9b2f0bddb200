/* What the files of sluice.call share; nobody else includes it. */
#ifndef SLB_CALL_PARTS_H
#define SLB_CALL_PARTS_H

#include "bindings/slb.h"
#include "data/chunk.h"
#include "work/call.h"

#define CALL_JOB "sluice.call.job"
#define CALL_HEADERS_MAX 32
#define CALL_PIECES_MAX 32

/* The call's place on the stack, and those of its request and its job. */
enum { CALL_CONN_AT = 1, CALL_REQUEST_AT = 2, CALL_JOB_AT = 3 };

/* What a request needs while it is read, and the chunk that is pinned while it is sent. */
typedef struct call_job {
    sl_call_spec spec;
    sl_http_header headers[CALL_HEADERS_MAX];
    sl_call_piece pieces[CALL_PIECES_MAX];
    sl_call_rule rules[SL_CALL_RULES];
    sl_chunk *pinned;
} call_job;

/* Makes the metatable of jobs. [-0, +0, m] */
void call_request_type(lua_State *L);

/* The request (a table at idx) as a job, which stays on the stack with the body behind it; its texts are borrowed from
 * the table. A usage error for what is no request. [-0, +2, e] */
call_job *call_check_request(lua_State *L, int idx);

/* The text on top of the stack, borrowed from whatever else holds it; a usage error for anything but a string. [-0, +0, v] */
sl_str call_held_text(lua_State *L, const char *what);

/* Lets the chunk go that was sent. */
void call_unpin(call_job *job);

#endif
