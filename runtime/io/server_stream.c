/* Answers piece by piece. MHD asks for bytes when its connection can take some; while there are none the connection is
 * suspended, and the next write resumes it. Whoever writes waits while much is unsent: that is the back-pressure. */
#include <stdlib.h>

#include "io/server_impl.h"

typedef struct write_op {
    sl_op op;
    sl_stream *stream; /* NULL once finished */
    struct write_op *next;
} write_op;

static size_t left(const sl_stream *s) {
    return s->unsent.len - s->sent;
}

static void let_go(sl_stream *s) {
    if (--s->holders > 0) return;
    if (s->req) s->req->stream = NULL;
    sl_buf_free(&s->unsent);
    free(s);
}

static void let_writers_go(sl_stream *s, const sl_err *err) {
    while (s->writes) {
        write_op *op = s->writes;
        s->writes = op->next;
        op->stream = NULL;
        sl_op_finish(&op->op, err);
    }
}

/* ---- what MHD calls ---- */

static ssize_t take(sl_stream *s, char *out, size_t max) {
    size_t n = left(s) < max ? left(s) : max;
    memcpy(out, s->unsent.data + s->sent, n);
    s->sent += n;
    if (s->sent == s->unsent.len) {
        /* a large write is the exception; its memory does not stay */
        if (s->unsent.cap > 2 * SL_STREAM_UNSENT) sl_buf_free(&s->unsent);
        sl_buf_clear(&s->unsent);
        s->sent = 0;
    } else if (s->sent >= SL_STREAM_UNSENT) {
        sl_buf_drop(&s->unsent, s->sent);
        s->sent = 0;
    }
    if (left(s) <= SL_STREAM_UNSENT) let_writers_go(s, NULL);
    return (ssize_t)n;
}

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max) {
    (void)pos;
    sl_stream *s = cls;
    if (!s->req || (s->ended && !s->whole)) return MHD_CONTENT_READER_END_WITH_ERROR;
    if (left(s)) return take(s, out, max);
    if (s->ended) return MHD_CONTENT_READER_END_OF_STREAM;
    if (s->req->server->closing) return MHD_CONTENT_READER_END_WITH_ERROR;
    s->idle = true;
    MHD_suspend_connection(s->req->conn);
    return 0;
}

static void stream_released(void *cls) {
    let_go(cls);
}

struct MHD_Response *sl_stream_response(sl_stream *s) {
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32 << 10, stream_read, s, stream_released);
    if (r) s->holders++;
    return r;
}

static void wake(sl_stream *s) {
    if (!s->idle || !s->req) return;
    s->idle = false;
    MHD_resume_connection(s->req->conn);
    s->req->server->watch.due_ms = 0; /* nothing becomes readable by this: the loop has to be told */
}

void sl_stream_hurry(sl_stream *s) {
    wake(s);
}

static int gone(sl_err *err) {
    return sl_fail(err, SL_CANCELLED, 0, "the client has gone: nobody reads this stream any more");
}

void sl_stream_gone(sl_stream *s) {
    s->req = NULL;
    sl_buf_free(&s->unsent);
    s->sent = 0;
    sl_err err;
    gone(&err);
    let_writers_go(s, &err);
}

/* ---- what its owner calls ---- */

static void write_free(sl_op *self) {
    write_op *op = (write_op *)self;
    write_op **link = op->stream ? &op->stream->writes : NULL;
    while (link && *link != op) link = &(*link)->next;
    if (link) *link = op->next;
    sl_op_deinit(self);
    free(op);
}

static const sl_op_kind write_kind = {"stream write", NULL, write_free};

static int put(sl_stream *s, sl_str bytes, sl_err *err) {
    if (!s->req) return gone(err);
    if (bytes.len > SL_STREAM_WRITE)
        return sl_fail(err, SL_LIMIT, 0, "%zu bytes are too many for one write to a stream: %d at most", bytes.len,
                       SL_STREAM_WRITE);
    if (sl_buf_put_str(&s->unsent, bytes, err) < 0) return -1;
    if (bytes.len) wake(s);
    return 0;
}

sl_op *sl_stream_write_start(sl_stream *s, sl_str bytes, sl_err *err) {
    sl_loop *loop = s->req ? s->req->server->loop : NULL;
    if (put(s, bytes, err) < 0) return NULL;
    write_op *op = calloc(1, sizeof *op);
    if (!op) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory");
        return NULL;
    }
    sl_op_init(&op->op, loop, &write_kind);
    if (left(s) <= SL_STREAM_UNSENT) {
        sl_op_finish(&op->op, NULL);
        return &op->op;
    }
    op->stream = s;
    op->next = s->writes;
    s->writes = op;
    return &op->op;
}

bool sl_stream_open(const sl_stream *s) {
    return s->req != NULL;
}

void sl_stream_end(sl_stream *s, bool whole) {
    if (!s) return;
    sl_err err;
    gone(&err);
    let_writers_go(s, &err);
    s->ended = true;
    s->whole = whole;
    wake(s);
    let_go(s);
}
