/* From an answer, or from none, to a verdict: by the operation's definition, not by the status alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/pick.h"
#include "io/url.h"
#include "work/call_part.h"
#include "work/pause.h"

#define HINT_MAX_MS 3600000
#define RESET_MAX_MS 60000

static bool in_list(const int *list, int status) {
    for (size_t i = 0; i < SL_CALL_STATUSES && list[i]; i++)
        if (list[i] == status) return true;
    return false;
}

static bool has_login(const call_op *c) {
    return sl_auth_has_token(c->conn->spec.auth) && !c->spec.anonymous && !c->spec.keep_token;
}

/* The path of the URL without host and query: what a message shows. */
static sl_str path_of(sl_str url) {
    ptrdiff_t scheme = sl_str_find(url, SL_STR("://"));
    sl_str rest = scheme < 0 ? url : sl_str_make(url.ptr + scheme + 3, url.len - (size_t)scheme - 3);
    ptrdiff_t slash = sl_str_find(rest, SL_STR("/"));
    if (slash >= 0) rest = sl_str_make(rest.ptr + slash, rest.len - (size_t)slash);
    ptrdiff_t query = sl_str_find(rest, SL_STR("?"));
    return query >= 0 ? sl_str_make(rest.ptr, (size_t)query) : rest;
}

static int answered(const call_op *c, sl_err *err, sl_code code, const sl_http_response *a) {
    sl_str path = path_of(c->spec.url);
    sl_fail(err, code, 0, "%s %.*s answered %d%s%.*s", c->spec.method, (int)path.len, path.ptr, a->status,
            a->reason.len ? " " : "", (int)a->reason.len, a->reason.ptr);
    err->status = a->status;
    return -1;
}

/* ---- what headers say ---- */

static sl_str header(const sl_http_response *a, const char *name) {
    const sl_http_header *h = name ? sl_http_header_get(a, name) : NULL;
    return h ? h->value : SL_STR("");
}

/* The window of the class is over by then, whatever the header says: a reset further ahead is a wrong clock. */
static int64_t reset_max_ms(const call_op *c) {
    int64_t longest = RESET_MAX_MS;
    for (int i = 0; i < c->rclass->rates.count; i++) {
        int64_t window = c->rclass->rates.at[i].window_us / 1000;
        if (window > longest) longest = window;
    }
    return longest < HINT_MAX_MS ? longest : HINT_MAX_MS;
}

/* Seconds, a date or Unix time: a number of ten digits and more can only be the last. */
static int64_t after_ms(const call_op *c, sl_str text, sl_str date, int64_t now_ms) {
    sl_str s = sl_str_trim(text);
    if (s.len >= 10 && s.ptr[0] >= '0' && s.ptr[0] <= '9') return sl_pause_reset_ms(s, date, now_ms, reset_max_ms(c));
    return sl_pause_after_ms(s, date, now_ms, HINT_MAX_MS);
}

static int64_t hint_of(const call_op *c, const sl_http_response *a, bool limited) {
    const sl_call_learn *learn = &c->conn->spec.learn;
    sl_str date = header(a, "date");
    int64_t now = sl_clock_wall_ms(), ms = after_ms(c, header(a, "retry-after"), date, now);
    if (ms < 0) ms = after_ms(c, header(a, learn->retry_after), date, now);
    if (ms < 0 && limited) ms = sl_pause_reset_ms(header(a, learn->reset), date, now, reset_max_ms(c));
    return ms;
}

static void learn_limit(call_op *c, const sl_http_response *a) {
    sl_str text = sl_str_trim(header(a, c->conn->spec.learn.limit));
    if (text.len == 0 || text.len > 9) return;
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return;
        count = count * 10 + (text.ptr[i] - '0');
    }
    if (sl_slot_learn(c->slot, count, 1000))
        sl_log(SL_LOG_INFO, "call", "%s: the server allows %" PRId64 "/s in class %s", c->conn->spec.name, count,
               c->rclass->name);
}

/* ---- success, by the operation's row ---- */

static int check_truth(const call_op *c, const sl_http_response *a, sl_err *err) {
    sl_str value;
    if (!c->spec.truth || sl_pick(a->body, c->spec.truth, &value, err) != 1 || !sl_str_eq(value, SL_STR("false")))
        return 0;
    answered(c, err, SL_INVALID, a);
    size_t len = strlen(err->msg);
    snprintf(err->msg + len, sizeof err->msg - len, ", but its %s is false", c->spec.truth);
    return -1;
}

/* 1: the key is there, or none is wanted. 0: JSON without it. -1: not JSON. */
static int check_key(const call_op *c, const sl_http_response *a, sl_err *err) {
    if (!c->spec.expect || (a->status == 204 && in_list(c->spec.success, 204))) return 1;
    int has = sl_pick_has(a->body, c->spec.expect, err);
    if (has == 1) return 1;
    sl_err why = *err;
    answered(c, err, SL_PROTOCOL, a);
    size_t len = strlen(err->msg);
    if (has < 0) snprintf(err->msg + len, sizeof err->msg - len, ", but %.160s", why.msg);
    else snprintf(err->msg + len, sizeof err->msg - len, " without the key '%s'", c->spec.expect);
    return has;
}

static void judge_success(call_op *c, const sl_http_response *a, judgement *j) {
    j->outcome = SL_OUTCOME_OK;
    if (check_truth(c, a, &j->err) < 0) {
        j->outcome = SL_OUTCOME_REJECTED;
        return;
    }
    int has = check_key(c, a, &j->err);
    if (has == 1) return;
    bool safe = c->spec.repeat == SL_REPEAT_SAFE;
    if (!safe) j->outcome = SL_OUTCOME_AMBIGUOUS; /* a 200 was sent for something */
    else j->outcome = has == 0 && has_login(c) ? SL_OUTCOME_AUTH : SL_OUTCOME_REJECTED;
}

/* ---- failure ---- */

/* clang-format off */
static const struct { int status; sl_outcome outcome; sl_code code; } known[] = {
    {249, SL_OUTCOME_AMBIGUOUS,   SL_UNAVAILABLE}, /* Productsup's "custom error", to be repeated */
    {401, SL_OUTCOME_REJECTED,    SL_AUTH},
    {403, SL_OUTCOME_REJECTED,    SL_FORBIDDEN},
    {404, SL_OUTCOME_REJECTED,    SL_NOT_FOUND},
    {408, SL_OUTCOME_AMBIGUOUS,   SL_TIMEOUT},
    {409, SL_OUTCOME_REJECTED,    SL_CONFLICT},
    {410, SL_OUTCOME_REJECTED,    SL_NOT_FOUND},
    {423, SL_OUTCOME_UNAVAILABLE, SL_UNAVAILABLE}, /* busy: somebody holds it */
    {425, SL_OUTCOME_UNAVAILABLE, SL_UNAVAILABLE},
    {429, SL_OUTCOME_LIMITED,     SL_LIMIT},
    {501, SL_OUTCOME_REJECTED,    SL_UNAVAILABLE},
    {505, SL_OUTCOME_REJECTED,    SL_PROTOCOL},
};
/* clang-format on */

static void judge_failure(call_op *c, const sl_http_response *a, judgement *j) {
    sl_code code = a->status >= 500 ? SL_UNAVAILABLE : a->status >= 400 ? SL_INVALID : SL_PROTOCOL;
    j->outcome = a->status >= 500 ? SL_OUTCOME_AMBIGUOUS : SL_OUTCOME_REJECTED;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == a->status) j->outcome = known[i].outcome, code = known[i].code;
    if (a->status == 503 && header(a, "retry-after").len) j->outcome = SL_OUTCOME_UNAVAILABLE;
    if ((a->status == 401 || a->status == 403) && has_login(c)) j->outcome = SL_OUTCOME_AUTH;
    answered(c, &j->err, code, a);
    if (a->status / 100 == 3) sl_hint(&j->err, "redirects of this request are not followed; is base_url right?");
}

/* ---- what the row knows better ---- */

static const sl_call_rule *rule_for(const call_op *c, const sl_http_response *a) {
    for (size_t i = 0; i < c->spec.rule_count; i++) {
        const sl_call_rule *r = &c->spec.rules[i];
        if (r->status == a->status && (r->says.len == 0 || sl_str_find(a->body, r->says) >= 0)) return r;
    }
    return NULL;
}

static sl_code rule_code(const sl_call_rule *r, sl_code by_status) {
    if (r->code) return r->code;
    if (r->outcome == SL_OUTCOME_LIMITED) return SL_LIMIT;
    if (r->outcome == SL_OUTCOME_UNAVAILABLE) return SL_UNAVAILABLE;
    return by_status ? by_status : SL_INVALID;
}

static void apply_rule(const call_op *c, const sl_call_rule *r, const sl_http_response *a, judgement *j) {
    sl_code code = rule_code(r, j->err.code);
    j->outcome = r->outcome;
    j->attempts = r->attempts;
    if (r->outcome == SL_OUTCOME_OK || r->outcome == SL_OUTCOME_PARTIAL) memset(&j->err, 0, sizeof j->err);
    else answered(c, &j->err, code, a);
}

/* Nothing came, or only a part of it. */
static void judge_broken(call_op *c, judgement *j) {
    j->err = *sl_op_error(c->http);
    j->sent = sl_http_sent(c->http);
    bool safe = c->spec.repeat == SL_REPEAT_SAFE;
    switch (j->err.code) {
    case SL_NETWORK:
    case SL_TIMEOUT:
    case SL_PROTOCOL: j->outcome = SL_OUTCOME_AMBIGUOUS; break;
    case SL_LIMIT: /* the answer is too large: it was done, and would be too large again */
        j->outcome = safe || !j->sent ? SL_OUTCOME_REJECTED : SL_OUTCOME_AMBIGUOUS;
        break;
    default: j->outcome = SL_OUTCOME_REJECTED;
    }
}

void sl_call_judge(call_op *c, judgement *j) {
    memset(j, 0, sizeof *j);
    j->hint_ms = -1;
    j->sent = true;
    const sl_http_response *a = sl_http_response_get(c->http);
    if (a) learn_limit(c, a);
    if (sl_op_error(c->http)) {
        judge_broken(c, j);
        return;
    }
    const sl_call_rule *rule = rule_for(c, a);
    if (a->status / 100 == 2 && a->status != 249) judge_success(c, a, j);
    else judge_failure(c, a, j);
    if (rule) apply_rule(c, rule, a, j);
    if (j->err.code) j->hint_ms = hint_of(c, a, j->outcome == SL_OUTCOME_LIMITED);
    if (!in_list(c->spec.deliver, a->status)) return;
    sl_err ignored;
    j->deliver = !c->spec.expect || sl_pick_has(a->body, c->spec.expect, &ignored) == 1;
}

/* ---- the error as people see it ---- */

static void put_body(const call_op *c, sl_err *err) {
    const sl_http_response *a = c->http ? sl_http_response_get(c->http) : NULL;
    if (!a || a->body.len == 0) return;
    sl_buf head;
    sl_buf_init(&head, 1 << 20);
    sl_log_body(&head, a->body, 4 * sizeof err->body);
    size_t len = head.len < sizeof err->body - 1 ? head.len : sizeof err->body - 1;
    while (len < head.len && len > 0 && ((unsigned char)head.data[len] & 0xc0) == 0x80) len--; /* whole characters */
    if (len) memcpy(err->body, head.data, len);
    err->body[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)err->body[i] < ' ') err->body[i] = ' ';
    sl_buf_free(&head);
}

static void put_hint(const call_op *c, sl_err *err) {
    const sl_conn_spec *s = &c->conn->spec;
    if (err->hint[0]) return;
    if (err->code == SL_AUTH && c->refreshed && sl_auth_is_oauth(s->auth))
        sl_hint(err, "%s", c->conn->advice);
    else if (err->code == SL_AUTH && c->refreshed)
        sl_hint(err, "somebody else seems to log in as '%.80s', which ends the token; give sluice a user of its own",
                s->account);
    else if (err->code == SL_PROTOCOL)
        sl_hint(err, "this is not what the API answers: is `base_url` of connection '%s' right? if so, try again later",
                s->name);
    else if (err->code == SL_AUTH && s->key)
        sl_hint(err, "check `%s` of connection '%s' in sluice.yaml", s->key, s->name);
    else if (err->code == SL_UNAVAILABLE && err->status >= 500)
        sl_hint(err, "the server is in trouble: try again later");
    else if (err->code == SL_AMBIGUOUS)
        sl_hint(err, "look whether it was done before sending it again");
    else if (err->code == SL_LIMIT && err->status == 429)
        sl_hint(err, "somebody else uses this account too; `limits:` of connection '%s' sets lower rates", s->name);
}

void sl_call_dress(const call_op *c, sl_err *err) {
    snprintf(err->api, sizeof err->api, "%s", c->conn->spec.name);
    bool own = !err->operation[0]; /* else it is the login that failed, and has said all about itself */
    if (own) snprintf(err->operation, sizeof err->operation, "%s", c->spec.operation);
    if (own && !err->body[0]) put_body(c, err);
    put_hint(c, err);
    sl_log_mask_cstr(err->msg);
}
