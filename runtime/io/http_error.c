/* libcurl's hundred codes become the few causes that a caller can act on, with the method, the URL and a cure. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/http_part.h"

#define URL_SHOWN_BYTES 240

/* "POST https://host/path: " with secrets masked before anything is cut off. */
static size_t put_subject(const sl_http *x, char *out, size_t size) {
    sl_buf url;
    sl_buf_init(&url, 256u << 10);
    sl_url_show(&url, sl_str_of(x->url.clean));
    const char *text = sl_buf_cstr(&url);
    int shown = url.len > URL_SHOWN_BYTES ? URL_SHOWN_BYTES : (int)url.len;
    int n = snprintf(out, size, "%.16s %.*s%s: ", x->method, shown, text, url.len > URL_SHOWN_BYTES ? "..." : "");
    sl_buf_free(&url);
    return n < 0 ? 0 : (size_t)n;
}

int http_fail(const sl_http *x, sl_err *err, sl_code code, int detail, const char *fmt, ...) {
    char msg[sizeof err->msg];
    size_t at = put_subject(x, msg, sizeof msg);
    va_list ap;
    va_start(ap, fmt);
    if (at < sizeof msg) vsnprintf(msg + at, sizeof msg - at, fmt, ap);
    va_end(ap);
    sl_fail(err, code, detail, "%s", msg);
    /* Whether a repetition is safe is known here; whether it is wanted is the caller's business. */
    if (err && (code == SL_NETWORK || code == SL_TIMEOUT)) err->retryable = x->repeatable || !x->left;
    return -1;
}

void http_note(sl_http *x, const sl_err *err) {
    if (x->note_set) return;
    x->note = *err;
    x->note_set = true;
}

typedef struct cause {
    CURLcode curl;
    sl_code code;
    const char *text;
    const char *hint;
} cause;

/* clang-format off */
static const cause causes[] = {
    {CURLE_COULDNT_RESOLVE_HOST, SL_NETWORK, "the host name can't be resolved", "check the name and the DNS"},
    {CURLE_COULDNT_RESOLVE_PROXY, SL_NETWORK, "the proxy's name can't be resolved", "check `proxy`"},
    {CURLE_COULDNT_CONNECT, SL_NETWORK, "no connection", "check host, port and firewall; is the server running?"},
    {CURLE_PROXY, SL_NETWORK, "the proxy refuses", "check `proxy` and its credentials"},
    {CURLE_GOT_NOTHING, SL_NETWORK, "the connection was closed without an answer", ""},
    {CURLE_PARTIAL_FILE, SL_NETWORK, "the body is cut off",
     "the connection ended before the announced end of the body"},
    {CURLE_RECV_ERROR, SL_NETWORK, "the connection broke while the answer was read", ""},
    {CURLE_SEND_ERROR, SL_NETWORK, "the connection broke while the request was sent", ""},
    {CURLE_SEND_FAIL_REWIND, SL_NETWORK, "the connection broke and the streamed body can't be sent again", ""},
    {CURLE_HTTP2_STREAM, SL_NETWORK, "the HTTP/2 stream was reset", ""},
    {CURLE_HTTP2, SL_PROTOCOL, "not proper HTTP/2", "try http_version = \"1.1\""},
    {CURLE_WEIRD_SERVER_REPLY, SL_PROTOCOL, "the answer is not proper HTTP", "is this an HTTP server?"},
    {CURLE_UNSUPPORTED_PROTOCOL, SL_PROTOCOL, "the answer is not proper HTTP", "is this an HTTP server?"},
    {CURLE_CHUNK_FAILED, SL_PROTOCOL, "the chunks of the body are damaged", ""},
    {CURLE_BAD_CONTENT_ENCODING, SL_PROTOCOL, "the body's encoding is damaged", ""},
    {CURLE_OUT_OF_MEMORY, SL_INTERNAL, "out of memory", ""},
    {CURLE_SSL_CONNECT_ERROR, SL_TLS, "no TLS connection", "does this port speak https?"},
    {CURLE_PEER_FAILED_VERIFICATION, SL_TLS, "the server's certificate is not trusted",
     "check the host name, the clock and, for an own CA, `ca_file`"},
    {CURLE_SSL_CACERT_BADFILE, SL_TLS, "the CA file can't be read", "check `ca_file`: a PEM file with certificates"},
    {CURLE_SSL_CERTPROBLEM, SL_TLS, "the client certificate can't be used",
     "check `client_cert` and `client_key` (PEM)"},
    {CURLE_SSL_ISSUER_ERROR, SL_TLS, "the server's certificate has the wrong issuer", ""},
    {CURLE_SSL_CIPHER, SL_TLS, "no common cipher", ""},
    {CURLE_SSL_CLIENTCERT, SL_TLS, "the server asks for a client certificate", "give `client_cert` and `client_key`"},
    {CURLE_SSL_SHUTDOWN_FAILED, SL_TLS, "TLS did not end properly", ""},
    {CURLE_USE_SSL_FAILED, SL_TLS, "no TLS connection", ""},
};
/* clang-format on */

static cause find_cause(CURLcode code) {
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (causes[i].curl == code) return causes[i];
    return (cause){code, SL_NETWORK, curl_easy_strerror(code), ""};
}

static bool text_has(const http_slot *slot, const char *word) {
    return strcasestr(slot->text, word) != NULL;
}

/* Where libcurl's code is coarser than its text. */
static cause refine(const sl_http *x, cause c) {
    bool tunnel = text_has(x->slot, "CONNECT tunnel failed") || text_has(x->slot, "from proxy after CONNECT");
    if (c.curl == CURLE_RECV_ERROR && tunnel) {
        c.text = "the proxy refuses";
        c.hint = "check `proxy` and its credentials";
    } else if ((c.curl == CURLE_RECV_ERROR || c.curl == CURLE_SEND_ERROR) && text_has(x->slot, "alert")) {
        c.code = SL_TLS;
        c.text = "the server refuses the TLS connection";
        c.hint = "does it ask for a client certificate (`client_cert`, `client_key`)?";
    } else if (c.curl == CURLE_SSL_CONNECT_ERROR && text_has(x->slot, "reset by peer")) {
        c.code = SL_NETWORK;
        c.text = "the connection was reset while TLS was set up";
        c.hint = "";
    } else if (text_has(x->slot, "response headers") || (c.curl == CURLE_OUT_OF_MEMORY && x->answered)) {
        c.code = SL_LIMIT;
        c.text = "the answer's headers are too large";
    }
    return c;
}

void http_explain(sl_http *x, CURLcode code, sl_err *err) {
    x->left = http_left(x);
    if (x->note_set) {
        *err = x->note;
        return;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        http_fail(x, err, SL_TIMEOUT, (int)code, "no connection within %g s (connect timeout)",
                  (double)x->connect_ms / 1000);
        sl_hint(err, "check host, port and firewall, or allow more time with connect_timeout");
        return;
    }
    cause c = refine(x, find_cause(code));
    const char *text = x->slot->text;
    http_fail(x, err, c.code, (int)code, text[0] ? "%s (%s)" : "%s", c.text, text);
    if (c.hint[0]) sl_hint(err, "%s", c.hint);
}
