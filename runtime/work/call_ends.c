/* Both ends of a call: what is checked and copied before anything is sent, and what is left when it is over. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/json.h"
#include "io/url.h"
#include "work/call_part.h"

#define URL_MAX (64 << 10)

/* ---- before ---- */

static int find_class(call_op *c, sl_err *err) {
    const sl_conn_spec *s = &c->conn->spec;
    for (size_t i = 0; i < s->class_count; i++)
        if (c->spec.rate_class && strcmp(s->classes[i].name, c->spec.rate_class) == 0) c->rclass = &s->classes[i];
    if (c->rclass) return 0;
    return sl_fail(err, SL_USAGE, 0, "%s has no rate class '%s'", s->name, c->spec.rate_class ? c->spec.rate_class : "");
}

/* Credentials go to the connection's own hosts alone. */
static int check_origin(const call_op *c, sl_err *err) {
    sl_url url;
    bool own = false;
    if (sl_url_parse(&url, c->spec.url, err) < 0) return -1;
    for (size_t i = 0; i < SL_CALL_HOSTS && c->conn->origins[i] && !own; i++)
        own = strcmp(url.origin, c->conn->origins[i]) == 0;
    if (!own) sl_fail(err, SL_USAGE, 0, "%s is no host of connection '%s'", url.origin, c->conn->spec.name);
    sl_url_free(&url);
    return own ? 0 : -1;
}

static int put_pieces(call_op *c, sl_err *err) {
    for (size_t i = 0; i < c->spec.piece_count; i++) {
        const sl_call_piece *p = &c->spec.pieces[i];
        int rc = p->secret ? sl_json_put_string(&c->body, p->text, err) : sl_buf_put_str(&c->body, p->text, err);
        if (rc < 0) return -1;
    }
    return 0;
}

/* "auth" asks for a fresh login, which only a connection with one has. */
static int check_rules(const call_op *c, sl_err *err) {
    bool login = c->conn->spec.auth == SL_AUTH_LOGIN && !c->spec.anonymous;
    for (size_t i = 0; i < c->spec.rule_count; i++)
        if (c->spec.rules[i].outcome == SL_OUTCOME_AUTH && !login)
            return sl_fail(err, SL_USAGE, 0, "the outcome 'auth' needs a connection with a login, which %s has not",
                           c->conn->spec.name);
    return 0;
}

int sl_call_prepare(call_op *c, const sl_call_spec *spec, sl_err *err) {
    if (sl_call_spec_copy(&c->spec, spec, &c->bag, err) < 0 || find_class(c, err) < 0 || check_origin(c, err) < 0 ||
        check_rules(c, err) < 0 || put_pieces(c, err) < 0)
        return -1;
    int64_t whole = c->spec.deadline_ms > 0 ? c->spec.deadline_ms : c->conn->spec.deadline_ms;
    c->started_ms = sl_clock_mono_ms();
    c->deadline_at_ms = c->started_ms + whole;
    c->deadline = sl_sleep_start(c->op.loop, whole, err);
    if (!c->deadline) return -1;
    sl_op_adopt(c->deadline, &c->op);
    return 0;
}

/* ---- after ---- */

void sl_call_fill_answer(call_op *c) {
    const sl_http_response *a = c->http ? sl_http_response_get(c->http) : NULL;
    if (a) {
        c->answer.status = a->status;
        c->answer.headers = a->headers;
        c->answer.header_count = a->header_count;
        c->answer.body = a->body;
    }
    c->answer.attempts = c->attempt;
    c->answer.resends_counted = c->spec.counted ? c->resends : 0;
    c->answer.waited_ms = c->waited_ms;
    c->answer.took_ms = sl_clock_mono_ms() - c->started_ms;
}

void sl_call_log(const call_op *c, const sl_err *err) {
    sl_log_level level = !err && c->attempt <= 1 ? SL_LOG_DEBUG : SL_LOG_INFO;
    if (!sl_log_on(level)) return;
    sl_buf url;
    sl_buf_init(&url, URL_MAX);
    sl_url_show(&url, c->spec.url);
    char status[24] = "no answer";
    if (c->answer.status) snprintf(status, sizeof status, "%d", c->answer.status);
    sl_log(level, "call", "%s.%s %s %s %s, attempts %d, waited %.3f s, took %.3f s, %zu bytes%s%.*s%s%s",
           c->conn->spec.name, c->spec.operation, c->spec.method, sl_buf_cstr(&url), status, c->attempt,
           (double)c->answer.waited_ms / 1000, (double)c->answer.took_ms / 1000, c->answer.body.len,
           c->story.len ? "; " : "", (int)c->story.len, c->story.len ? c->story.data : "", err ? "; failed: " : "",
           err ? err->msg : "");
    sl_buf_free(&url);
}
