/* URLs by libcurl's parser (the one that will send them), so that what is checked here is what is connected to. */
#include "io/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "io/curl.h"

#define URL_MAX_BYTES (64u << 10)

static char *part(CURLU *h, CURLUPart what, unsigned int flags) {
    char *text = NULL, *own = NULL;
    if (curl_url_get(h, what, &text, flags) == CURLUE_OK) own = sl_str_dup(sl_str_of(text));
    curl_free(text);
    return own;
}

/* libcurl accepts a good deal more; these would be read differently by somebody on the way. */
static int check_bytes(sl_str text, sl_err *err) {
    if (text.len == 0) return sl_fail(err, SL_USAGE, 0, "the URL is empty");
    if (text.len > URL_MAX_BYTES) return sl_fail(err, SL_USAGE, 0, "the URL is longer than %u bytes", URL_MAX_BYTES);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > ' ' && c != 0x7f) continue;
        sl_fail(err, SL_USAGE, 0, "the URL holds a blank or control character (byte 0x%02x at offset %zu)", c, i);
        return sl_hint(err, "encode it, or give query values by `query`");
    }
    return 0;
}

static bool is_loopback(const char *host) {
    bool four = strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == 0; /* not a name like 127.x.com */
    return strcasecmp(host, "localhost") == 0 || four || strcmp(host, "[::1]") == 0 ||
           strcmp(host, "::1") == 0;
}

static char *make_origin(const char *scheme, const char *host, const char *port) {
    size_t size = strlen(scheme) + strlen(host) + strlen(port) + 5;
    char *text = malloc(size);
    if (!text) return NULL;
    snprintf(text, size, "%s://%s:%s", scheme, host, port);
    for (char *p = text; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return text;
}

/* Fills u from a parsed handle; user and password leave it first. */
static int take_parts(sl_url *u, CURLU *h, sl_err *err) {
    char *scheme = part(h, CURLUPART_SCHEME, 0), *host = part(h, CURLUPART_HOST, 0);
    char *port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    int rc = -1;
    if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        sl_fail(err, SL_USAGE, 0, "the URL's scheme is '%.32s': only http and https are spoken",
                scheme ? scheme : "");
        goto out;
    }
    if (!host || !port) {
        sl_fail(err, SL_USAGE, 0, "the URL has no host");
        goto out;
    }
    u->user = part(h, CURLUPART_USER, CURLU_URLDECODE);
    u->password = part(h, CURLUPART_PASSWORD, CURLU_URLDECODE);
    curl_url_set(h, CURLUPART_USER, NULL, 0);
    curl_url_set(h, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
    u->clean = part(h, CURLUPART_URL, 0);
    u->origin = make_origin(scheme, host, port);
    u->secure = strcmp(scheme, "https") == 0;
    u->loopback = is_loopback(host);
    rc = u->clean && u->origin ? 0 : sl_fail(err, SL_INTERNAL, 0, "out of memory");
out:
    free(scheme);
    free(host);
    free(port);
    if (rc < 0) sl_url_free(u);
    return rc;
}

static int set_url(CURLU *h, sl_str text, bool relative, sl_err *err) {
    char *copy = sl_str_dup(text);
    if (!copy) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    CURLUcode rc = curl_url_set(h, CURLUPART_URL, copy, CURLU_NON_SUPPORT_SCHEME);
    bool plain = !relative && strstr(copy, "://") == NULL;
    free(copy);
    if (rc == CURLUE_OK && !plain) return 0;
    sl_fail(err, SL_USAGE, (int)rc, "not a URL: %s", rc ? curl_url_strerror(rc) : "it doesn't start with a scheme");
    return sl_hint(err, "give it in full: https://host/path");
}

/* ---- the plain case ---- */

/* Nine of ten URLs are "scheme://name[:port]/path?query" with nothing to put right. They are told apart here, at a
 * tenth of the cost; whatever is unusual (user, fragment, dots and capitals, addresses in numbers) goes to libcurl. */
typedef struct plain {
    bool secure;
    sl_str host, port; /* port: "" where there is none */
} plain;

static bool plain_host(sl_str host) {
    bool letter = false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c >= 'g' && c <= 'z')
            letter = true; /* no address, whatever the base of its numbers */
        else if (!((c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
            return false;
    }
    return letter || sl_str_eq(host, SL_STR("127.0.0.1"));
}

static bool plain_port(sl_str port) {
    if (port.len > 5 || (port.len && port.ptr[0] == '0')) return false;
    for (size_t i = 0; i < port.len; i++)
        if (port.ptr[i] < '0' || port.ptr[i] > '9') return false;
    return port.len < 5 || strncmp(port.ptr, "65535", 5) <= 0;
}

static bool plain_rest(sl_str rest) {
    if (rest.len == 0 || rest.ptr[0] != '/') return false;
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];
        if (c >= 0x7f || c == '#' || c == '\\' || (c == '/' && i + 1 < rest.len && rest.ptr[i + 1] == '.'))
            return false;
    }
    return true;
}

static bool read_plain(plain *p, sl_str text) {
    p->secure = sl_str_starts(text, SL_STR("https://"));
    if (!p->secure && !sl_str_starts(text, SL_STR("http://"))) return false;
    size_t from = p->secure ? 8 : 7, at = from;
    while (at < text.len && text.ptr[at] != '/' && text.ptr[at] != ':') at++;
    p->host = sl_str_make(text.ptr + from, at - from);
    p->port = SL_STR("");
    if (at < text.len && text.ptr[at] == ':') {
        size_t digits = ++at;
        while (at < text.len && text.ptr[at] != '/') at++;
        p->port = sl_str_make(text.ptr + digits, at - digits);
        if (p->port.len == 0) return false;
    }
    return plain_host(p->host) && plain_port(p->port) && plain_rest(sl_str_make(text.ptr + at, text.len - at));
}

static int take_plain(sl_url *u, const plain *p, sl_str text, sl_err *err) {
    sl_str port = p->port.len ? p->port : p->secure ? SL_STR("443") : SL_STR("80");
    size_t size = p->host.len + port.len + 10;
    u->clean = sl_str_dup(text);
    u->origin = malloc(size);
    u->secure = p->secure;
    u->loopback = sl_str_eq(p->host, SL_STR("localhost")) || sl_str_eq(p->host, SL_STR("127.0.0.1"));
    if (!u->clean || !u->origin) {
        sl_url_free(u);
        return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    }
    snprintf(u->origin, size, "%s://%.*s:%.*s", p->secure ? "https" : "http", (int)p->host.len, p->host.ptr,
             (int)port.len, port.ptr);
    return 0;
}

int sl_url_parse(sl_url *u, sl_str text, sl_err *err) {
    plain p;
    memset(u, 0, sizeof *u);
    if (check_bytes(text, err) < 0) return -1;
    if (read_plain(&p, text)) return take_plain(u, &p, text, err);
    if (sl_curl_open(err) < 0) return -1;
    CURLU *h = curl_url();
    if (!h) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    int rc = set_url(h, text, false, err) < 0 ? -1 : take_parts(u, h, err);
    curl_url_cleanup(h);
    return rc;
}

int sl_url_resolve(sl_url *u, const char *base, sl_str ref, sl_err *err) {
    memset(u, 0, sizeof *u);
    if (check_bytes(ref, err) < 0) return -1;
    if (sl_curl_open(err) < 0) return -1;
    CURLU *h = curl_url();
    if (!h) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    int rc =
        set_url(h, sl_str_of(base), false, err) < 0 || set_url(h, ref, true, err) < 0 ? -1 : take_parts(u, h, err);
    curl_url_cleanup(h);
    return rc;
}

void sl_url_free(sl_url *u) {
    free(u->clean);
    free(u->origin);
    free(u->user);
    free(u->password);
    memset(u, 0, sizeof *u);
}

static bool is_unreserved(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int sl_url_escape(sl_buf *out, sl_str text, sl_err *err) {
    static const char hex[] = "0123456789ABCDEF";
    if (sl_buf_reserve(out, 3 * text.len, err) < 0) return -1;
    char *to = out->data + out->len;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_unreserved(c)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    if (text.len) out->len = (size_t)(to - out->data);
    return 0;
}

int sl_url_query(sl_buf *out, sl_str name, sl_str value, sl_err *err) {
    const char *mark = out->len ? memchr(out->data, '?', out->len) : NULL;
    char last = out->len ? out->data[out->len - 1] : 0;
    if (!mark && sl_buf_put_char(out, '?', err) < 0) return -1;
    if (mark && last != '?' && last != '&' && sl_buf_put_char(out, '&', err) < 0) return -1;
    if (sl_url_escape(out, name, err) < 0 || sl_buf_put_char(out, '=', err) < 0) return -1;
    return sl_url_escape(out, value, err);
}

static bool holds_word(sl_str name, const char *word) {
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= name.len; i++)
        if (strncasecmp(name.ptr + i, word, len) == 0) return true;
    return false;
}

static bool secret_name(sl_str name) {
    static const char *const words[] = {"token",  "key",  "password",  "passwd",
                                        "secret", "auth", "signature", "credential"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (holds_word(name, words[i])) return true;
    return false;
}

/* One "name=value" of a query, the value masked where the name says that it is a secret. */
static void show_pair(sl_buf *out, sl_str pair) {
    const char *eq = memchr(pair.ptr, '=', pair.len);
    sl_str name = eq ? sl_str_make(pair.ptr, (size_t)(eq - pair.ptr)) : pair;
    if (!eq || !secret_name(name)) {
        (void)sl_buf_put_str(out, pair, NULL);
        return;
    }
    (void)sl_buf_put_str(out, name, NULL);
    (void)sl_buf_put_str(out, SL_STR("=***"), NULL);
}

static void show_query(sl_buf *out, sl_str query) {
    while (query.len) {
        const char *amp = memchr(query.ptr, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.ptr) : query.len;
        show_pair(out, sl_str_make(query.ptr, len));
        if (!amp) return;
        (void)sl_buf_put_char(out, '&', NULL);
        query = sl_str_make(amp + 1, query.len - len - 1);
    }
}

/* Without "user:password@": what stands between "//" and the last '@' before the path. */
static void show_front(sl_buf *out, sl_str front) {
    ptrdiff_t slashes = sl_str_find(front, SL_STR("//"));
    size_t from = slashes < 0 ? 0 : (size_t)slashes + 2, at = from;
    for (size_t i = from; i < front.len && front.ptr[i] != '/'; i++)
        if (front.ptr[i] == '@') at = i + 1;
    (void)sl_buf_put(out, front.ptr, from, NULL);
    (void)sl_buf_put(out, front.ptr + at, front.len - at, NULL);
}

void sl_url_show(sl_buf *out, sl_str url) {
    const char *mark = url.len ? memchr(url.ptr, '?', url.len) : NULL;
    size_t front = mark ? (size_t)(mark - url.ptr) + 1 : url.len;
    show_front(out, sl_str_make(url.ptr, front));
    if (mark) show_query(out, sl_str_make(mark + 1, url.len - front));
    sl_log_mask(out);
}
