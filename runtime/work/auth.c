/* Credentials as bytes of a request. */
#include "work/auth.h"

#include <string.h>

#include "data/digest.h"
#include "io/url.h"

#define BOTH_MAX (64 << 10)

static const char *const kind_names[] = {"none", "bearer", "header", "basic", "login", "client_credentials",
                                         "refresh_token"};

int sl_auth_kind_of(const char *name) {
    for (int i = 0; i < (int)(sizeof kind_names / sizeof kind_names[0]); i++)
        if (strcmp(name, kind_names[i]) == 0) return i;
    return -1;
}

static int put_basic(sl_str username, sl_str secret, sl_buf *out, sl_err *err) {
    sl_buf both;
    sl_buf_init(&both, BOTH_MAX);
    int rc = sl_buf_put_str(&both, username, err) < 0 || sl_buf_put_char(&both, ':', err) < 0 ||
             sl_buf_put_str(&both, secret, err) < 0 || sl_buf_put_str(out, SL_STR("Basic "), err) < 0 ||
             sl_digest_base64(sl_buf_str(&both), out, err) < 0;
    sl_buf_free(&both);
    return rc ? -1 : 0;
}

int sl_auth_header_value(sl_auth_kind kind, sl_str username, sl_str secret, sl_buf *out, sl_err *err) {
    if (kind == SL_AUTH_BASIC) return put_basic(username, secret, out, err);
    if (kind == SL_AUTH_BEARER && sl_buf_put_str(out, SL_STR("Bearer "), err) < 0) return -1;
    return sl_buf_put_str(out, secret, err);
}

int sl_auth_token_url(sl_str url, sl_str param, sl_str token, sl_buf *out, sl_err *err) {
    ptrdiff_t mark = sl_str_find(url, SL_STR(SL_AUTH_TOKEN_MARK));
    if (mark < 0) {
        if (sl_buf_put_str(out, url, err) < 0) return -1;
        return param.len ? sl_url_query(out, param, token, err) : 0;
    }
    size_t behind = (size_t)mark + strlen(SL_AUTH_TOKEN_MARK);
    if (sl_buf_put(out, url.ptr, (size_t)mark, err) < 0 || sl_url_escape(out, token, err) < 0) return -1;
    return sl_buf_put(out, url.ptr + behind, url.len - behind, err);
}
