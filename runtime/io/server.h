/* An HTTP/1.1 server on the loop (libmicrohttpd). A request arrives whole; its connection then rests until somebody,
 * at any later time, answers it.
 *
 *   sl_server *s = sl_server_open(loop, &(sl_server_options){.host = "127.0.0.1"}, &err);  // port 0: a free one
 *   sl_op *op = sl_server_accept_start(s, &err);       // … wait for it in the loop …
 *   sl_request *req = sl_server_accept_take(op);       // NULL once the server is closed
 *   sl_request_answer(req, &(sl_answer){.status = 200, .body = SL_STR("hello")}, &err);     // req is gone
 *   sl_server_close(s);
 *
 * It can misbehave to order, so that clients can be tested: resets, truncated and stalled bodies, bytes that are no HTTP.
 */
#ifndef SL_IO_SERVER_H
#define SL_IO_SERVER_H

#include "base/buf.h"
#include "io/loop.h"

typedef struct sl_server sl_server;
typedef struct sl_request sl_request;

typedef struct sl_server_options {
    const char *host;        /* an IPv4 address to listen on; NULL: 127.0.0.1 */
    int port;                /* 0: any free one */
    size_t max_body_bytes;   /* larger requests get 413; 0: 256 MB */
    int max_connections;     /* more are refused; 0: 1000 */
    int64_t idle_timeout_ms; /* silent connections are closed; 0: two minutes */
} sl_server_options;

typedef struct sl_header {
    const char *name;
    const char *value;
} sl_header;

/* How an answer goes wrong, after `after_bytes` of its body. */
typedef enum sl_answer_fault {
    SL_ANSWER_WHOLE,    /* not at all */
    SL_ANSWER_TRUNCATE, /* Content-Length promises the whole body, then the connection ends */
    SL_ANSWER_STALL     /* silence for hold_ms, then the connection ends */
} sl_answer_fault;

typedef struct sl_answer {
    int status;
    const sl_header *headers; /* borrowed for the call, as is the body */
    size_t header_count;
    sl_str body;
    sl_answer_fault fault;
    size_t after_bytes;
    int64_t hold_ms;
} sl_answer;

/* Listens. NULL on failure (address in use, not an address). */
sl_server *sl_server_open(sl_loop *loop, const sl_server_options *options, sl_err *err);

/* Answers what was answered already, ends all connections and waiting accepts, frees the server. Requests that are
 * still held stay valid, but answering them is an error. NULL is fine. */
void sl_server_close(sl_server *server);

/* The port it listens on. */
int sl_server_port(const sl_server *server);

/* Finishes with the next request. Several may wait at once; they are served in order. */
sl_op *sl_server_accept_start(sl_server *server, sl_err *err);

/* The request of a finished accept, owned by the caller; NULL when the server was closed. */
sl_request *sl_server_accept_take(sl_op *op);

/* Ends the next connection whose request has this method (NULL: any) and a path that starts so, by a reset when
 * `after_bytes` of its body were read: before anybody sees the request. -1 when too many are waiting. */
int sl_server_cut(sl_server *server, const char *method, const char *path, size_t after_bytes, sl_err *err);

/* What was asked. All borrowed, until the request is answered. The target is as it was sent: path?query, not decoded. */
const char *sl_request_method(const sl_request *req);
const char *sl_request_target(const sl_request *req);
sl_str sl_request_body(const sl_request *req);
const char *sl_request_peer(const sl_request *req);

/* Calls `each` with every header, in order. */
void sl_request_headers(const sl_request *req, void (*each)(void *ctx, const char *name, const char *value),
                        void *ctx);

/* Answers. Takes the request, also when it fails: the server was closed, or the answer is not one that HTTP allows. */
int sl_request_answer(sl_request *req, const sl_answer *answer, sl_err *err);

/* Ends the connection by a TCP reset, without an answer. Takes the request. */
void sl_request_reset(sl_request *req);

/* Sends these bytes as they are, whatever HTTP says, and closes. Takes the request. */
int sl_request_raw(sl_request *req, sl_str bytes, sl_err *err);

/* The version of libmicrohttpd that is at work. Borrowed, for good. */
const char *sl_server_version(void);

#endif
