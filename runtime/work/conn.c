/* The connection: what is checked and copied once, so that a call has nothing left to check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/url.h"
#include "work/call_part.h"

#define SECRET_MAX (1 << 20)

/* ---- bags of strings ---- */

struct sl_bag_item {
    struct sl_bag_item *next;
    size_t len;
    char bytes[];
};

void *sl_bag_room(sl_bag *bag, size_t bytes, sl_err *err) {
    struct sl_bag_item *item = calloc(1, sizeof *item + bytes);
    if (!item) return sl_fail(err, SL_INTERNAL, 0, "out of memory for %zu bytes", bytes), NULL;
    item->len = bytes;
    item->next = bag->items;
    bag->items = item;
    return item->bytes;
}

sl_str sl_bag_bytes(sl_bag *bag, sl_str bytes, sl_err *err) {
    char *copy = sl_bag_room(bag, bytes.len + 1, err);
    if (!copy) return sl_str_make(NULL, 0);
    if (bytes.len) memcpy(copy, bytes.ptr, bytes.len);
    return sl_str_make(copy, bytes.len);
}

const char *sl_bag_text(sl_bag *bag, const char *text, sl_err *err) {
    return text ? sl_bag_bytes(bag, sl_str_of(text), err).ptr : NULL;
}

void sl_bag_free(sl_bag *bag) {
    for (struct sl_bag_item *item = bag->items, *next; item; item = next) {
        next = item->next;
        explicit_bzero(item->bytes, item->len);
        free(item);
    }
    bag->items = NULL;
}

/* Copies a field in place and notes where memory was out. */
static void keep(sl_bag *bag, const char **text, bool *bad, sl_err *err) {
    if (!*text) return;
    *text = sl_bag_text(bag, *text, err);
    *bad |= !*text;
}

static void keep_str(sl_bag *bag, sl_str *s, bool *bad, sl_err *err) {
    if (!s->ptr) return;
    *s = sl_bag_bytes(bag, *s, err);
    *bad |= !s->ptr;
}

static void keep_headers(sl_bag *bag, sl_call_spec *spec, bool *bad, sl_err *err) {
    if (spec->header_count == 0) return;
    sl_http_header *copy = sl_bag_room(bag, spec->header_count * sizeof *copy, err);
    *bad |= !copy;
    for (size_t i = 0; copy && i < spec->header_count; i++) {
        copy[i] = spec->headers[i];
        keep_str(bag, &copy[i].name, bad, err);
        keep_str(bag, &copy[i].value, bad, err);
    }
    spec->headers = copy;
}

static void keep_pieces(sl_bag *bag, sl_call_spec *spec, bool *bad, sl_err *err) {
    if (spec->piece_count == 0) return;
    sl_call_piece *copy = sl_bag_room(bag, spec->piece_count * sizeof *copy, err);
    *bad |= !copy;
    for (size_t i = 0; copy && i < spec->piece_count; i++) {
        copy[i] = spec->pieces[i];
        keep_str(bag, &copy[i].text, bad, err);
    }
    spec->pieces = copy;
}

static void keep_rules(sl_bag *bag, sl_call_spec *spec, bool *bad, sl_err *err) {
    if (spec->rule_count == 0) return;
    sl_call_rule *copy = sl_bag_room(bag, spec->rule_count * sizeof *copy, err);
    *bad |= !copy;
    for (size_t i = 0; copy && i < spec->rule_count; i++) {
        copy[i] = spec->rules[i];
        keep_str(bag, &copy[i].says, bad, err);
    }
    spec->rules = copy;
}

int sl_call_spec_copy(sl_call_spec *out, const sl_call_spec *in, sl_bag *bag, sl_err *err) {
    bool bad = false;
    *out = *in;
    keep(bag, &out->operation, &bad, err);
    keep(bag, &out->method, &bad, err);
    keep(bag, &out->rate_class, &bad, err);
    keep(bag, &out->resource, &bad, err);
    keep(bag, &out->expect, &bad, err);
    keep(bag, &out->truth, &bad, err);
    keep_str(bag, &out->url, &bad, err);
    keep_headers(bag, out, &bad, err);
    keep_pieces(bag, out, &bad, err);
    keep_rules(bag, out, &bad, err);
    return bad ? -1 : 0;
}

/* ---- what all connections share ---- */

sl_calls *sl_calls_new(sl_loop *loop, sl_err *err) {
    sl_calls *calls = calloc(1, sizeof *calls);
    if (!calls) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    calls->loop = loop;
    calls->budgets = sl_budgets_new(loop, err);
    calls->tokens = calls->budgets ? sl_tokens_new(loop, err) : NULL;
    if (calls->tokens) return calls;
    sl_calls_free(calls);
    return NULL;
}

void sl_calls_free(sl_calls *calls) {
    if (!calls) return;
    sl_budgets_free(calls->budgets);
    sl_tokens_free(calls->tokens);
    free(calls);
}

sl_call_stats sl_calls_stats(const sl_calls *calls) {
    return calls->stats;
}

int sl_calls_share(sl_calls *calls, const char *folder, bool alone, sl_err *err) {
    if (sl_budgets_share(calls->budgets, folder, alone, err) < 0) return -1;
    return sl_tokens_share(calls->tokens, folder, alone, err);
}

void sl_calls_interactive(sl_calls *calls, bool interactive) {
    sl_budgets_interactive(calls->budgets, interactive);
}

/* ---- making one ---- */

static int add_host(sl_conn *conn, size_t i, sl_err *err) {
    const sl_conn_spec *s = &conn->spec;
    sl_url url;
    sl_err why;
    if (sl_url_parse(&url, sl_str_of(s->hosts[i]), &why) < 0)
        return sl_fail(err, SL_CONFIG, 0, "connection '%s': %s", s->name, why.msg);
    bool open = !url.secure && !url.loopback && !s->insecure && s->auth != SL_AUTH_NONE;
    conn->origins[i] = sl_bag_text(&conn->bag, url.origin, err);
    sl_url_free(&url);
    if (!open) return conn->origins[i] ? 0 : -1;
    sl_fail(err, SL_CONFIG, 0, "connection '%s': credentials would go over plain http to %s", s->name, s->hosts[i]);
    return sl_hint(err, "use https, or say `insecure: true` for this connection");
}

/* The value of the header that a static credential is, or that the client of OAuth shows when it asks for a token. */
static int put_header_value(const sl_conn_spec *s, sl_buf *value, sl_err *err) {
    if (s->auth == SL_AUTH_NONE || s->auth == SL_AUTH_LOGIN) return 0;
    if (sl_auth_is_oauth(s->auth)) return sl_oauth_header(&s->oauth, value, err);
    return sl_auth_header_value(s->auth, s->username, s->secret, value, err);
}

static int make_header(sl_conn *conn, sl_err *err) {
    sl_conn_spec *s = &conn->spec;
    sl_buf value;
    sl_buf_init(&value, SECRET_MAX);
    int rc = put_header_value(s, &value, err);
    if (rc == 0 && value.len > 0) {
        conn->auth_header = s->auth == SL_AUTH_HEADER ? s->header.ptr : "Authorization";
        conn->auth_value = sl_bag_bytes(&conn->bag, sl_buf_str(&value), err);
        if (!conn->auth_value.ptr) rc = -1;
    }
    if (value.data) explicit_bzero(value.data, value.len);
    sl_buf_free(&value);
    return rc;
}

/* An escaped secret goes into OAuth's Basic header, so its base64 is another than the secret's own. */
static void mask_escaped(sl_str secret) {
    sl_buf escaped;
    sl_buf_init(&escaped, 3 * secret.len);
    if (sl_url_escape(&escaped, secret, NULL) == 0) sl_log_secret(sl_buf_str(&escaped));
    if (escaped.data) explicit_bzero(escaped.data, escaped.len);
    sl_buf_free(&escaped);
}

static void mask_secrets(const sl_conn_spec *s) {
    sl_log_secret(s->secret);
    sl_log_secret(s->oauth.refresh);
    sl_log_secret(s->oauth.client_secret);
    if (s->oauth.client_secret.len) mask_escaped(s->oauth.client_secret);
    for (size_t i = 0; i < s->login.piece_count; i++)
        if (s->login.pieces[i].secret) sl_log_secret(s->login.pieces[i].text);
}

static void make_advice(sl_conn *conn) {
    const sl_conn_spec *s = &conn->spec;
    if (sl_auth_is_oauth(s->auth))
        snprintf(conn->advice, sizeof conn->advice,
                 "the API refuses tokens that were just issued: has the client of connection '%.40s' the rights (scope), "
                 "and is its base_url where they are for?", s->name);
    else
        snprintf(conn->advice, sizeof conn->advice,
                 "somebody else logs in as '%.80s', which ends the token each time; give sluice a user of its own",
                 s->account);
}

static int keep_oauth(sl_conn *conn, bool *bad, sl_err *err) {
    sl_oauth *o = &conn->spec.oauth;
    if (!sl_auth_is_oauth(conn->spec.auth)) return 0;
    sl_str *texts[] = {&o->client_id, &o->client_secret, &o->refresh, &o->more};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) keep_str(&conn->bag, texts[i], bad, err);
    keep(&conn->bag, &o->refresh_key, bad, err);
    if (o->client_id.len == 0) return sl_fail(err, SL_CONFIG, 0, "connection '%s': the client's id is empty", conn->spec.name);
    if (conn->spec.auth != SL_AUTH_REFRESH || o->refresh.len) return 0;
    return sl_fail(err, SL_CONFIG, 0, "connection '%s': the refresh token is empty", conn->spec.name);
}

static int keep_spec(sl_conn *conn, const sl_conn_spec *spec, sl_err *err) {
    bool bad = false;
    sl_conn_spec *s = &conn->spec;
    const char **texts[] = {&s->name, &s->api, &s->account, &s->key, &s->token_param, &s->token_path, &s->proxy,
                            &s->ca_file, &s->client_cert, &s->client_key, &s->learn.limit, &s->learn.reset,
                            &s->learn.retry_after, &s->cell};
    *s = *spec;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) keep(&conn->bag, texts[i], &bad, err);
    for (size_t i = 0; i < SL_CALL_HOSTS; i++) keep(&conn->bag, &s->hosts[i], &bad, err);
    for (size_t i = 0; i < s->class_count; i++) keep(&conn->bag, &s->classes[i].name, &bad, err);
    keep_str(&conn->bag, &s->header, &bad, err);
    if (keep_oauth(conn, &bad, err) < 0) return -1;
    if (s->timeout_ms <= 0) s->timeout_ms = 60000;
    if (s->deadline_ms <= 0) s->deadline_ms = 600000;
    return bad || sl_call_spec_copy(&s->login, &spec->login, &conn->bag, err) < 0 ? -1 : 0;
}

static int conn_fill(sl_conn *conn, const sl_conn_spec *spec, sl_err *err) {
    if (keep_spec(conn, spec, err) < 0) return -1;
    for (size_t i = 0; i < SL_CALL_HOSTS && conn->spec.hosts[i]; i++)
        if (add_host(conn, i, err) < 0) return -1;
    if (!conn->origins[0]) return sl_fail(err, SL_CONFIG, 0, "connection '%s' has no host", conn->spec.name);
    mask_secrets(&conn->spec);
    if (make_header(conn, err) < 0) return -1;
    make_advice(conn);
    conn->spec.login.anonymous = conn->spec.login.is_login = true;
    conn->spec.login.repeat = SL_REPEAT_SAFE; /* the cell alone logs in: a second login ends a token that nobody has */
    conn->spec.username = conn->spec.secret = sl_str_make(NULL, 0);
    return 0;
}

sl_conn *sl_conn_new(sl_calls *calls, const sl_conn_spec *spec, sl_err *err) {
    sl_conn *conn = calloc(1, sizeof *conn);
    if (!conn) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    conn->calls = calls;
    conn->refs = 1;
    if (conn_fill(conn, spec, err) == 0) return conn;
    sl_conn_unref(conn);
    return NULL;
}

void sl_conn_unref(sl_conn *conn) {
    if (!conn || --conn->refs > 0) return;
    sl_bag_free(&conn->bag);
    free(conn);
}

sl_call_stats sl_conn_stats(const sl_conn *conn) {
    return conn->stats;
}
