/* Bytes in both directions. libcurl asks for bytes to send and hands over bytes that came; nothing here calls back
 * into libcurl or the caller, it only copies, counts and says "pause".
 *
 * Back-pressure: a body that somebody streams is held up to HTTP_HOLD_BYTES; beyond that the transfer is paused and
 * goes on when the reader has read (or the writer has written). Compressed bodies are held as they came and inflated
 * while they are read, so that a small answer can't become a large one in our memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http_part.h"

#define PIECE_BYTES (64u << 10)
#define READ_BYTES (128u << 10)

/* ---- out ---- */

static size_t take_bytes(sl_http *x, char *to, size_t room) {
    size_t left = x->bytes.len - (size_t)x->handed, n = left < room ? left : room;
    memcpy(to, x->bytes.ptr + x->handed, n);
    x->handed += (int64_t)n;
    return n;
}

static size_t take_up(sl_http *x, char *to, size_t room) {
    size_t left = x->up.len - x->up_at, n = left < room ? left : room;
    if (n) memcpy(to, x->up.data + x->up_at, n);
    x->up_at += n;
    if (x->up_at == x->up.len) {
        sl_buf_clear(&x->up);
        x->up_at = 0;
    }
    return n;
}

static ssize_t read_file(sl_http *x, char *to, size_t room, sl_err *err) {
    ssize_t n;
    do n = read(x->fd, to, room);
    while (n < 0 && errno == EINTR);
    if (n < 0) return sl_fail_errno(err, "the file to send can't be read");
    x->handed += n;
    return n;
}

/* A plain file: exactly as many bytes as were announced. */
static ssize_t take_file(sl_http *x, char *to, size_t room, sl_err *err) {
    if (x->size >= 0 && (int64_t)room > x->size - x->handed) room = (size_t)(x->size - x->handed);
    if (room == 0) return 0;
    ssize_t n = read_file(x, to, room, err);
    if (n == 0 && x->size >= 0) return sl_fail(err, SL_STATE, 0, "the file became shorter while it was sent");
    return n;
}

/* A compressed file: piece by piece through `up`. */
static ssize_t take_packed_file(sl_http *x, char *to, size_t room, sl_err *err) {
    char piece[16 << 10];
    while (x->up_at == x->up.len && !x->up_ended) {
        ssize_t n = read_file(x, piece, sizeof piece, err);
        if (n < 0) return -1;
        x->up_ended = n == 0;
        if (sl_gzip_put(x->deflate, sl_str_make(piece, (size_t)n), n == 0, &x->up, err) < 0) return -1;
    }
    return (ssize_t)take_up(x, to, room);
}

size_t http_on_read(char *to, size_t size, size_t count, void *data) {
    sl_http *x = ((http_slot *)data)->x;
    size_t room = size * count;
    sl_err err;
    if (x->kind == HTTP_BYTES) return take_bytes(x, to, room);
    if (x->kind == HTTP_FILE) {
        ssize_t n = x->deflate ? take_packed_file(x, to, room, &err) : take_file(x, to, room, &err);
        if (n >= 0) return (size_t)n;
        http_note(x, &err);
        return CURL_READFUNC_ABORT;
    }
    size_t n = take_up(x, to, room);
    if (x->up.len - x->up_at < HTTP_HOLD_BYTES / 2) http_wake(x, HTTP_ROOM, NULL);
    if (n || x->up_ended) return n;
    x->send_paused = true;
    return CURL_READFUNC_PAUSE;
}

int http_rewind(sl_http *x) {
    if (x->handed == 0) return 0;
    if (x->kind == HTTP_STREAM) return -1;
    if (x->kind == HTTP_FILE) {
        if (x->deflate || lseek(x->fd, 0, SEEK_SET) != 0) return -1;
    }
    x->handed = 0;
    return 0;
}

int http_on_seek(void *data, curl_off_t offset, int origin) {
    if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_FAIL;
    return http_rewind(((http_slot *)data)->x) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

/* ---- in ---- */

static int over_limit(const sl_http *x, sl_err *err) {
    http_fail(x, err, SL_LIMIT, 0, "the body is larger than %zu bytes", x->max_body);
    return sl_hint(err, "allow more with max_bytes, or read it in pieces with stream = true");
}

static int bad_gzip(const sl_http *x, sl_err *err) {
    sl_err why = *err;
    if (why.code == SL_LIMIT) return over_limit(x, err);
    return http_fail(x, err, why.code, why.detail, "%s", why.msg);
}

/* Writes what is in `body` to the file. */
static int flush_file(sl_http *x, sl_err *err) {
    int rc = sl_file_write(x->file, sl_buf_str(&x->body), err);
    sl_buf_clear(&x->body);
    return rc;
}

/* A whole body, in memory or (piece by piece) in the file. */
static int keep(sl_http *x, sl_str in, sl_err *err) {
    if (!x->inflate) {
        if (x->file) return sl_file_write(x->file, in, err);
        return sl_buf_put_str(&x->body, in, err) < 0 ? over_limit(x, err) : 0;
    }
    do {
        if (sl_gunzip_put(x->inflate, &in, &x->body, PIECE_BYTES, err) < 0) return bad_gzip(x, err);
        if (x->file && flush_file(x, err) < 0) return -1;
    } while (in.len || sl_gunzip_more(x->inflate));
    return 0;
}

static void give_to_reader(sl_http *x) {
    for (http_op *o = x->ops; o; o = o->next) {
        if (o->role != HTTP_READ || o->op.done) continue;
        sl_err err;
        if (!http_fill(x, &err)) return;
        http_wake(x, HTTP_READ, x->out.len ? NULL : &x->err);
        return;
    }
}

size_t http_on_write(char *from, size_t size, size_t count, void *data) {
    sl_http *x = ((http_slot *)data)->x;
    size_t len = size * count;
    sl_err err;
    if (x->following) return len;
    if (x->streams && x->body.len - x->body_at >= HTTP_HOLD_BYTES) {
        x->recv_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    x->moved_ms = sl_clock_mono_ms();
    int rc = x->streams ? sl_buf_put(&x->body, from, len, &err) : keep(x, sl_str_make(from, len), &err);
    if (rc < 0) {
        http_note(x, &err);
        return 0;
    }
    if (x->streams) give_to_reader(x);
    return len;
}

/* ---- to the reader ---- */

static void fail_stream(sl_http *x, const sl_err *err) {
    if (x->failed) return;
    x->failed = true;
    x->err = *err;
}

/* Moves bytes from `body` to `out`: by exchange of the buffers, or through the inflater. True when the reader has
 * something: bytes, or an error in x->err. */
bool http_fill(sl_http *x, sl_err *err) {
    sl_buf_clear(&x->out);
    if (!x->inflate) {
        if (x->body.len == 0) return false;
        sl_buf taken = x->body;
        x->body = x->out;
        x->out = taken;
        return true;
    }
    while (x->body.len > x->body_at || sl_gunzip_more(x->inflate)) {
        sl_str in = sl_str_make(x->body.data + x->body_at, x->body.len - x->body_at);
        if (sl_gunzip_put(x->inflate, &in, &x->out, READ_BYTES, err) < 0) {
            bad_gzip(x, err);
            fail_stream(x, err);
            return true;
        }
        x->body_at = x->body.len - in.len;
        if (in.len == 0) sl_buf_clear(&x->body), x->body_at = 0;
        if (x->out.len) return true;
    }
    return false;
}

/* The transfer has ended well: is the body whole, is the file in place? */
int http_body_end(sl_http *x, sl_err *err) {
    if (x->inflate && !x->streams && !sl_gunzip_whole(x->inflate))
        return http_fail(x, err, SL_NETWORK, 0, "the compressed body is cut off");
    if (!x->file) return 0;
    sl_file *f = x->file;
    x->file = NULL;
    return sl_file_commit(f, err);
}

/* Lifts the pauses whose reason has gone. libcurl may call http_on_write from in here. An answer that refuses the body
 * ends the sending, but libcurl does not finish a transfer that is paused: that pause is lifted too. */
void http_resume(sl_http *x) {
    bool recv = x->recv_paused && x->body.len - x->body_at < HTTP_HOLD_BYTES / 2;
    bool send = x->send_paused && (x->up.len > x->up_at || x->up_ended || http_turned_down(x));
    if (!x->slot || (!recv && !send)) return;
    if (recv) x->recv_paused = false;
    if (send) x->send_paused = false;
    x->moved_ms = sl_clock_mono_ms();
    int still = (x->recv_paused ? CURLPAUSE_RECV : 0) | (x->send_paused ? CURLPAUSE_SEND : 0);
    CURLcode rc = curl_easy_pause(x->slot->easy, still);
    if (rc == CURLE_OK || rc == CURLE_BAD_FUNCTION_ARGUMENT) return;
    sl_err err;
    http_explain(x, rc, &err);
    http_finish(x, &err);
}
