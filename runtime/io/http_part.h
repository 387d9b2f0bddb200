/* What the files of io/http share; nobody else includes it.
 *
 *   http.c           the life of an exchange and its operations
 *   http_request.c   checks a request and hands it to libcurl
 *   http_body.c      bytes in both directions: libcurl's callbacks, back-pressure, gzip
 *   http_response.c  headers, redirects, what the answer says
 *   http_error.c     why it failed, in words
 *   http_pool.c      easy handles that are used again, and the clock of all exchanges
 */
#ifndef SL_IO_HTTP_PART_H
#define SL_IO_HTTP_PART_H

#include "data/gzip.h"
#include "io/curl.h"
#include "io/file.h"
#include "io/http.h"
#include "io/op.h"
#include "io/url.h"

#define HTTP_HOLD_BYTES (256u << 10) /* at most so much of a body waits for a slow reader or a slow peer */
#define HTTP_HEAD_BYTES (256u << 10) /* ceiling of all header lines of an answer */
#define HTTP_SMALL_BYTES (60u << 10) /* bodies up to here travel in one piece with the headers */
#define HTTP_UPLOAD_BYTES (256u << 10) /* libcurl's upload buffer: four times its default, and still in the cache when it is sent */

typedef enum http_role { HTTP_WHOLE, HTTP_HEAD, HTTP_ROOM, HTTP_READ } http_role;

/* An operation on an exchange. */
typedef struct http_op {
    sl_op op;
    sl_http *x; /* NULL when the exchange was closed under it */
    http_role role;
    bool owns; /* freeing the operation closes the exchange */
    struct http_op *next;
} http_op;

typedef enum http_body_kind { HTTP_NO_BODY, HTTP_BYTES, HTTP_FILE, HTTP_STREAM } http_body_kind;

/* A kept easy handle: its callbacks find the exchange here, so they are set once. */
typedef struct http_slot {
    CURL *easy;
    sl_http *x;
    bool direct;  /* CURLOPT_PROXY is "" */
    bool special; /* carries options beyond the usual ones: reset before the next use */
    struct http_slot *next;
    char text[CURL_ERROR_SIZE];
} http_slot;

struct sl_http {
    sl_loop *loop;
    http_slot *slot; /* NULL once the transfer is over */
    sl_http *next, *prev;
    http_op *ops;

    /* the request */
    char *method;
    sl_url url;
    struct curl_slist *headers; /* nodes and texts are one block: header_block */
    void *header_block;
    bool repeatable, raw, streams;
    int64_t connect_ms, first_byte_ms, stall_ms, total_ms;
    int max_redirects;
    sl_http_version version;
    char *proxy, *ca_file, *client_cert, *client_key, *unix_socket;

    /* its body */
    http_body_kind kind;
    sl_str bytes;     /* borrowed, or in `packed` */
    sl_buf packed;    /* compressed bytes, owned */
    int fd;           /* HTTP_FILE */
    int64_t size;     /* bytes to send, -1 unknown */
    int64_t handed;   /* bytes given to libcurl (of bytes and file), or taken from the writer (stream) */
    sl_gzip *deflate; /* file and stream with gzip */
    sl_buf up;        /* HTTP_STREAM, and files while they are compressed */
    size_t up_at;     /* up to here `up` has been sent */
    bool up_ended;    /* nothing more will be put into `up` */
    bool send_paused;

    /* the answer */
    sl_buf head;
    int status, http_version;
    bool head_done, following; /* following: a redirect that is obeyed; its body is thrown away */
    size_t reason_at, reason_len;
    sl_http_header *fields;
    size_t field_count, field_cap;
    bool gzipped;
    sl_gunzip *inflate;
    sl_buf body; /* decoded, or with `streams` as it came from the wire */
    size_t body_at;
    sl_buf out; /* what the last read has given */
    size_t max_body;
    char *save;
    sl_file *file;
    bool recv_paused;
    sl_http_response answer;

    /* progress */
    int64_t start_us, moved_ms, due_ms, seen_up;
    int64_t sent_bytes, received_bytes;
    int redirects;
    long asked_from; /* libcurl's count of request bytes when this request began */
    bool asked;      /* connected, the request is being sent */
    bool answered;   /* a byte of the answer came */
    bool left;       /* a byte of some request has left */
    bool over, failed, note_set;
    /* From here on nothing is cleared at the start: two thirds of the record, and hardly ever used. */
    sl_err err;  /* why it failed, where `failed` */
    sl_err note; /* why a callback of ours stopped the transfer, where `note_set` */
};

/* ---- http.c ---- */

void http_restart(sl_http *x);
void http_finish(sl_http *x, const sl_err *err);
void http_wake(sl_http *x, http_role role, const sl_err *err);
bool http_left(sl_http *x);
bool http_turned_down(const sl_http *x);

/* ---- http_request.c ---- */

int http_prepare(sl_http *x, const sl_http_request *r, sl_err *err);
int http_apply(sl_http *x, sl_err *err);
void http_drop_headers(sl_http *x, bool (*keep)(sl_str name));

/* ---- http_body.c ---- */

size_t http_on_read(char *to, size_t size, size_t count, void *slot);
size_t http_on_write(char *from, size_t size, size_t count, void *slot);
int http_on_seek(void *slot, curl_off_t offset, int origin);
int http_rewind(sl_http *x);
bool http_fill(sl_http *x, sl_err *err);
int http_body_end(sl_http *x, sl_err *err);
void http_resume(sl_http *x);

/* ---- http_response.c ---- */

size_t http_on_header(char *line, size_t size, size_t count, void *slot);
int http_follow(sl_http *x, sl_err *err);
void http_describe(sl_http *x);
const sl_http_header *http_field(const sl_http *x, const char *name);

/* ---- http_error.c ---- */

int http_fail(const sl_http *x, sl_err *err, sl_code code, int detail, const char *fmt, ...) SL_PRINTF(5, 6) SL_COLD;
void http_explain(sl_http *x, CURLcode code, sl_err *err);
void http_note(sl_http *x, const sl_err *err);

/* ---- http_pool.c ---- */

http_slot *http_slot_take(sl_loop *loop, sl_err *err);
void http_slot_reset(http_slot *slot);
void http_slot_give(sl_loop *loop, http_slot *slot);
void http_live_add(sl_http *x);
void http_live_remove(sl_http *x);
void http_due(sl_http *x, int64_t due_ms);

#endif
