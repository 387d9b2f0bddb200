/* One request, from its first line to the end of its answer. Everything here runs inside MHD_run(), but for the verdict,
 * which comes from whoever holds the request: it resumes the connection, and MHD comes back to sl_request_step(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/server_impl.h"

static void request_free(sl_request *req) {
    if (req->response) MHD_destroy_response(req->response);
    sl_buf_free(&req->body);
    free(req->target);
    free((void *)(uintptr_t)req->faulty_body.ptr);
    free(req);
}

void sl_request_decide(sl_request *req, request_verdict verdict) {
    req->verdict = verdict;
    req->state = REQUEST_DECIDED;
    MHD_resume_connection(req->conn);
    req->server->watch.due_ms = 0; /* nothing becomes readable by this: the loop has to be told */
}

bool sl_request_release(sl_request *req) {
    req->held = false;
    if (req->conn) return true;
    request_free(req);
    return false;
}

/* MHD's first word of a request: its target before decoding. What it returns is sl_request_step's con_cls. */
void *sl_request_begin(void *cls, const char *target, struct MHD_Connection *conn) {
    sl_server *server = cls;
    sl_request *req = calloc(1, sizeof *req);
    if (!req) return NULL;
    req->target = sl_str_dup(sl_str_of(target));
    req->server = server;
    req->conn = conn;
    req->cut_after = SIZE_MAX;
    sl_buf_init(&req->body, server->max_body_bytes);
    req->next = server->live;
    if (server->live) server->live->prev = req;
    server->live = req;
    return req;
}

void sl_request_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                          enum MHD_RequestTerminationCode why) {
    (void)conn;
    sl_server *server = cls;
    if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK) server->unclean = true;
    sl_request *req = *con_cls;
    if (!req) return;
    if (req->prev)
        req->prev->next = req->next;
    else
        server->live = req->next;
    if (req->next) req->next->prev = req->prev;
    req->conn = NULL;
    req->server = NULL;
    if (req->stream) sl_stream_gone(req->stream);
    req->stream = NULL;
    *con_cls = NULL;
    if (!req->held) request_free(req);
}

/* An IPv4 client of an IPv6 socket is shown as what it is. */
static void note_peer(sl_request *req) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr_in *v4 = info ? (const void *)info->client_addr : NULL;
    const struct sockaddr_in6 *v6 = info ? (const void *)info->client_addr : NULL;
    if (!info) return;
    if (v4->sin_family == AF_INET) inet_ntop(AF_INET, &v4->sin_addr, req->peer, sizeof req->peer);
    if (v6->sin6_family != AF_INET6) return;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], req->peer, sizeof req->peer);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, req->peer, sizeof req->peer);
}

/* Close sends a reset instead of the orderly end. MHD_USE_TURBO keeps MHD from a shutdown() before its close(). */
static void linger_off(sl_request *req) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger now = {1, 0};
    if (info) setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static enum MHD_Result refuse_large(sl_request *req) {
    struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!r) return MHD_NO;
    req->state = REQUEST_SENDING;
    enum MHD_Result ok = MHD_queue_response(req->conn, MHD_HTTP_CONTENT_TOO_LARGE, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result begin(sl_request *req, const char *method) {
    req->state = REQUEST_READING;
    snprintf(req->method, sizeof req->method, "%s", method);
    note_peer(req);
    req->cut_after = sl_server_take_cut(req->server, req->method, req->target);
    if (req->cut_after == 0) {
        linger_off(req);
        return MHD_NO;
    }
    const char *length = MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Content-Length");
    if (!length) return MHD_YES;
    unsigned long long n = strtoull(length, NULL, 10);
    if (n > req->body.max) return refuse_large(req);
    /* what the client only promises is no reason to take much memory yet */
    size_t first = n > (1 << 20) ? (1 << 20) : (size_t)n;
    return sl_buf_reserve(&req->body, first, NULL) < 0 ? MHD_NO : MHD_YES;
}

static enum MHD_Result collect(sl_request *req, const char *data, size_t *len) {
    if (!req->too_large && sl_buf_put(&req->body, data, *len, NULL) < 0) {
        req->too_large = true;
        sl_buf_free(&req->body);
    }
    *len = 0;
    if (req->body.len < req->cut_after) return MHD_YES;
    linger_off(req);
    return MHD_NO;
}

static enum MHD_Result carry_out(sl_request *req) {
    if (req->verdict == VERDICT_RESET) linger_off(req);
    if (req->verdict != VERDICT_ANSWER) return MHD_NO;
    req->state = REQUEST_SENDING;
    enum MHD_Result ok = MHD_queue_response(req->conn, (unsigned)req->status, req->response);
    MHD_destroy_response(req->response); /* the connection has its own reference */
    req->response = NULL;
    return ok;
}

enum MHD_Result sl_request_step(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
                                const char *version, const char *data, size_t *len, void **con_cls) {
    (void)url;
    (void)version;
    sl_request *req = *con_cls;
    if (!req || !req->target) return MHD_NO;
    if (req->state == REQUEST_NEW) return begin(req, method);
    if (*len) return collect(req, data, len);
    if (req->state == REQUEST_DECIDED) return carry_out(req);
    if (req->state != REQUEST_READING) return MHD_YES;
    if (req->too_large) return refuse_large(req);
    if (req->server->closing) return MHD_NO; /* nobody would ever resume it */
    req->state = REQUEST_HELD;
    req->held = true;
    MHD_suspend_connection(conn);
    sl_server_hand_out(cls, req);
    return MHD_YES;
}

/* ---- answers ---- */

/* The body of an answer with a fault: MHD takes what it gets, and closes when it gets an error. */
static ssize_t faulty_read(void *cls, uint64_t pos, char *out, size_t max) {
    sl_request *req = cls;
    size_t end = req->after_bytes < req->faulty_body.len ? req->after_bytes : req->faulty_body.len;
    if (pos < end) {
        size_t n = end - (size_t)pos < max ? end - (size_t)pos : max;
        memcpy(out, req->faulty_body.ptr + pos, n);
        return (ssize_t)n;
    }
    bool over = req->state == REQUEST_STALLED || req->server->closing;
    if (req->fault != SL_ANSWER_STALL || over) return MHD_CONTENT_READER_END_WITH_ERROR;
    req->state = REQUEST_STALLED;
    req->stall_end_ms = sl_clock_mono_ms() + req->hold_ms;
    if (req->stall_end_ms < req->server->watch.due_ms) req->server->watch.due_ms = req->stall_end_ms;
    MHD_suspend_connection(req->conn);
    return 0;
}

static struct MHD_Response *faulty_response(sl_request *req, const sl_answer *answer) {
    req->faulty_body = (sl_str){sl_str_dup(answer->body), answer->body.len};
    req->fault = answer->fault;
    req->after_bytes = answer->after_bytes;
    req->hold_ms = answer->hold_ms;
    if (!req->faulty_body.ptr) return NULL;
    /* one byte that there is not, so that even an empty body can be cut short */
    uint64_t promised = answer->body.len ? answer->body.len : 1;
    return MHD_create_response_from_callback(promised, 16384, faulty_read, req, NULL);
}

int sl_request_head(sl_request *req, const sl_answer *answer, sl_err *err) {
    if (answer->status < 200 || answer->status > 599)
        return sl_fail(err, SL_USAGE, 0, "%d is not the status of an answer: 200 to 599", answer->status);
    req->status = answer->status;
    for (size_t i = 0; i < answer->header_count; i++) {
        const sl_header *h = &answer->headers[i];
        if (MHD_add_response_header(req->response, h->name, h->value) == MHD_NO)
            return sl_fail(err, SL_USAGE, 0, "\"%.60s: %.60s\" is not a header", h->name, h->value);
    }
    return 0;
}

static int build_response(sl_request *req, const sl_answer *answer, sl_err *err) {
    req->response = answer->fault == SL_ANSWER_WHOLE
                        ? MHD_create_response_from_buffer(answer->body.len, (void *)(uintptr_t)answer->body.ptr,
                                                          MHD_RESPMEM_MUST_COPY)
                        : faulty_response(req, answer);
    if (!req->response)
        return sl_fail(err, SL_INTERNAL, 0, "out of memory for an answer of %zu bytes", answer->body.len);
    return sl_request_head(req, answer, err);
}

static int gone(sl_err *err) {
    return sl_fail(err, SL_CANCELLED, 0, "the server was closed before the request was answered");
}

int sl_request_answer(sl_request *req, const sl_answer *answer, sl_err *err) {
    if (!sl_request_release(req)) return gone(err);
    if (build_response(req, answer, err) < 0) {
        sl_request_decide(req, VERDICT_CLOSE);
        return -1;
    }
    sl_request_decide(req, VERDICT_ANSWER);
    return 0;
}

static sl_stream *stream_new(sl_request *req, const sl_answer *head, sl_err *err) {
    sl_stream *stream = calloc(1, sizeof *stream);
    if (stream) {
        stream->holders = 1;
        stream->req = req;
        sl_buf_init(&stream->unsent, SL_STREAM_WRITE + SL_STREAM_UNSENT);
        req->response = sl_stream_response(stream);
    }
    if (!req->response)
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a stream");
    else if (sl_request_head(req, head, err) == 0)
        return stream;
    if (stream) stream->req = NULL;
    sl_stream_end(stream, false);
    return NULL;
}

sl_stream *sl_request_stream(sl_request *req, const sl_answer *head, sl_err *err) {
    if (!sl_request_release(req)) {
        gone(err);
        return NULL;
    }
    req->stream = stream_new(req, head, err);
    sl_request_decide(req, req->stream ? VERDICT_ANSWER : VERDICT_CLOSE);
    return req->stream;
}

void sl_request_reset(sl_request *req) {
    if (sl_request_release(req)) sl_request_decide(req, VERDICT_RESET);
}

int sl_request_raw(sl_request *req, sl_str bytes, sl_err *err) {
    if (!sl_request_release(req)) return gone(err);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    ssize_t sent = info ? send(info->connect_fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
    sl_request_decide(req, VERDICT_CLOSE);
    if (sent == (ssize_t)bytes.len) return 0;
    return sl_fail(err, SL_NETWORK, errno, "sent %zd of %zu raw bytes", sent, bytes.len);
}

/* ---- what was asked ---- */

const char *sl_request_method(const sl_request *req) {
    return req->method;
}

const char *sl_request_target(const sl_request *req) {
    return req->target;
}

sl_str sl_request_body(const sl_request *req) {
    return sl_buf_str(&req->body);
}

const char *sl_request_peer(const sl_request *req) {
    return req->peer;
}

typedef struct header_walk {
    void (*each)(void *ctx, const char *name, const char *value);
    void *ctx;
} header_walk;

static enum MHD_Result header_step(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    header_walk *w = cls;
    w->each(w->ctx, name, value ? value : "");
    return MHD_YES;
}

void sl_request_headers(const sl_request *req, void (*each)(void *ctx, const char *name, const char *value),
                        void *ctx) {
    header_walk w = {each, ctx};
    if (req->conn) MHD_get_connection_values(req->conn, MHD_HEADER_KIND, header_step, &w);
}
