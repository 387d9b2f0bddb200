/* A request: checked in full before anything is sent, copied where it must outlive the start, put into libcurl. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "io/http_part.h"

#define HEADERS_MAX 256
#define HEADER_BLOCK_MAX (128u << 10)
#define BODY_MAX_DEFAULT (64u << 20)
#define NO_TIMEOUT_MS 1000000000L

void sl_http_request_init(sl_http_request *r) {
    memset(r, 0, sizeof *r);
    r->body_stream_bytes = -1;
    r->connect_timeout_ms = 10000;
    r->first_byte_timeout_ms = 60000;
    r->stall_timeout_ms = 60000;
    r->total_timeout_ms = 600000;
    r->max_body_bytes = BODY_MAX_DEFAULT;
    r->max_redirects = 5;
}

/* ---- method ---- */

static bool is_token(sl_str s) {
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c)) return false;
    }
    return true;
}

static bool safe_method(const char *method) {
    static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (strcmp(method, safe[i]) == 0) return true;
    return false;
}

static int set_method(sl_http *x, const sl_http_request *r, sl_err *err) {
    sl_str method = r->method.len ? r->method : SL_STR("GET");
    if (!is_token(method) || method.len > 32)
        return sl_fail(err, SL_USAGE, 0, "'%.*s' is not an HTTP method", (int)(method.len < 32 ? method.len : 32),
                       method.ptr);
    x->method = sl_str_dup(method);
    if (!x->method) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    x->repeatable =
        r->repeat == SL_HTTP_REPEAT_SAFE || (r->repeat == SL_HTTP_REPEAT_BY_METHOD && safe_method(x->method));
    return 0;
}

/* ---- headers ---- */

static int check_header(const sl_http_header *h, sl_err *err) {
    int shown = (int)(h->name.len < 64 ? h->name.len : 64);
    if (!is_token(h->name)) return sl_fail(err, SL_USAGE, 0, "'%.*s' is not a header name", shown, h->name.ptr);
    for (size_t i = 0; i < h->value.len; i++) {
        char c = h->value.ptr[i];
        if (c != '\r' && c != '\n' && c != 0) continue;
        return sl_fail(err, SL_USAGE, 0, "header %.*s: the value holds a line break or a zero byte (offset %zu)",
                       shown, h->name.ptr, i);
    }
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding", "Connection", "Expect"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (sl_str_ieq(h->name, sl_str_of(ours[i])))
            return sl_fail(err, SL_USAGE, 0, "header %s is not yours to set: it follows from the request", ours[i]);
    return 0;
}

/* libcurl's spelling: "Name: value", and "Name;" for an empty value ("Name:" would take a header away). */
static char *put_header(char *to, sl_str name, sl_str value) {
    memcpy(to, name.ptr, name.len);
    to += name.len;
    if (value.len == 0) {
        *to++ = ';';
    } else {
        *to++ = ':', *to++ = ' ';
        memcpy(to, value.ptr, value.len);
        to += value.len;
    }
    *to++ = 0;
    return to;
}

typedef struct header_list {
    struct curl_slist *nodes;
    size_t count;
    char *to;
} header_list;

static void add_line(header_list *list, char *line) {
    struct curl_slist *node = &list->nodes[list->count];
    *node = (struct curl_slist){line, NULL};
    if (list->count++) node[-1].next = node;
}

static void add_header(header_list *list, sl_str name, sl_str value) {
    char *line = list->to;
    list->to = put_header(line, name, value);
    add_line(list, line);
}

static bool has_header(const sl_http_request *r, const char *name) {
    for (size_t i = 0; i < r->header_count; i++)
        if (sl_str_ieq(r->headers[i].name, sl_str_of(name))) return true;
    return false;
}

/* One block for nodes and texts, so that a request costs one allocation for all its headers. */
static int set_headers(sl_http *x, const sl_http_request *r, sl_err *err) {
    static char no_expect[] = "Expect:", no_type[] = "Content-Type:"; /* take libcurl's own away */
    size_t bytes = 64;
    if (r->header_count > HEADERS_MAX) return sl_fail(err, SL_USAGE, 0, "more than %d headers", HEADERS_MAX);
    for (size_t i = 0; i < r->header_count; i++) {
        if (check_header(&r->headers[i], err) < 0) return -1;
        bytes += r->headers[i].name.len + r->headers[i].value.len + 3;
    }
    if (bytes > HEADER_BLOCK_MAX) return sl_fail(err, SL_USAGE, 0, "more than %u bytes of headers", HEADER_BLOCK_MAX);
    size_t nodes = r->header_count + 4;
    x->header_block = malloc(nodes * sizeof(struct curl_slist) + bytes);
    if (!x->header_block) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    header_list list = {x->header_block, 0, (char *)x->header_block + nodes * sizeof(struct curl_slist)};
    /* Each line costs libcurl a dozen comparisons: only what it would add by itself is taken away. */
    if (x->kind != HTTP_NO_BODY && (x->kind != HTTP_BYTES || x->bytes.len > HTTP_SMALL_BYTES))
        add_line(&list, no_expect);
    if (x->kind == HTTP_BYTES && !has_header(r, "Content-Type")) add_line(&list, no_type);
    if (!r->raw && !has_header(r, "Accept-Encoding")) add_header(&list, SL_STR("Accept-Encoding"), SL_STR("gzip"));
    if (r->gzip) add_header(&list, SL_STR("Content-Encoding"), SL_STR("gzip"));
    for (size_t i = 0; i < r->header_count; i++) add_header(&list, r->headers[i].name, r->headers[i].value);
    x->headers = list.count ? list.nodes : NULL;
    return 0;
}

void http_drop_headers(sl_http *x, bool (*keep)(sl_str name)) {
    struct curl_slist **link = &x->headers;
    while (*link) {
        const char *line = (*link)->data;
        if (keep(sl_str_make(line, strcspn(line, ":;"))))
            link = &(*link)->next;
        else
            *link = (*link)->next;
    }
}

/* ---- body ---- */

static int pack_bytes(sl_http *x, sl_err *err) {
    sl_gzip *z = sl_gzip_new(err);
    if (!z) return -1;
    sl_buf_init(&x->packed, x->bytes.len + x->bytes.len / 8 + 65536);
    int rc = sl_gzip_put(z, x->bytes, true, &x->packed, err);
    sl_gzip_free(z);
    x->bytes = sl_buf_str(&x->packed);
    return rc;
}

static int set_body(sl_http *x, const sl_http_request *r, sl_err *err) {
    int kinds = (r->body.ptr != NULL) + (r->body_file.len != 0) + r->body_stream;
    if (kinds > 1) return sl_fail(err, SL_USAGE, 0, "a request has one body: bytes, a file or a stream");
    x->size = -1;
    if (r->body.ptr) {
        x->kind = HTTP_BYTES;
        x->bytes = r->body;
        if (r->gzip && pack_bytes(x, err) < 0) return -1;
        x->size = (int64_t)x->bytes.len;
        return 0;
    }
    if (r->gzip && kinds && (x->deflate = sl_gzip_new(err)) == NULL) return -1;
    sl_buf_init(&x->up, (size_t)1 << 30); /* one piece more than HTTP_HOLD_BYTES; pieces are the writer's strings */
    if (r->body_stream) {
        x->kind = HTTP_STREAM;
        if (!r->gzip) x->size = r->body_stream_bytes;
    } else if (r->body_file.len) {
        char *path = sl_str_dup(r->body_file);
        if (!path) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
        x->kind = HTTP_FILE;
        x->fd = sl_file_open(path, &x->size, err);
        free(path);
        if (x->fd < 0) return -1;
        if (r->gzip) x->size = -1;
    }
    return 0;
}

/* ---- everything else ---- */

static int copy_str(char **to, sl_str s, const char *name, sl_err *err) {
    if (s.len == 0) return 0;
    if (memchr(s.ptr, 0, s.len)) return sl_fail(err, SL_USAGE, 0, "%s holds a zero byte", name);
    *to = sl_str_dup(s);
    return *to ? 0 : sl_fail(err, SL_INTERNAL, 0, "out of memory");
}

static int copy_strings(sl_http *x, const sl_http_request *r, sl_err *err) {
    if (copy_str(&x->proxy, r->proxy, "proxy", err) < 0 || copy_str(&x->ca_file, r->ca_file, "ca_file", err) < 0 ||
        copy_str(&x->client_cert, r->client_cert, "client_cert", err) < 0 ||
        copy_str(&x->client_key, r->client_key, "client_key", err) < 0 ||
        copy_str(&x->save, r->save, "save", err) < 0 ||
        copy_str(&x->unix_socket, r->unix_socket, "unix_socket", err) < 0)
        return -1;
    if (x->client_key && !x->client_cert) return sl_fail(err, SL_USAGE, 0, "client_key needs client_cert");
    if (x->save && r->stream) return sl_fail(err, SL_USAGE, 0, "a body is either saved or streamed");
    if (!x->proxy || strcmp(x->proxy, "none") == 0) return 0;
    sl_url u; /* the password in it is a secret like any other */
    sl_err why;
    if (sl_url_parse(&u, r->proxy, &why) < 0) {
        sl_fail(err, SL_USAGE, 0, "proxy: %s", why.msg);
        return sl_hint(err, "proxy is http://[user:password@]host:port, or \"none\"");
    }
    if (u.password) (void)sl_log_secret(sl_str_of(u.password));
    sl_url_free(&u);
    return 0;
}

int http_prepare(sl_http *x, const sl_http_request *r, sl_err *err) {
    x->fd = -1;
    x->raw = r->raw;
    x->streams = r->stream;
    x->connect_ms = r->connect_timeout_ms;
    x->first_byte_ms = r->first_byte_timeout_ms;
    x->stall_ms = r->stall_timeout_ms;
    x->total_ms = r->total_timeout_ms;
    x->max_redirects = r->max_redirects;
    x->max_body = r->max_body_bytes;
    x->version = r->version;
    sl_buf_init(&x->head, HTTP_HEAD_BYTES);
    sl_buf_init(&x->body, r->stream ? 4 * HTTP_HOLD_BYTES : r->max_body_bytes);
    sl_buf_init(&x->out, 4 * HTTP_HOLD_BYTES);
    if (set_method(x, r, err) < 0 || sl_url_parse(&x->url, r->url, err) < 0) return -1;
    if (x->url.password) (void)sl_log_secret(sl_str_of(x->url.password));
    if (set_body(x, r, err) < 0 || set_headers(x, r, err) < 0) return -1;
    return copy_strings(x, r, err);
}

/* ---- into libcurl ---- */

static void apply_method(sl_http *x, CURL *easy) {
    bool small = x->kind == HTTP_BYTES && x->bytes.len <= HTTP_SMALL_BYTES;
    const char *plain = small ? "POST" : x->kind == HTTP_NO_BODY ? "GET" : "PUT";
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* clears what the last request left */
    if (x->kind == HTTP_NO_BODY && strcmp(x->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(x->method, plain) == 0 ? NULL : x->method);
    if (small) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->bytes.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, x->bytes.len ? x->bytes.ptr : "");
    } else if (x->kind != HTTP_NO_BODY) {
        bool big = x->size < 0 || x->size > 4 * (int64_t)HTTP_SMALL_BYTES;
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->size);
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
                         big && x->kind != HTTP_STREAM ? (long)HTTP_UPLOAD_BYTES : (long)HTTP_HOLD_BYTES);
    }
}

/* libcurl 7.88 spins on streamed uploads over HTTP/2 and spends two to three times the CPU on large ones: bodies that
 * don't come in one piece go over HTTP/1.1. */
static void apply_version(sl_http *x, http_slot *slot) {
    bool bulk = x->kind == HTTP_FILE || x->kind == HTTP_STREAM || (x->kind == HTTP_BYTES && x->size > (1 << 20));
    long version = CURL_HTTP_VERSION_1_1;
    if (x->version == SL_HTTP_2 && !bulk) version = CURL_HTTP_VERSION_2TLS;
    if (x->version == SL_HTTP_2_ONLY) version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    curl_easy_setopt(slot->easy, CURLOPT_HTTP_VERSION, version);
    if (version == CURL_HTTP_VERSION_1_1) return;
    curl_easy_setopt(slot->easy, CURLOPT_PIPEWAIT, 1L);
    /* HTTP/2 asks for TLS 1.2; saying so also keeps these connections apart from kept ones that speak 1.1. */
    curl_easy_setopt(slot->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    slot->special = true;
}

static void set_text(http_slot *slot, CURLoption option, const char *text) {
    if (!text) return;
    curl_easy_setopt(slot->easy, option, text);
    slot->special = true;
}

static void apply_proxy(sl_http *x, http_slot *slot) {
    bool direct = x->url.loopback || (x->proxy && strcmp(x->proxy, "none") == 0);
    if (direct != slot->direct)
        curl_easy_setopt(slot->easy, CURLOPT_PROXY, direct ? "" : NULL); /* NULL: the environment's */
    slot->direct = direct;
    if (direct || !x->proxy) return;
    curl_easy_setopt(slot->easy, CURLOPT_PROXY, x->proxy);
    curl_easy_setopt(slot->easy, CURLOPT_NOPROXY, "");
    slot->special = true;
}

/* libcurl sends a request again on a fresh connection when a kept one breaks before the answer began, also a POST.
 * It says so here, before it does. */
static int on_request(void *data, char *to, char *from, int to_port, int from_port) {
    (void)to, (void)from, (void)to_port, (void)from_port;
    sl_http *x = ((http_slot *)data)->x;
    sl_err err;
    if (x->asked) x->slot->special = true; /* its count of repetitions outlives the request and ends it at five */
    if (x->asked && ((http_left(x) && !x->repeatable) || http_rewind(x) < 0)) {
        x->left = http_left(x);
        http_fail(x, &err, SL_NETWORK, 0, "the kept connection broke after the request was sent, before its answer");
        sl_hint(&err, "it may have been done; it is not sent again by itself because %s is not safe to repeat",
                x->method);
        http_note(x, &err);
        return CURL_PREREQFUNC_ABORT;
    }
    if (x->asked) {
        x->answer.repeats++;
        return CURL_PREREQFUNC_OK;
    }
    long bytes = 0;
    curl_easy_getinfo(x->slot->easy, CURLINFO_REQUEST_SIZE, &bytes);
    x->asked_from = bytes;
    x->asked = true;
    return CURL_PREREQFUNC_OK;
}

int http_apply(sl_http *x, sl_err *err) {
    http_slot *slot = x->slot;
    CURL *easy = slot->easy;
    if (curl_easy_setopt(easy, CURLOPT_URL, x->url.clean) != CURLE_OK)
        return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    apply_method(x, easy);
    apply_version(x, slot);
    apply_proxy(x, slot);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, x->connect_ms ? (long)x->connect_ms : NO_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, slot);
    if (x->url.user || x->url.password) {
        set_text(slot, CURLOPT_USERNAME, x->url.user ? x->url.user : "");
        set_text(slot, CURLOPT_PASSWORD, x->url.password ? x->url.password : "");
    } else if (slot->special) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, NULL);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, NULL);
    }
    set_text(slot, CURLOPT_CAINFO, x->ca_file);
    set_text(slot, CURLOPT_SSLCERT, x->client_cert);
    set_text(slot, CURLOPT_SSLKEY, x->client_key);
    set_text(slot, CURLOPT_UNIX_SOCKET_PATH, x->unix_socket);
    return 0;
}
