/* What io/server.c (listening, accepting), io/server_request.c (one request from its first line to its answer) and
 * io/server_stream.c (answers piece by piece) share.
 * Nobody else includes this. */
#ifndef SL_IO_SERVER_IMPL_H
#define SL_IO_SERVER_IMPL_H

#include <arpa/inet.h>

#include "io/microhttpd.h"
#include "io/op.h"
#include "io/server.h"

enum { SL_SERVER_CUTS = 100 };

typedef enum request_state {
    REQUEST_NEW,     /* the request line is read */
    REQUEST_READING, /* the body is coming */
    REQUEST_HELD,    /* suspended: queued, in an accept, or with its owner */
    REQUEST_DECIDED, /* resumed: on_request() carries `verdict` out */
    REQUEST_SENDING, /* MHD sends the answer */
    REQUEST_STALLED  /* suspended in the middle of its answer */
} request_state;

typedef enum request_verdict { VERDICT_ANSWER, VERDICT_RESET, VERDICT_CLOSE } request_verdict;

struct sl_request {
    sl_server *server;           /* NULL once the connection is gone */
    struct MHD_Connection *conn; /* NULL once the connection is gone */
    bool held;                   /* an accept or its owner has it; freed when neither has, nor MHD */
    bool too_large;
    request_state state;
    request_verdict verdict;
    struct MHD_Response *response;
    char *target;
    char method[24];
    char peer[INET6_ADDRSTRLEN];
    sl_buf body;
    sl_str faulty_body; /* owned: of an answer with a fault */
    sl_stream *stream;  /* borrowed: of an answer that is one, while there is a connection */
    sl_answer_fault fault;
    size_t after_bytes;
    int status;
    int64_t hold_ms, stall_end_ms;
    size_t cut_after;        /* SIZE_MAX: no cut */
    sl_request *next, *prev; /* the server's live requests */
    sl_request *queued;      /* next one that waits for an accept */
};

/* Held by its owner and by MHD's response; freed when neither has it. */
struct sl_stream {
    sl_request *req; /* NULL once the connection is gone */
    sl_buf unsent;
    size_t sent;     /* bytes at the front of `unsent` that MHD took */
    int holders;
    bool idle;       /* its connection is suspended until something is written */
    bool ended, whole;
    struct write_op *writes; /* those that wait */
};

typedef struct accept_op {
    sl_op op;
    sl_server *server; /* NULL once finished */
    sl_request *req;
    struct accept_op *next; /* the server's waiting accepts */
} accept_op;

typedef struct cut {
    char *method; /* NULL: any */
    char *path;
    size_t after_bytes;
} cut;

struct sl_server {
    sl_watch watch; /* first member */
    sl_loop *loop;
    struct MHD_Daemon *daemon;
    size_t max_body_bytes;
    int port;
    bool closing;
    bool unclean; /* a connection broke off: MHD closes some of these only in its next run */
    sl_request *live;
    sl_request *queue_head, *queue_tail;
    accept_op *waiting_head, *waiting_tail;
    cut cuts[SL_SERVER_CUTS];
    size_t cut_count;
};

/* Hands a whole request to the first waiting accept, or queues it. */
void sl_server_hand_out(sl_server *s, sl_request *req);

/* The first armed cut that fits this request: its after_bytes, taken off the list; SIZE_MAX where none fits. */
size_t sl_server_take_cut(sl_server *s, const char *method, const char *target);

/* MHD's callbacks; cls is the sl_server. */
void *sl_request_begin(void *cls, const char *target, struct MHD_Connection *conn);
void sl_request_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                          enum MHD_RequestTerminationCode why);
enum MHD_Result sl_request_step(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
                                const char *version, const char *data, size_t *len, void **con_cls);

/* Resumes the connection; sl_request_step carries the verdict out. */
void sl_request_decide(sl_request *req, request_verdict verdict);

/* A new response of the stream, with its read callback. NULL: no memory. */
struct MHD_Response *sl_stream_response(sl_stream *stream);

/* The server ends: no read of the stream may rest any more. */
void sl_stream_hurry(sl_stream *stream);

/* The connection is gone: those who write get to know. */
void sl_stream_gone(sl_stream *stream);

/* Status and headers for the response that the request has; SL_USAGE where HTTP does not allow them. */
int sl_request_head(sl_request *req, const sl_answer *answer, sl_err *err);

/* The owner's part ends: true while there still is a connection to decide on, else the request is freed. */
bool sl_request_release(sl_request *req);

#endif
