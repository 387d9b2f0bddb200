/* An HTTP/1.1 server on the loop (libmicrohttpd). A request arrives whole; its connection then rests until somebody,
 * at any later time, answers it.
 *
 *   sl_server *s = sl_server_open(loop, &(sl_server_options){.host = "127.0.0.1"}, &err);  // port 0: a free one
 *   sl_op *op = sl_server_accept_start(s, &err);       // … wait for it in the loop …
 *   sl_request *req = sl_server_accept_take(op);       // NULL once the server is closed
 *   sl_request_answer(req, &(sl_answer){.status = 200, .body = SL_STR("hello")}, &err);     // req is gone
 *   sl_server_close(s);
 *
 * An answer whose end is not known yet is a stream:
 *
 *   sl_stream *out = sl_request_stream(req, &(sl_answer){.status = 200}, &err);             // req is gone
 *   sl_op *write = sl_stream_write_start(out, SL_STR("data: 1\n\n"), &err);  // done once little is left to be sent
 *   sl_stream_end(out, true);
 *
 * It can misbehave to order, so that clients can be tested: resets, truncated and stalled bodies, bytes that are no HTTP.
 */
#ifndef SL_IO_SERVER_H
#define SL_IO_SERVER_H

#include "base/buf.h"
#include "io/loop.h"

typedef struct sl_server sl_server;
typedef struct sl_request sl_request;
typedef struct sl_stream sl_stream;

typedef struct sl_server_options {
    const char *host;        /* an IPv4 or IPv6 address to listen on ("::" takes IPv4 as well); NULL: 127.0.0.1 */
    int port;                /* 0: any free one */
    size_t max_body_bytes;   /* larger requests get 413; 0: 256 MB */
    int max_connections;     /* more are refused; 0: 1000 */
    int max_of_one;          /* the same for one client address; 0: no limit of its own */
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

/* A write waits while more than this is unsent, and no write may be larger than that. */
enum { SL_STREAM_UNSENT = 64 << 10, SL_STREAM_WRITE = 16 << 20 };

/* Begins an answer that is written piece by piece (chunked; until the end of the connection for HTTP/1.0). Takes status
 * and headers of `head`, and the request, also when it fails. The stream is the caller's until sl_stream_end(). */
sl_stream *sl_request_stream(sl_request *req, const sl_answer *head, sl_err *err);

/* Takes a copy of the bytes; finishes when no more than SL_STREAM_UNSENT of the stream are unsent. An error
 * (SL_CANCELLED) once the client is gone or the server is closed: what was not sent by then is lost. A client that left
 * is noticed by sending, so a stream that has little to say should say so now and then. */
sl_op *sl_stream_write_start(sl_stream *stream, sl_str bytes, sl_err *err);

/* Whether the client is still there, as far as is known. */
bool sl_stream_open(const sl_stream *stream);

/* The owner's last word. `whole`: what was written is sent, and the answer ends well; else the connection is cut, so
 * that the client can tell. No write may be under way. NULL is fine. */
void sl_stream_end(sl_stream *stream, bool whole);

/* The version of libmicrohttpd that is at work. Borrowed, for good. */
const char *sl_server_version(void);

#endif
