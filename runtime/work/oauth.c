/* The token endpoint's three texts: the form that is sent, the answer, the error. */
#include "work/oauth.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "data/digest.h"
#include "data/pick.h"
#include "io/url.h"

#define BOTH_MAX (256 << 10)
#define TOKEN_MAX (64 << 10)
#define WORD_MAX 200
#define LIFE_MAX_S 3153600000 /* a hundred years: beyond that it is no number of seconds */

/* ---- the request ---- */

/* Both parts form-encoded before they are put together (2.3.1), so that a colon in the id is none. */
int sl_oauth_header(const sl_oauth *o, sl_buf *out, sl_err *err) {
    if (o->in_body || o->client_secret.len == 0) return 0;
    sl_buf both;
    sl_buf_init(&both, BOTH_MAX);
    int rc = sl_url_escape(&both, o->client_id, err) < 0 || sl_buf_put_char(&both, ':', err) < 0 ||
             sl_url_escape(&both, o->client_secret, err) < 0 || sl_buf_put_str(out, SL_STR("Basic "), err) < 0 ||
             sl_digest_base64(sl_buf_str(&both), out, err) < 0;
    if (both.data) explicit_bzero(both.data, both.len);
    sl_buf_free(&both);
    return rc ? -1 : 0;
}

static int put_field(sl_buf *out, const char *name, sl_str value, sl_err *err) {
    if (out->len && sl_buf_put_char(out, '&', err) < 0) return -1;
    if (sl_buf_put_str(out, sl_str_of(name), err) < 0 || sl_buf_put_char(out, '=', err) < 0) return -1;
    return sl_url_escape(out, value, err);
}

static int put_client(const sl_oauth *o, sl_buf *out, sl_err *err) {
    if (!o->in_body && o->client_secret.len) return 0;
    if (put_field(out, "client_id", o->client_id, err) < 0) return -1;
    return o->client_secret.len ? put_field(out, "client_secret", o->client_secret, err) : 0;
}

int sl_oauth_form(sl_auth_kind kind, const sl_oauth *o, sl_str refresh, sl_buf *out, sl_err *err) {
    bool renew = kind == SL_AUTH_REFRESH;
    if (put_field(out, "grant_type", renew ? SL_STR("refresh_token") : SL_STR("client_credentials"), err) < 0) return -1;
    if (renew && put_field(out, "refresh_token", refresh.len ? refresh : o->refresh, err) < 0) return -1;
    if (put_client(o, out, err) < 0) return -1;
    if (o->more.len == 0) return 0;
    return sl_buf_put_char(out, '&', err) < 0 ? -1 : sl_buf_put_str(out, o->more, err);
}

/* ---- the answer ---- */

/* A text of the answer: 1, 0 where it has none, -1. */
static int take_text(sl_str body, const char *key, sl_buf *out, sl_err *err) {
    sl_str value;
    int rc = sl_pick(body, key, &value, err);
    if (rc != 1 || sl_str_eq(value, SL_STR("null"))) return rc < 0 ? -1 : 0;
    sl_err why;
    if (sl_pick_text(value, out, &why) == 0) return 1;
    return sl_fail(err, SL_PROTOCOL, 0, "the token answer's %s is %.200s", key, why.msg);
}

/* Seconds as a number, or as a text of digits (seen in the wild). 0 where nothing useful is said. */
static int64_t life_ms(sl_str body) {
    sl_str value;
    sl_err ignored;
    int64_t seconds = 0;
    if (sl_pick(body, "expires_in", &value, &ignored) != 1) return 0;
    if (value.len >= 2 && value.ptr[0] == '"') value = sl_str_make(value.ptr + 1, value.len - 2);
    for (size_t i = 0; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9' && seconds <= LIFE_MAX_S; i++)
        seconds = seconds * 10 + (value.ptr[i] - '0');
    return seconds <= LIFE_MAX_S ? seconds * 1000 : 0;
}

static int check_type(sl_str body, sl_err *err) {
    sl_buf type;
    sl_buf_init(&type, TOKEN_MAX);
    int rc = take_text(body, "token_type", &type, err);
    if (rc == 1 && !sl_str_ieq(sl_buf_str(&type), SL_STR("bearer")))
        rc = sl_fail(err, SL_PROTOCOL, 0, "the token answer's token_type is '%.40s', and only Bearer is known",
                     sl_buf_cstr(&type));
    sl_buf_free(&type);
    return rc < 0 ? -1 : 0;
}

int sl_oauth_take(sl_auth_kind kind, sl_str body, sl_login_got *got, sl_err *err) {
    int rc = take_text(body, "access_token", &got->token, err);
    if (rc == 0) return sl_fail(err, SL_PROTOCOL, 0, "the token answer has no access_token");
    if (rc < 0 || check_type(body, err) < 0) return -1;
    if (kind == SL_AUTH_REFRESH && take_text(body, "refresh_token", &got->refresh, err) < 0) return -1;
    got->expires_ms = life_ms(body);
    return 0;
}

/* ---- the error ---- */

static bool word_at(sl_str body, const char *key, char out[WORD_MAX]) {
    sl_buf b;
    sl_err ignored;
    sl_buf_init(&b, TOKEN_MAX);
    bool found = take_text(body, key, &b, &ignored) == 1;
    if (found) sl_log_mask_all(&b);
    snprintf(out, WORD_MAX, "%.*s", (int)(b.len < WORD_MAX ? b.len : WORD_MAX - 1), found ? b.data : "");
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    sl_buf_free(&b);
    return found && out[0];
}

static void advise(const sl_oauth *o, const char *conn, const char *word, sl_err *err) {
    if (strcmp(word, "invalid_grant") == 0 && o->refresh.len)
        sl_hint(err, "the refresh token is used up, revoked or expired, or its successor was lost: authorise sluice at the "
                     "API again and put the new one into `%s` of connection '%.40s'",
                o->refresh_key ? o->refresh_key : "refresh_token", conn);
    else if (strcmp(word, "invalid_client") == 0)
        sl_hint(err, "check the client's id and secret of connection '%.40s'; the definition's client_auth is \"%s\"", conn,
                o->in_body ? "body" : "header");
    else if (strcmp(word, "invalid_scope") == 0)
        sl_hint(err, "the client may not have that scope: compare it with what the API granted");
    else
        sl_hint(err, "the token endpoint refuses the client of connection '%.40s': look at its rights at the API", conn);
}

void sl_oauth_explain(const sl_oauth *o, const char *conn, sl_str body, sl_err *err) {
    char word[WORD_MAX], words[WORD_MAX];
    if (err->status / 100 != 4 || err->status == 429 || !word_at(body, "error", word)) return;
    bool more = word_at(body, "error_description", words);
    size_t len = strlen(err->msg);
    snprintf(err->msg + len, sizeof err->msg - len, ": %s%s%s", word, more ? ": " : "", more ? words : "");
    err->code = SL_AUTH;
    advise(o, conn, word, err);
}
