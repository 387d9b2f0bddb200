/* What the files of sluice.http_core share; nobody else includes it. */
#ifndef SLB_HTTP_PARTS_H
#define SLB_HTTP_PARTS_H

#include "bindings/slb.h"
#include "io/http.h"

/* What a request needs for its life beyond Lua's own strings: a userdata that frees it. */
typedef struct http_job {
    sl_http_request request;
    sl_buf url, body, text; /* text: header values that are not strings of the table's */
    sl_http_header *headers;
    size_t header_count, header_cap;
    bool typed;       /* the options set Content-Type themselves */
    const char *type; /* what json and form would set */
} http_job;

enum { HTTP_JOB_AT = 4 }; /* its place on the stack: behind method, URL and options */

/* Registers the metatables of job, headers and response. [-0, +0, m] */
void http_request_types(lua_State *L);
void http_response_types(lua_State *L);

/* Method (string at 1), URL (2) and options (3) as a request; the job stays on the stack. With `streamed` the option
 * `body` is left to the caller. [-0, +1, e] */
http_job *http_check_request(lua_State *L, bool streamed);

/* An empty job, for its buffers. [-0, +1, m] */
http_job *http_push_buffer(lua_State *L);

/* Pushes the text of url with the query (table or nil at idx) added, or of a form. [-0, +1, e] */
int http_push_query(lua_State *L);
int http_push_form(lua_State *L);

/* Pushes {connect_timeout = …, …}. [-0, +1, m] */
int http_push_defaults(lua_State *L);

/* Pushes the answer as a table; the body is included where there is one. [-0, +1, m] */
void http_push_response(lua_State *L, const sl_http_response *a);

#endif
