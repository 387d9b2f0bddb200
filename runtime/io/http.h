/* HTTP requests as operations of the loop. libcurl does the protocol; here are the rules around it: four timeouts,
 * ceilings, redirects that keep credentials at home, bodies streamed both ways, errors by cause.
 *
 *   sl_http_request r;
 *   sl_http_request_init(&r);
 *   r.method = SL_STR("POST"), r.url = SL_STR("https://api.example.com/v1/things"), r.body = text;
 *   sl_op *op = sl_http_start(loop, &r, &err);        // finishes when the whole answer is there
 *   …
 *   const sl_http_response *a = sl_http_response_get(op);    // NULL where none came; a 404 is an answer, not an error
 *
 * An exchange (sl_http) is one request with its answer, redirects included. sl_http_start() hides it in an operation;
 * those who stream open it with sl_http_open() and start small operations on it: head, room, read.
 *
 * Nothing is sent twice behind the caller's back: libcurl's own repetition on a connection that turns out to be dead
 * is allowed only where `repeatable` says so, or while no byte of the request has left.
 */
#ifndef SL_IO_HTTP_H
#define SL_IO_HTTP_H

#include "base/buf.h"
#include "io/loop.h"

typedef struct sl_http_header {
    sl_str name;
    sl_str value;
} sl_http_header;

typedef enum sl_http_version {
    SL_HTTP_1_1,   /* default: HTTP/1.1, cheapest for bulk */
    SL_HTTP_2,     /* HTTP/2 where the server offers it (TLS), else 1.1 */
    SL_HTTP_2_ONLY /* HTTP/2 at once, also without TLS */
} sl_http_version;

typedef enum sl_http_repeat {
    SL_HTTP_REPEAT_BY_METHOD, /* GET, HEAD, OPTIONS, PUT, DELETE may be, POST, PATCH and others may not */
    SL_HTTP_REPEAT_SAFE,      /* sending it twice does no harm */
    SL_HTTP_REPEAT_NEVER
} sl_http_repeat;

/* What to send and how. Fill with sl_http_request_init() first. Everything is borrowed during the start alone, but
 * for the body, which is borrowed until the operation is finished or freed. Empty strings mean "not given". */
typedef struct sl_http_request {
    sl_str method;                 /* default GET */
    sl_str url;                    /* absolute; user:password in it become basic authentication */
    const sl_http_header *headers; /* sent in this order; checked for CR, LF, NUL */
    size_t header_count;

    sl_str body;               /* bytes to send; ptr NULL means no body, a length of 0 with a pointer an empty one */
    sl_str body_file;          /* or a file's path, streamed from the disk */
    bool body_stream;          /* or bytes that come by sl_http_write() (sl_http_open only) */
    int64_t body_stream_bytes; /* their number where it is known, else -1 (chunked) */
    bool gzip;                 /* compress the body (Content-Encoding: gzip) */

    int64_t connect_timeout_ms;    /* DNS, TCP, TLS; 0 means none, for all four */
    int64_t first_byte_timeout_ms; /* from the last byte sent to the first byte of the answer */
    int64_t stall_timeout_ms;      /* no byte moved in either direction while the peer was to move */
    int64_t total_timeout_ms;      /* the whole exchange, redirects and body included */

    size_t max_body_bytes; /* ceiling of the (decompressed) body, 64 MB by default; SL_LIMIT past it */
    sl_str save;           /* a path: a 2xx body goes into this file (aside, fsync, rename), others into memory */
    bool stream;           /* sl_http_start finishes with the headers; the body is read from sl_http_take(op) */
    bool raw;              /* don't ask for compression, leave Content-Encoding as it is */

    int max_redirects; /* 5 by default; 0: a redirect is an answer like any other */
    sl_http_version version;
    sl_http_repeat repeat;

    sl_str proxy; /* http://[user:password@]host:port; "" uses the environment's, "none" none. Never for loopback */
    sl_str ca_file;
    sl_str client_cert; /* PEM files */
    sl_str client_key;
    sl_str unix_socket; /* a path that is connected to instead of the URL's host */
} sl_http_request;

typedef struct sl_http_times {
    int64_t dns_us, connect_us, tls_us; /* each since the start of the last hop, 0 where it did not take place */
    int64_t first_byte_us, total_us;    /* since the start of the last hop; since the very start */
} sl_http_times;

/* The answer. All pointers are borrowed from the operation or exchange. */
typedef struct sl_http_response {
    int status;
    int version;                   /* 10, 11, 20 */
    sl_str reason;                 /* "" with HTTP/2 */
    const sl_http_header *headers; /* of the last answer, in order, names as they came */
    size_t header_count;
    sl_str body;     /* decompressed; "" when streamed or saved */
    const char *url; /* where the answer came from, without user and password. Not masked: see sl_url_show() */
    int redirects;
    sl_http_times times;
    int64_t sent_bytes, received_bytes; /* bodies on the wire, last hop */
    bool reused;                        /* the connection was there already */
    int repeats; /* sent once more so often, because a kept connection broke before the answer */
} sl_http_response;

typedef struct sl_http sl_http;

/* Defaults: GET, timeouts 10 s, 60 s, 60 s and 600 s, 64 MB, five redirects, HTTP/1.1. */
void sl_http_request_init(sl_http_request *r);

/* Checks and starts; the operation finishes when the whole answer is there (r->stream: its headers), or with network,
 * timeout, tls, limit, protocol or state. NULL with SL_USAGE for a request that can't be sent. */
sl_op *sl_http_start(sl_loop *loop, const sl_http_request *r, sl_err *err);

/* The answer of a finished operation (start or head), NULL where no headers came. Borrowed. */
const sl_http_response *sl_http_response_get(const sl_op *op);

/* Moves the body out of a finished sl_http_start operation; the caller frees it. */
sl_buf sl_http_body_take(sl_op *op);

/* May any byte of the request have left this machine? False means: certainly nothing was done by the server. */
bool sl_http_sent(const sl_op *op);

/* The value of the first header of that name (any case), or NULL with *value untouched. */
const sl_http_header *sl_http_header_get(const sl_http_response *a, const char *name);

/* ---- streaming ---- */

/* Sends the request off; owned by the caller until sl_http_close(). */
sl_http *sl_http_open(sl_loop *loop, const sl_http_request *r, sl_err *err);

/* Ends it, whatever its state; operations on it that are under way finish with SL_CANCELLED. NULL is fine. */
void sl_http_close(sl_http *x);

/* The exchange of an operation made by sl_http_start(); taken: the operation may be freed, the caller closes it. */
sl_http *sl_http_take(sl_op *op);

/* Copies bytes of a body_stream into the exchange's buffer. 0: there is room for more; 1: taken, but wait for
 * sl_http_room_start() before the next; -1 with err when the exchange is over or has been answered already. */
int sl_http_write(sl_http *x, sl_str bytes, sl_err *err);

/* The streamed body is complete. */
int sl_http_write_end(sl_http *x, sl_err *err);

/* Finishes when the buffer has room again, or the answer has begun, or with the exchange's error. */
sl_op *sl_http_room_start(sl_http *x, sl_err *err);

/* Finishes when status and headers are there; without r->stream when the whole answer is. */
sl_op *sl_http_head_start(sl_http *x, sl_err *err);

/* Finishes when bytes of the body have come, or with its end. While nobody reads, at most 256 kB are held and the
 * peer is made to wait. */
sl_op *sl_http_read_start(sl_http *x, sl_err *err);

/* The bytes of a finished read; empty at the end of the body. Borrowed until the next read starts. */
sl_str sl_http_read_get(const sl_op *op);

/* The answer so far, NULL before the headers are there. Borrowed. */
const sl_http_response *sl_http_response_of(sl_http *x);

/* ---- the pool ---- */

/* Connections kept and made: at most so many at a time to one host (further requests queue), so many idle in all.
 * Defaults 16 and 64. */
void sl_http_pool(sl_loop *loop, int per_host, int total);

/* The version of libcurl that is at work, and of the TLS library that it uses ("" where it has none). Borrowed, for
 * good. */
const char *sl_http_library(void);
const char *sl_http_tls_library(void);

#endif
