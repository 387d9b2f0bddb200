/* The life of an exchange: opened, handed to libcurl, perhaps redirected, over. Operations on it are small records in
 * a list; the exchange finishes those whose moment has come and knows nothing of who waits for them. */
#include "io/http.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http_part.h"

/* ---- operations ---- */

static void op_step(sl_op *self, sl_op *child) {
    (void)self;
    sl_op_free(child);
}

static void op_free(sl_op *op) {
    http_op *o = (http_op *)op;
    if (o->x) {
        http_op **link = &o->x->ops;
        while (*link != o) link = &(*link)->next;
        *link = o->next;
        if (o->owns) sl_http_close(o->x);
    }
    sl_op_deinit(op);
    free(o);
}

static const sl_op_kind http_kind = {"http", op_step, op_free};

static http_op *op_new(sl_http *x, http_role role, sl_err *err) {
    for (http_op *o = x->ops; o; o = o->next)
        if (o->role == role && (!o->op.done || role == HTTP_READ)) /* bytes that were read and not yet taken */
            return sl_fail(err, SL_USAGE, 0, "another task waits for the same on this exchange already"), NULL;
    http_op *o = calloc(1, sizeof *o);
    if (!o) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&o->op, x->loop, &http_kind);
    o->x = x;
    o->role = role;
    o->next = x->ops;
    x->ops = o;
    return o;
}

void http_wake(sl_http *x, http_role role, const sl_err *err) {
    for (http_op *o = x->ops; o; o = o->next) {
        bool meant = o->role == role || (role == HTTP_HEAD && o->role == HTTP_WHOLE && x->streams);
        if (meant && !o->op.done) {
            if (role == HTTP_HEAD && !err) http_describe(x);
            sl_op_finish(&o->op, err);
        }
    }
}

/* ---- the transfer ---- */

bool http_left(sl_http *x) {
    if (x->left || !x->slot || !x->asked) return x->left;
    long bytes = 0;
    curl_easy_getinfo(x->slot->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > x->asked_from;
}

static void submit(sl_http *x) {
    int64_t first = x->first_byte_ms, stall = x->stall_ms;
    int64_t look = first && (!stall || first < stall) ? first : stall;
    x->moved_ms = sl_clock_mono_ms();
    curl_multi_add_handle(sl_loop_multi(x->loop), x->slot->easy);
    int64_t due = look ? x->moved_ms + look : INT64_MAX;
    int64_t end = x->total_ms ? x->start_us / 1000 + x->total_ms : INT64_MAX;
    http_due(x, due < end ? due : end);
}

void http_restart(sl_http *x) {
    sl_err err;
    curl_multi_remove_handle(sl_loop_multi(x->loop), x->slot->easy);
    http_slot_reset(x->slot);
    if (http_apply(x, &err) < 0)
        http_finish(x, &err);
    else
        submit(x);
}

/* A transfer that ended early leaves bytes of its upload in the easy handle, which the next one would send: only a
 * handle that is at rest is used again as it is. */
static void release_slot(sl_http *x, bool at_rest) {
    if (!x->slot) return;
    if (!at_rest) x->slot->special = true;
    curl_multi_remove_handle(sl_loop_multi(x->loop), x->slot->easy);
    http_live_remove(x);
    http_slot_give(x->loop, x->slot);
    x->slot = NULL;
}

/* All bytes have been given out: an error if there was one, and a compressed body must have come to its own end. */
static const sl_err *stream_end(sl_http *x) {
    if (!x->failed && x->inflate && !sl_gunzip_whole(x->inflate)) {
        x->failed = true;
        http_fail(x, &x->err, SL_NETWORK, 0, "the compressed body is cut off");
    }
    return x->failed ? &x->err : NULL;
}

/* The reader that waits gets the rest of the bytes; the next read tells the error or the end. */
static void finish_reader(sl_http *x) {
    for (http_op *o = x->ops; o; o = o->next) {
        if (o->role != HTTP_READ || o->op.done) continue;
        sl_err err;
        bool got = http_fill(x, &err) && x->out.len;
        sl_op_finish(&o->op, got ? NULL : stream_end(x));
    }
}

static bool has_head(const sl_http *x) {
    return x->head_done && !x->following && (x->status >= 200 || x->status == 101);
}

/* libcurl stops sending when such an answer comes before the end of the body; an early 200 does not end it. */
bool http_turned_down(const sl_http *x) {
    return has_head(x) && x->status >= 300;
}

void http_finish(sl_http *x, const sl_err *err) {
    sl_err end;
    bool one_piece = x->kind == HTTP_BYTES && x->bytes.len <= HTTP_SMALL_BYTES && !http_turned_down(x);
    bool at_rest = !err && (x->kind == HTTP_NO_BODY || one_piece);
    x->left = http_left(x);
    if (!err && http_body_end(x, &end) < 0) err = &end;
    if (err) {
        x->failed = true;
        x->err = *err;
    }
    http_describe(x);
    release_slot(x, at_rest);
    x->over = true;
    err = x->failed ? &x->err : NULL;
    http_wake(x, HTTP_HEAD, has_head(x) ? NULL : err);
    http_wake(x, HTTP_WHOLE, err);
    http_wake(x, HTTP_ROOM, err);
    finish_reader(x);
}

/* ---- open and close ---- */

static void free_request(sl_http *x) {
    free(x->method);
    sl_url_free(&x->url);
    free(x->header_block);
    free(x->proxy);
    free(x->ca_file);
    free(x->client_cert);
    free(x->client_key);
    free(x->unix_socket);
    sl_buf_free(&x->packed);
    sl_buf_free(&x->up);
    sl_gzip_free(x->deflate);
    if (x->fd >= 0) close(x->fd);
}

static void free_exchange(sl_http *x) {
    free_request(x);
    free(x->fields);
    free(x->save);
    sl_file_abort(x->file);
    sl_gunzip_free(x->inflate);
    sl_buf_free(&x->head);
    sl_buf_free(&x->body);
    sl_buf_free(&x->out);
    free(x);
}

sl_http *sl_http_open(sl_loop *loop, const sl_http_request *r, sl_err *err) {
    sl_http *x = malloc(sizeof *x);
    if (!x) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    memset(x, 0, offsetof(sl_http, err));
    x->loop = loop;
    if (http_prepare(x, r, err) < 0 || (x->slot = http_slot_take(loop, err)) == NULL) {
        free_exchange(x);
        return NULL;
    }
    x->slot->x = x;
    http_live_add(x);
    x->start_us = sl_clock_mono_us();
    if (http_apply(x, err) < 0) {
        sl_http_close(x);
        return NULL;
    }
    submit(x);
    return x;
}

void sl_http_close(sl_http *x) {
    if (!x) return;
    sl_err err;
    sl_fail(&err, SL_CANCELLED, 0, "the exchange was closed");
    release_slot(x, false);
    while (x->ops) {
        http_op *o = x->ops;
        x->ops = o->next;
        o->x = NULL;
        if (!o->op.done) sl_op_finish(&o->op, &err);
    }
    free_exchange(x);
}

sl_op *sl_http_start(sl_loop *loop, const sl_http_request *r, sl_err *err) {
    if (r->body_stream) return sl_fail(err, SL_USAGE, 0, "a streamed body needs sl_http_open"), NULL;
    sl_http *x = sl_http_open(loop, r, err);
    if (!x) return NULL;
    http_op *o = op_new(x, HTTP_WHOLE, err);
    if (!o) {
        sl_http_close(x);
        return NULL;
    }
    o->owns = true;
    return &o->op;
}

sl_http *sl_http_take(sl_op *op) {
    http_op *o = (http_op *)op;
    sl_assert(o->owns);
    o->owns = false;
    return o->x;
}

/* ---- answers ---- */

const sl_http_response *sl_http_response_of(sl_http *x) {
    if (!has_head(x)) return NULL;
    http_describe(x);
    return &x->answer;
}

const sl_http_response *sl_http_response_get(const sl_op *op) {
    sl_http *x = ((const http_op *)op)->x;
    return x ? sl_http_response_of(x) : NULL;
}

sl_buf sl_http_body_take(sl_op *op) {
    sl_http *x = ((http_op *)op)->x;
    sl_buf body = x->body;
    sl_buf_init(&x->body, body.max);
    return body;
}

bool sl_http_sent(const sl_op *op) {
    sl_http *x = ((const http_op *)op)->x;
    return x ? http_left(x) : true;
}

sl_op *sl_http_head_start(sl_http *x, sl_err *err) {
    http_op *o = op_new(x, x->streams ? HTTP_HEAD : HTTP_WHOLE, err);
    if (!o) return NULL;
    http_resume(x);
    bool there = has_head(x) && (x->streams || (x->over && !x->failed));
    if (there) http_describe(x);
    if (!o->op.done && (there || x->over)) sl_op_finish(&o->op, there ? NULL : &x->err);
    return &o->op;
}

/* ---- streaming ---- */

static int check_writable(sl_http *x, size_t len, sl_err *err) {
    if (x->kind != HTTP_STREAM || x->up_ended) return sl_fail(err, SL_USAGE, 0, "this request's body is complete");
    if (x->over && x->failed) {
        if (err) *err = x->err;
        return -1;
    }
    if (x->over || http_turned_down(x))
        return http_fail(x, err, SL_NETWORK, 0, "answered (%d) before the body was complete", x->status);
    if (x->size >= 0 && (int64_t)len > x->size - x->handed)
        return sl_fail(err, SL_USAGE, 0, "more bytes than the %lld announced", (long long)x->size);
    return 0;
}

/* What has been sent is dropped when it is the larger part. */
static void tidy_up(sl_http *x) {
    if (x->up_at < x->up.len / 2) return;
    sl_buf_drop(&x->up, x->up_at);
    x->up_at = 0;
}

int sl_http_write(sl_http *x, sl_str bytes, sl_err *err) {
    if (check_writable(x, bytes.len, err) < 0) return -1;
    tidy_up(x);
    int rc = x->deflate ? sl_gzip_put(x->deflate, bytes, false, &x->up, err) : sl_buf_put_str(&x->up, bytes, err);
    if (rc < 0) return -1;
    x->handed += (int64_t)bytes.len;
    if (x->up.len - x->up_at < HTTP_HOLD_BYTES) return 0;
    http_resume(x);
    return 1;
}

int sl_http_write_end(sl_http *x, sl_err *err) {
    if (x->kind != HTTP_STREAM || x->up_ended) return 0;
    if (x->size >= 0 && x->handed < x->size && !x->over)
        return sl_fail(err, SL_USAGE, 0, "the body ends after %lld of %lld bytes", (long long)x->handed,
                       (long long)x->size);
    if (x->deflate && sl_gzip_put(x->deflate, SL_STR(""), true, &x->up, err) < 0) return -1;
    x->up_ended = true;
    http_resume(x);
    return 0;
}

sl_op *sl_http_room_start(sl_http *x, sl_err *err) {
    http_resume(x);
    http_op *o = op_new(x, HTTP_ROOM, err);
    if (!o) return NULL;
    bool room = x->up.len - x->up_at < HTTP_HOLD_BYTES / 2 || http_turned_down(x);
    if (room || x->over) sl_op_finish(&o->op, x->failed ? &x->err : NULL);
    return &o->op;
}

sl_op *sl_http_read_start(sl_http *x, sl_err *err) {
    if (!x->streams) return sl_fail(err, SL_USAGE, 0, "this answer is not streamed"), NULL;
    http_op *o = op_new(x, HTTP_READ, err);
    if (!o) return NULL;
    bool got = http_fill(x, err);
    if (got)
        sl_op_finish(&o->op, x->out.len ? NULL : stream_end(x));
    else if (x->over)
        sl_op_finish(&o->op, stream_end(x));
    http_resume(x);
    return &o->op;
}

sl_str sl_http_read_get(const sl_op *op) {
    sl_http *x = ((const http_op *)op)->x;
    return x ? sl_buf_str(&x->out) : SL_STR("");
}

/* ---- what is at work here ---- */

const char *sl_http_library(void) {
    return sl_curl_open(NULL) == 0 ? curl_version_info(CURLVERSION_NOW)->version : "missing";
}

const char *sl_http_tls_library(void) {
    if (sl_curl_open(NULL) < 0) return "missing";
    const char *text = curl_version_info(CURLVERSION_NOW)->ssl_version;
    return text ? text : "";
}
