/* What the answer says: the status line and headers as they came, and what follows from them. */
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "io/http_part.h"

/* ---- header lines ---- */

/* "HTTP/1.1 200 OK\r\n", "HTTP/2 200 \r\n": libcurl has checked it already. */
static void read_status(sl_http *x, const char *line, size_t len) {
    const char *p = line + 5, *end = line + len;
    x->http_version = (*p - '0') * 10;
    if (p + 2 < end && p[1] == '.') x->http_version += p[2] - '0';
    while (p < end && *p != ' ') p++;
    while (p < end && *p == ' ') p++;
    x->status = 0;
    for (int i = 0; i < 3 && p < end && *p >= '0' && *p <= '9'; i++) x->status = x->status * 10 + (*p++ - '0');
    sl_str reason = sl_str_trim(sl_str_make(p, (size_t)(end - p)));
    x->reason_at = (size_t)(reason.ptr - line);
    x->reason_len = reason.len;
}

static int add_field(sl_http *x, sl_str line) {
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon || colon == line.ptr || line.ptr[0] == ' ' || line.ptr[0] == '\t') return 0;
    if (x->field_count == x->field_cap) {
        size_t cap = x->field_cap ? 2 * x->field_cap : 24;
        sl_http_header *fields = realloc(x->fields, cap * sizeof *fields);
        if (!fields) return -1;
        x->fields = fields;
        x->field_cap = cap;
    }
    sl_str value = sl_str_make(colon + 1, line.len - (size_t)(colon + 1 - line.ptr));
    x->fields[x->field_count++] =
        (sl_http_header){sl_str_trim(sl_str_make(line.ptr, (size_t)(colon - line.ptr))), sl_str_trim(value)};
    return 0;
}

/* The lines are complete and will not move any more: take them apart. */
static int split_head(sl_http *x) {
    const char *p = x->head.data, *end = p + x->head.len;
    for (bool first = true; p < end; first = false) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);
        if (!first && add_field(x, sl_str_make(p, len)) < 0) return -1;
        p += len + 1;
    }
    return 0;
}

const sl_http_header *http_field(const sl_http *x, const char *name) {
    for (size_t i = 0; i < x->field_count; i++)
        if (sl_str_ieq(x->fields[i].name, sl_str_of(name))) return &x->fields[i];
    return NULL;
}

const sl_http_header *sl_http_header_get(const sl_http_response *a, const char *name) {
    for (size_t i = 0; i < a->header_count; i++)
        if (sl_str_ieq(a->headers[i].name, sl_str_of(name))) return &a->headers[i];
    return NULL;
}

/* ---- what follows from them ---- */

static bool is_redirect(const sl_http *x) {
    bool status = x->status == 301 || x->status == 302 || x->status == 303 || x->status == 307 || x->status == 308;
    return status && x->max_redirects > 0 && http_field(x, "Location");
}

static int open_encoding(sl_http *x, sl_err *err) {
    const sl_http_header *h = x->raw || strcmp(x->method, "HEAD") == 0 ? NULL : http_field(x, "Content-Encoding");
    if (!h || x->status == 204 || x->status == 304 || h->value.len == 0) return 0;
    if (sl_str_ieq(h->value, SL_STR("identity"))) return 0;
    if (sl_str_ieq(h->value, SL_STR("gzip")) || sl_str_ieq(h->value, SL_STR("x-gzip")) ||
        sl_str_ieq(h->value, SL_STR("deflate"))) {
        x->gzipped = true;
        x->inflate = sl_gunzip_new(err);
        return x->inflate ? 0 : -1;
    }
    http_fail(x, err, SL_PROTOCOL, 0, "the body is encoded as '%.*s', which was not asked for",
              (int)(h->value.len < 40 ? h->value.len : 40), h->value.ptr);
    return sl_hint(err, "take it as it is with raw = true");
}

/* Room for a body of known size at once; more than the ceiling is refused before a byte of it is read. */
static int expect_length(sl_http *x, sl_err *err) {
    const sl_http_header *h =
        x->streams || x->file || strcmp(x->method, "HEAD") == 0 ? NULL : http_field(x, "Content-Length");
    if (!h || h->value.len == 0 || h->value.len > 18) return 0;
    size_t length = 0;
    for (size_t i = 0; i < h->value.len; i++) {
        if (h->value.ptr[i] < '0' || h->value.ptr[i] > '9') return 0;
        length = length * 10 + (size_t)(h->value.ptr[i] - '0');
    }
    if (length > x->max_body && x->status != 204 && x->status != 304) {
        http_fail(x, err, SL_LIMIT, 0, "the body has %zu bytes, more than the %zu allowed", length, x->max_body);
        return sl_hint(err, "allow more with max_bytes, or read it in pieces with stream = true");
    }
    return x->inflate ? 0 : sl_buf_reserve(&x->body, length < (8u << 20) ? length : (8u << 20), err);
}

static int head_complete(sl_http *x, sl_err *err) {
    if (split_head(x) < 0) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    x->following = is_redirect(x);
    if (x->following) return 0;
    if (open_encoding(x, err) < 0) return -1;
    if (x->save && x->status / 100 == 2 && (x->file = sl_file_create(x->save, err)) == NULL) return -1;
    if (expect_length(x, err) < 0) return -1;
    http_wake(x, HTTP_HEAD, NULL);
    http_wake(x, HTTP_ROOM, NULL);
    return 0;
}

static int take_line(sl_http *x, const char *line, size_t len, sl_err *err) {
    bool status_line = len > 6 && memcmp(line, "HTTP/", 5) == 0;
    if (x->head_done) {
        if (!status_line || x->status >= 200) return 0; /* a trailer */
        x->head_done = false;
    }
    if (status_line && x->head.len && x->status / 100 == 1) sl_buf_clear(&x->head);
    if (status_line && x->head.len == 0) read_status(x, line, len);
    if (x->head.len + len > HTTP_HEAD_BYTES)
        return http_fail(x, err, SL_LIMIT, 0, "the answer's headers are larger than %u bytes", HTTP_HEAD_BYTES);
    if (len > 2 || (len && line[0] != '\r' && line[0] != '\n')) return sl_buf_put(&x->head, line, len, err);
    x->head_done = true;
    return x->status >= 200 || x->status == 101 ? head_complete(x, err) : 0;
}

size_t http_on_header(char *line, size_t size, size_t count, void *data) {
    sl_http *x = ((http_slot *)data)->x;
    size_t len = size * count;
    sl_err err;
    if (!x->answered) {
        x->answered = true;
        x->moved_ms = sl_clock_mono_ms();
    }
    if (take_line(x, line, len, &err) == 0) return len;
    http_note(x, &err);
    return 0;
}

/* ---- redirects ---- */

static bool harmless(sl_str name) {
    static const char *const names[] = {"Accept",           "Accept-Encoding",   "Accept-Language", "Content-Type",
                                        "Content-Encoding", "User-Agent",        "Range",           "Cache-Control",
                                        "If-None-Match",    "If-Modified-Since", "Expect"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_ieq(name, sl_str_of(names[i]))) return true;
    return false;
}

static bool not_of_body(sl_str name) {
    return name.len < 8 || strncasecmp(name.ptr, "Content-", 8) != 0;
}

static int drop_body(sl_http *x, const char *method, sl_err *err) {
    char *copy = sl_str_dup(sl_str_of(method));
    if (!copy) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    free(x->method);
    x->method = copy;
    x->kind = HTTP_NO_BODY;
    http_drop_headers(x, not_of_body);
    return 0;
}

/* 303 asks for a GET; so, by old custom, do 301 and 302 after a POST. 307 and 308 ask for the same request again. */
static int next_method(sl_http *x, bool elsewhere, sl_err *err) {
    bool post = strcmp(x->method, "POST") == 0, head = strcmp(x->method, "HEAD") == 0;
    if ((x->status == 303 && !head) || (post && (x->status == 301 || x->status == 302)))
        return drop_body(x, "GET", err);
    if (x->kind == HTTP_NO_BODY) return 0;
    if (elsewhere) {
        http_fail(x, err, SL_PROTOCOL, 0, "redirected (%d) to another host, which must not get the body", x->status);
        return sl_hint(err, "if it is right, send the request there directly");
    }
    if (http_rewind(x) == 0) return 0;
    http_fail(x, err, SL_PROTOCOL, 0, "redirected (%d), but a streamed body can't be sent twice", x->status);
    return sl_hint(err, "send the request to the new place directly");
}

static void forget_answer(sl_http *x) {
    sl_buf_clear(&x->head);
    sl_buf_clear(&x->body);
    x->field_count = 0;
    x->head_done = x->following = x->asked = x->answered = false;
    x->seen_up = 0;
}

/* Makes the next request out of a redirect. Whatever could be a credential stays with its origin. */
int http_follow(sl_http *x, sl_err *err) {
    if (x->redirects >= x->max_redirects) {
        http_fail(x, err, SL_LIMIT, 0, "more than %d redirects", x->max_redirects);
        return sl_hint(err, "a loop? else allow more with max_redirects");
    }
    const sl_http_header *to = http_field(x, "Location");
    sl_err why;
    sl_url next;
    if (sl_url_resolve(&next, x->url.clean, to->value, &why) < 0)
        return http_fail(x, err, SL_PROTOCOL, 0, "redirected to what can't be followed: %s", why.msg);
    bool elsewhere = strcmp(next.origin, x->url.origin) != 0;
    if (next_method(x, elsewhere, err) < 0) {
        sl_url_free(&next);
        return -1;
    }
    free(next.user);
    free(next.password);
    next.user = elsewhere ? NULL : x->url.user;
    next.password = elsewhere ? NULL : x->url.password;
    if (!elsewhere) x->url.user = x->url.password = NULL;
    sl_url_free(&x->url);
    x->url = next;
    if (elsewhere) http_drop_headers(x, harmless);
    x->left = http_left(x);
    x->redirects++;
    forget_answer(x);
    return 0;
}

/* ---- the description ---- */

static int64_t info(const sl_http *x, CURLINFO what) {
    curl_off_t value = 0;
    curl_easy_getinfo(x->slot->easy, what, &value);
    return (int64_t)value;
}

static void describe_times(sl_http *x) {
    sl_http_times *t = &x->answer.times;
    long connects = 0;
    curl_easy_getinfo(x->slot->easy, CURLINFO_NUM_CONNECTS, &connects);
    x->answer.reused = connects == 0;
    *t = (sl_http_times){0};
    if (connects) {
        t->dns_us = info(x, CURLINFO_NAMELOOKUP_TIME_T);
        t->connect_us = info(x, CURLINFO_CONNECT_TIME_T);
        t->tls_us = info(x, CURLINFO_APPCONNECT_TIME_T);
    }
    t->first_byte_us = info(x, CURLINFO_STARTTRANSFER_TIME_T);
    t->total_us = sl_clock_mono_us() - x->start_us;
    x->answer.sent_bytes = info(x, CURLINFO_SIZE_UPLOAD_T);
    x->answer.received_bytes = info(x, CURLINFO_SIZE_DOWNLOAD_T);
}

/* Brings x->answer up to date. */
void http_describe(sl_http *x) {
    sl_http_response *a = &x->answer;
    a->status = x->status;
    a->version = x->http_version;
    a->reason = sl_str_make(x->head.data + x->reason_at, x->reason_len);
    a->headers = x->fields;
    a->header_count = x->field_count;
    a->body = x->streams ? SL_STR("") : sl_buf_str(&x->body);
    a->url = x->url.clean;
    a->redirects = x->redirects;
    if (x->slot) describe_times(x);
}
