/* libmicrohttpd without a thread of its own: its epoll descriptor is one of the loop's, MHD_run() is called when that
 * is readable. A connection is suspended as soon as its request is whole, so MHD leaves it alone until the answer is
 * there (server_request.c). Here: listening, handing requests to accepts, the end. */
#include "io/server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/server_impl.h"

/* ---- cuts ---- */

static void cut_drop(sl_server *s, size_t i) {
    free(s->cuts[i].method);
    free(s->cuts[i].path);
    memmove(&s->cuts[i], &s->cuts[i + 1], (--s->cut_count - i) * sizeof s->cuts[0]);
}

size_t sl_server_take_cut(sl_server *s, const char *method, const char *target) {
    for (size_t i = 0; i < s->cut_count; i++) {
        const cut *c = &s->cuts[i];
        if (c->method && !sl_str_eq(sl_str_of(c->method), sl_str_of(method))) continue;
        if (!sl_str_starts(sl_str_of(target), sl_str_of(c->path))) continue;
        size_t after = c->after_bytes;
        cut_drop(s, i);
        return after;
    }
    return SIZE_MAX;
}

int sl_server_cut(sl_server *s, const char *method, const char *path, size_t after_bytes, sl_err *err) {
    if (s->cut_count == SL_SERVER_CUTS)
        return sl_fail(err, SL_LIMIT, 0, "%d cuts are waiting for their requests already", SL_SERVER_CUTS);
    cut c = {method ? sl_str_dup(sl_str_of(method)) : NULL, sl_str_dup(sl_str_of(path)), after_bytes};
    s->cuts[s->cut_count++] = c;
    if ((method && !c.method) || !c.path) {
        cut_drop(s, s->cut_count - 1);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    }
    return 0;
}

/* ---- accepting ---- */

void sl_server_hand_out(sl_server *s, sl_request *req) {
    accept_op *op = s->waiting_head;
    if (op) {
        s->waiting_head = op->next;
        if (!op->next) s->waiting_tail = NULL;
        op->req = req;
        op->server = NULL;
        sl_op_finish(&op->op, NULL);
        return;
    }
    req->queued = NULL;
    if (s->queue_tail)
        s->queue_tail->queued = req;
    else
        s->queue_head = req;
    s->queue_tail = req;
}

static void accept_leave(accept_op *op) {
    sl_server *s = op->server;
    accept_op **link = &s->waiting_head, *prev = NULL;
    while (*link != op) {
        prev = *link;
        link = &(*link)->next;
    }
    *link = op->next;
    if (s->waiting_tail == op) s->waiting_tail = prev;
}

static void accept_free(sl_op *self) {
    accept_op *op = (accept_op *)self;
    if (op->server) accept_leave(op);
    /* nobody took it: another accept may, while the server is there */
    if (op->req && op->req->conn && !op->req->server->closing)
        sl_server_hand_out(op->req->server, op->req);
    else if (op->req)
        sl_request_reset(op->req);
    sl_op_deinit(self);
    free(op);
}

static const sl_op_kind accept_kind = {"accept", NULL, accept_free};

sl_op *sl_server_accept_start(sl_server *s, sl_err *err) {
    accept_op *op = calloc(1, sizeof *op);
    if (!op) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory");
        return NULL;
    }
    sl_op_init(&op->op, s->loop, &accept_kind);
    if (s->queue_head) {
        op->req = s->queue_head;
        s->queue_head = op->req->queued;
        if (!s->queue_head) s->queue_tail = NULL;
        sl_op_finish(&op->op, NULL);
        return &op->op;
    }
    op->server = s;
    if (s->waiting_tail)
        s->waiting_tail->next = op;
    else
        s->waiting_head = op;
    s->waiting_tail = op;
    return &op->op;
}

sl_request *sl_server_accept_take(sl_op *self) {
    accept_op *op = (accept_op *)self;
    sl_request *req = op->req;
    op->req = NULL;
    if (!req || req->conn) return req;
    sl_request_release(req); /* the server was closed in between */
    return NULL;
}

/* ---- the daemon ---- */

static void plan_next(sl_server *s) {
    MHD_UNSIGNED_LONG_LONG ms = 0;
    int64_t now = sl_clock_mono_ms();
    s->watch.due_ms = MHD_get_timeout(s->daemon, &ms) == MHD_YES ? now + (int64_t)ms : INT64_MAX;
    for (const sl_request *r = s->live; r; r = r->next)
        if (r->state == REQUEST_STALLED && r->stall_end_ms < s->watch.due_ms) s->watch.due_ms = r->stall_end_ms;
}

static void end_stalls(sl_server *s, int64_t now_ms) {
    for (sl_request *r = s->live; r; r = r->next)
        if (r->state == REQUEST_STALLED && r->stall_end_ms <= now_ms) {
            r->stall_end_ms = INT64_MAX;
            MHD_resume_connection(r->conn);
        }
}

static void on_ready(sl_watch *watch) {
    sl_server *s = (sl_server *)watch;
    end_stalls(s, sl_clock_mono_ms());
    s->unclean = false;
    MHD_run(s->daemon);
    if (s->unclean) MHD_run(s->daemon);
    plan_next(s);
}

/* The address to listen on; 0 where it is none. */
static int address_of(struct sockaddr_storage *out, const char *host, int port) {
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_port = htons((uint16_t)port);
        return v4->sin_family = AF_INET;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) return 0;
    v6->sin6_port = htons((uint16_t)port);
    return v6->sin6_family = AF_INET6;
}

static int start_daemon(sl_server *s, const sl_server_options *o, const char *host, sl_err *err) {
    struct sockaddr_storage addr;
    if (o->port < 0 || o->port > 65535) return sl_fail(err, SL_USAGE, 0, "%d is not a port", o->port);
    int family = address_of(&addr, host, o->port);
    if (!family) return sl_fail(err, SL_USAGE, 0, "%s is not an address to listen on", host);
    unsigned idle_s = (unsigned)((o->idle_timeout_ms ? o->idle_timeout_ms : 120000) + 999) / 1000;
    unsigned connections = o->max_connections > 0 ? (unsigned)o->max_connections : 1000;
    unsigned of_one = o->max_of_one > 0 ? (unsigned)o->max_of_one : 0;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    if (family == AF_INET6) flags |= MHD_USE_DUAL_STACK;
    if (sl_microhttpd_open(err) < 0) return -1;
    errno = 0;
    s->daemon = MHD_start_daemon(
        flags, (uint16_t)o->port, NULL, NULL, sl_request_step, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
        MHD_OPTION_URI_LOG_CALLBACK, sl_request_begin, s, MHD_OPTION_NOTIFY_COMPLETED, sl_request_completed, s,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, of_one,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(256 << 10),
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)(64 << 10), MHD_OPTION_END);
    if (!s->daemon) return sl_fail_errno(err, "can't listen on %s:%d", host, o->port);
    return 0;
}

sl_server *sl_server_open(sl_loop *loop, const sl_server_options *options, sl_err *err) {
    sl_server *s = calloc(1, sizeof *s);
    if (!s) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory");
        return NULL;
    }
    s->loop = loop;
    s->max_body_bytes = options->max_body_bytes ? options->max_body_bytes : (size_t)256 << 20;
    if (start_daemon(s, options, options->host ? options->host : "127.0.0.1", err) < 0) {
        free(s);
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info ? info->port : options->port;
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    sl_assert(info);
    s->watch = (sl_watch){.fd = info->epoll_fd, .due_ms = INT64_MAX, .ready = on_ready};
    sl_loop_watch(loop, &s->watch);
    return s;
}

int sl_server_port(const sl_server *s) {
    return s->port;
}

/* Requests that nobody answered end by a reset; MHD refuses to stop while a connection is suspended. */
static void end_requests(sl_server *s) {
    for (sl_request *r = s->live; r; r = r->next) {
        if (r->state == REQUEST_HELD)
            sl_request_decide(r, VERDICT_RESET);
        else if (r->state == REQUEST_STALLED)
            MHD_resume_connection(r->conn);
        else if (r->stream)
            sl_stream_hurry(r->stream);
    }
    for (sl_request *r = s->queue_head; r; r = r->queued) r->held = false;
    s->queue_head = s->queue_tail = NULL;
    MHD_run(s->daemon);
    MHD_run(s->daemon);
}

void sl_server_close(sl_server *s) {
    if (!s) return;
    s->closing = true;
    sl_loop_unwatch(s->loop, &s->watch);
    MHD_socket listening = MHD_quiesce_daemon(s->daemon);
    if (listening != MHD_INVALID_SOCKET) close(listening);
    end_requests(s);
    MHD_stop_daemon(s->daemon);
    for (accept_op *op = s->waiting_head, *next; op; op = next) {
        next = op->next;
        op->server = NULL;
        sl_op_finish(&op->op, NULL);
    }
    while (s->cut_count) cut_drop(s, s->cut_count - 1);
    free(s);
}

const char *sl_server_version(void) {
    return sl_microhttpd_open(NULL) == 0 ? MHD_get_version() : "missing";
}
