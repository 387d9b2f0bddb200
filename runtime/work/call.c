/* The machine of one call. A state has one child operation; when it finishes, the step decides what comes next:
 *
 *   (PACK ->) TOKEN -> SLOT -> TOKEN -> SEND -> judge -> done
 *                        ^       | waited          |-> PAUSE -> SLOT     (again)
 *                        +-------+                 |-> TOKEN             (refused: another token, once)
 *
 * A login comes before the slot, so that no slot is lost by it; behind the slot the token is looked at once more, so
 * that what is sent is the newest. Should that take time, the slot is asked for anew: everybody who waited for the same
 * login would otherwise send at the same moment. A body is compressed before all that, and once: every attempt sends the
 * same bytes.
 */
#include "work/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/digest.h"
#include "data/json.h"
#include "data/pick.h"
#include "io/pack.h"
#include "io/url.h"
#include "work/call_part.h"

#define URL_MAX (64 << 10)
#define BEARER_MAX (72 << 10)
#define PIECES_MAX (64 << 20)
#define FORM_MAX (1 << 20)
#define STORY_MAX 1000
#define HEADERS_MAX 32

static void ask_slot(call_op *c);
static void ask_token(call_op *c);

static sl_call_stats *stats(const call_op *c, int i) {
    return i ? &c->conn->stats : &c->conn->calls->stats;
}

/* ---- the end ---- */

static void drop(sl_op **op) {
    sl_op_free(*op);
    *op = NULL;
}

static void finish(call_op *c, sl_err *err) {
    sl_call_fill_answer(c);
    drop(&c->slot);
    drop(&c->deadline);
    c->state = CALL_DONE;
    if (err) sl_call_dress(c, err);
    for (int i = 0; i < 2; i++) {
        stats(c, i)->calls++;
        stats(c, i)->failed += err != NULL;
        stats(c, i)->waited_ms += c->waited_ms;
        stats(c, i)->slot_ms += c->slot_ms;
    }
    sl_call_log(c, err);
    sl_op_finish(&c->op, err);
}

/* The error of the last attempt with what was tried: "…; gave up after 6 attempts in 12.3 s: all attempts were made". */
static void give_up(call_op *c, sl_code code, const char *reason) {
    sl_err err = c->failure;
    char first[400];
    snprintf(first, sizeof first, "%.399s", err.msg);
    err.code = code;
    if (code == SL_AMBIGUOUS && c->failure.code != SL_AMBIGUOUS)
        snprintf(err.msg, sizeof err.msg, "%s; it may have been done, and doing it twice is not safe", first);
    else if (c->attempt > 1 || code == SL_CANCELLED || c->failure.retryable)
        snprintf(err.msg, sizeof err.msg, "%s; gave up after %d attempt%s in %.1f s: %s", first, c->attempt,
                 c->attempt == 1 ? "" : "s", (double)(sl_clock_mono_ms() - c->started_ms) / 1000, reason);
    finish(c, &err);
}

/* ---- again ---- */

static double random_unit(void) {
    uint64_t bits = 0;
    if (sl_digest_random((unsigned char *)&bits, sizeof bits, NULL) < 0) return 0.5;
    return (double)(bits >> 11) / 9007199254740992.0;
}

static void note_resend(call_op *c, const char *reason, int64_t wait_ms) {
    c->resends++;
    for (int i = 0; i < 2; i++) stats(c, i)->retries++;
    if (!sl_log_on(SL_LOG_INFO)) return;
    sl_err full; /* the story has a ceiling: what does not fit is left out */
    sl_buf_printf(&c->story, &full, "%ssent again after %s (%s; %.3f s later)", c->story.len ? ", " : "", c->failure.msg,
                  reason, (double)wait_ms / 1000);
}

static int adopt(call_op *c, sl_op *child, call_state state) {
    if (!child) return -1;
    c->child = child;
    c->state = state;
    sl_op_adopt(child, &c->op);
    return 0;
}

/* A pause that nobody who has pressed Ctrl-C would sit out ends with it. */
static void pause_for(call_op *c, int64_t ms) {
    sl_err err;
    bool lengthy = ms > SL_CALL_PATIENCE_MS;
    if (lengthy && sl_loop_signal(c->op.loop)) {
        give_up(c, SL_CANCELLED, "stopped by a signal");
        return;
    }
    c->waited_ms += ms;
    if (adopt(c, sl_sleep_start(c->op.loop, ms, &err), CALL_PAUSE) < 0) finish(c, &err);
    else if (lengthy) sl_sleep_breakable(c->child);
}

static void after_pause(call_op *c, sl_op *sleep) {
    bool broken = sl_op_error(sleep) != NULL;
    sl_op_free(sleep);
    if (broken) give_up(c, SL_CANCELLED, "stopped by a signal");
    else ask_slot(c);
}

static sl_retry_verdict decide(call_op *c, const judgement *j) {
    sl_retry_policy policy = SL_RETRY_POLICY;
    int64_t now = sl_clock_mono_ms();
    if (c->attempt == 1) sl_retry_budget_earn(&c->conn->retries, now);
    sl_retry_case rc = {
        .outcome = j->outcome, .code = j->err.code, .repeat = c->spec.repeat, .body_sent = j->sent,
        .refreshed = c->refreshed, .attempt = c->attempt, .attempts = j->attempts, .now_ms = now, .deadline_ms = c->deadline_at_ms,
        .hint_ms = j->hint_ms, .random = random_unit(), .budget = &c->conn->retries,
    };
    return sl_retry_decide(&policy, &rc);
}

static void slow_down(call_op *c, int64_t wait_ms) {
    for (int i = 0; i < 2; i++) stats(c, i)->limited++;
    sl_slot_penalty(c->slot, wait_ms);
}

static void act(call_op *c, const judgement *j) {
    sl_retry_verdict v = decide(c, j);
    if (j->outcome == SL_OUTCOME_LIMITED) slow_down(c, v.what == SL_RETRY_AGAIN ? v.wait_ms : 0);
    drop(&c->slot);
    switch (v.what) {
    case SL_RETRY_DELIVER: finish(c, NULL); break;
    case SL_RETRY_GIVE_UP: give_up(c, v.code, v.reason); break;
    case SL_RETRY_REFRESH:
        note_resend(c, v.reason, 0);
        c->refreshed = true;
        c->refused = c->generation;
        ask_token(c);
        break;
    case SL_RETRY_AGAIN:
        note_resend(c, v.reason, v.wait_ms);
        pause_for(c, v.wait_ms);
        break;
    }
}

/* An attempt for which our own deadline left too little time says less than the failure that it followed. */
static bool was_cut_short(const call_op *c, const judgement *j) {
    return j->err.code == SL_TIMEOUT && c->failure.code != SL_OK && c->spec.repeat == SL_REPEAT_SAFE &&
           sl_clock_mono_ms() >= c->deadline_at_ms;
}

static void judge(call_op *c, sl_op *former) {
    judgement j;
    sl_call_judge(c, &j);
    for (int i = 0; i < 2; i++) stats(c, i)->outcomes[j.outcome]++;
    c->answer.outcome = j.outcome;
    if (was_cut_short(c, &j)) {
        drop(&c->http);
        c->http = former;
        give_up(c, c->failure.code, "the deadline has passed");
        return;
    }
    drop(&former);
    c->failure = j.err;
    c->failure.retry_after_ms = j.hint_ms;
    c->failure.retryable = j.outcome == SL_OUTCOME_LIMITED || j.outcome == SL_OUTCOME_UNAVAILABLE ||
                           (j.outcome == SL_OUTCOME_AMBIGUOUS && c->spec.repeat == SL_REPEAT_SAFE);
    if (j.deliver) finish(c, NULL);
    else act(c, &j);
}

/* ---- send ---- */

static int64_t time_left(const call_op *c) {
    int64_t left = c->deadline_at_ms - sl_clock_mono_ms();
    return left > 1 ? left : 1;
}

static sl_str plain_body(const call_op *c) {
    return c->body.data ? sl_buf_str(&c->body) : c->spec.body;
}

static void fill_request(const call_op *c, sl_http_request *r, sl_str url, const sl_http_header *headers, size_t count) {
    const sl_conn_spec *s = &c->conn->spec;
    int64_t total = c->spec.timeout_ms > 0 ? c->spec.timeout_ms : s->timeout_ms, left = time_left(c);
    bool plain = strcmp(c->spec.method, "GET") == 0 || strcmp(c->spec.method, "HEAD") == 0;
    sl_http_request_init(r);
    r->method = sl_str_of(c->spec.method);
    r->url = url;
    r->headers = headers;
    r->header_count = count;
    r->body = c->packed.data ? sl_buf_str(&c->packed) : plain_body(c);
    r->total_timeout_ms = total < left ? total : left;
    r->first_byte_timeout_ms = r->total_timeout_ms;
    if (c->spec.max_answer_bytes) r->max_body_bytes = c->spec.max_answer_bytes;
    r->max_redirects = plain ? 5 : 0;
    r->repeat = c->spec.repeat == SL_REPEAT_SAFE ? SL_HTTP_REPEAT_SAFE : SL_HTTP_REPEAT_NEVER;
    r->proxy = sl_str_of(s->proxy);
    r->ca_file = sl_str_of(s->ca_file);
    r->client_cert = sl_str_of(s->client_cert);
    r->client_key = sl_str_of(s->client_key);
}

/* The header that carries the credentials: the token of a cell, the static one, or what a client asks for a token with. */
static bool auth_header(const call_op *c, sl_str bearer, sl_http_header *out) {
    bool oauth = sl_auth_is_oauth(c->conn->spec.auth), own = c->conn->auth_header != NULL;
    if (bearer.len) *out = (sl_http_header){SL_STR("Authorization"), bearer};
    else if (own && (oauth ? c->spec.is_login : !c->spec.anonymous))
        *out = (sl_http_header){sl_str_of(c->conn->auth_header), c->conn->auth_value};
    else return false;
    return true;
}

static int start_http(call_op *c, sl_str url, sl_str bearer, sl_err *err) {
    sl_http_header headers[HEADERS_MAX + 2];
    size_t count = 0;
    if (c->spec.header_count > HEADERS_MAX) return sl_fail(err, SL_USAGE, 0, "more than %d headers", HEADERS_MAX);
    for (; count < c->spec.header_count; count++) headers[count] = c->spec.headers[count];
    if (auth_header(c, bearer, &headers[count])) count++;
    if (c->packed.data) headers[count++] = (sl_http_header){SL_STR("Content-Encoding"), SL_STR("gzip")};
    sl_http_request r;
    fill_request(c, &r, url, headers, count);
    return adopt(c, sl_http_start(c->op.loop, &r, err), CALL_SEND);
}

/* The token, where there is one, goes into the URL or into a header here and nowhere else. */
static int put_token(const call_op *c, sl_str token, sl_buf *url, sl_buf *bearer, sl_err *err) {
    const sl_conn_spec *s = &c->conn->spec;
    if (token.len && !sl_auth_is_oauth(s->auth)) return sl_auth_token_url(c->spec.url, sl_str_of(s->token_param), token, url, err);
    if (token.len && sl_auth_header_value(SL_AUTH_BEARER, SL_STR(""), token, bearer, err) < 0) return -1;
    return sl_buf_put_str(url, c->spec.url, err);
}

static void wipe(sl_buf *b) {
    if (b->data) explicit_bzero(b->data, b->len);
    sl_buf_free(b);
}

static void send(call_op *c, sl_str token) {
    sl_err err;
    sl_buf url, bearer;
    if (c->spec.before_send && c->spec.before_send(c->spec.before_arg, &err) < 0) {
        finish(c, &err);
        return;
    }
    sl_buf_init(&url, URL_MAX);
    sl_buf_init(&bearer, BEARER_MAX);
    c->attempt++;
    for (int i = 0; i < 2; i++) stats(c, i)->requests++;
    int rc = put_token(c, token, &url, &bearer, &err);
    if (rc == 0) rc = start_http(c, sl_buf_str(&url), sl_buf_str(&bearer), &err);
    wipe(&url);
    wipe(&bearer);
    if (rc < 0) finish(c, &err);
}

static void after_send(call_op *c, sl_op *http) {
    sl_op *former = c->http;
    c->http = http;
    const sl_http_response *a = sl_http_response_get(http);
    for (int i = 0; a && i < 2; i++) {
        stats(c, i)->bytes_up += (uint64_t)a->sent_bytes;
        stats(c, i)->bytes_down += (uint64_t)a->received_bytes;
        stats(c, i)->retries += (uint64_t)a->repeats;
    }
    if (a) c->resends += a->repeats;
    judge(c, former);
}

/* ---- slot and token ---- */

static void ask_slot(call_op *c) {
    sl_err err;
    /* All hosts of an API share the budget: what is documented as "all endpoints" may well be counted together. */
    sl_limit_key key = {sl_str_of(c->conn->origins[0]), sl_str_of(c->conn->spec.account), sl_str_of(c->rclass->name),
                        sl_str_of(c->spec.resource)};
    drop(&c->slot);
    sl_op *slot = sl_slot_start(c->conn->calls->budgets, &key, &c->rclass->rates, c->rclass->own, &err);
    if (adopt(c, slot, CALL_SLOT) < 0) finish(c, &err);
}

static void after_slot(call_op *c, sl_op *slot) {
    c->slot = slot;
    c->slot_ms += sl_slot_waited_ms(slot);
    c->waited_ms += sl_slot_waited_ms(slot);
    if (sl_op_error(slot)) {
        sl_err err = *sl_op_error(slot);
        finish(c, &err);
        return;
    }
    ask_token(c);
}

/* ---- logins ---- */

static sl_op *oauth_start(sl_conn *conn, sl_str refresh, sl_err *err) {
    sl_call_spec spec = conn->spec.login;
    sl_buf form;
    sl_buf_init(&form, FORM_MAX);
    sl_op *op = NULL;
    if (sl_oauth_form(conn->spec.auth, &conn->spec.oauth, refresh, &form, err) == 0) {
        sl_call_piece whole = {sl_buf_str(&form), false}; /* copied: the form is gone before it is sent */
        spec.pieces = &whole;
        spec.piece_count = 1;
        op = sl_call_start(conn, &spec, err);
    }
    wipe(&form);
    return op;
}

static sl_op *login_start(void *self, sl_str refresh, sl_err *err) {
    sl_conn *conn = self;
    if (sl_auth_is_oauth(conn->spec.auth)) return oauth_start(conn, refresh, err);
    return sl_call_start(conn, &conn->spec.login, err);
}

static int login_take(void *self, sl_op *op, sl_login_got *got, sl_err *err) {
    sl_conn *conn = self;
    sl_str value, body = sl_call_answer_get(op)->body;
    if (sl_auth_is_oauth(conn->spec.auth)) return sl_oauth_take(conn->spec.auth, body, got, err);
    int rc = sl_pick(body, conn->spec.token_path, &value, err);
    if (rc == 0) sl_fail(err, SL_PROTOCOL, 0, "the login's answer has no %s", conn->spec.token_path);
    if (rc <= 0) return -1;
    return sl_pick_text(value, &got->token, err);
}

static void login_explain(void *self, sl_op *op, sl_err *err) {
    const sl_conn *conn = self;
    if (sl_auth_is_oauth(conn->spec.auth))
        sl_oauth_explain(&conn->spec.oauth, conn->spec.name, sl_call_answer_get(op)->body, err);
}

static sl_token_request token_request(sl_conn *conn) {
    const sl_conn_spec *s = &conn->spec;
    return (sl_token_request){.host = conn->origins[0], .account = s->cell ? s->cell : s->account, .name = s->name,
                              .advice = conn->advice, .login = {login_start, login_take, login_explain, conn}};
}

static bool needs_token(const call_op *c) {
    return sl_auth_has_token(c->conn->spec.auth) && !c->spec.anonymous;
}

static void ask_token(call_op *c) {
    if (!needs_token(c)) {
        send(c, SL_STR(""));
        return;
    }
    sl_err err;
    sl_token_request r = token_request(c->conn);
    r.refused = c->refused;
    if (adopt(c, sl_token_start(c->conn->calls->tokens, &r, &err), CALL_TOKEN) < 0) finish(c, &err);
}

static void token_failed(call_op *c, const sl_err *why) {
    sl_err err = *why;
    if (c->failure.status == 403 && c->failure.code == SL_FORBIDDEN) err = c->failure; /* it was never about the token */
    finish(c, &err);
}

static void after_token(call_op *c, sl_op *op) {
    const sl_err *failed = sl_op_error(op);
    const sl_token_got *got = sl_token_result(op);
    if (failed) {
        token_failed(c, failed);
    } else if (got->waited || !c->slot) {
        ask_slot(c);
    } else {
        c->generation = got->generation;
        send(c, got->text);
    }
    sl_op_free(op);
}

/* ---- compressed bodies ---- */

static void begin(call_op *c) {
    if (needs_token(c)) ask_token(c);
    else ask_slot(c);
}

static void after_pack(call_op *c, sl_op *pack) {
    const sl_err *failed = sl_op_error(pack);
    if (failed) {
        sl_err err = *failed;
        finish(c, &err);
    } else {
        c->packed = sl_pack_take(pack);
        begin(c);
    }
    sl_op_free(pack);
}

/* ---- the operation ---- */

/* The deadline passed while nothing was on the wire; what is on the wire has its own time limit. */
static void on_deadline(call_op *c) {
    if (c->state == CALL_SEND || c->state == CALL_DONE) return;
    drop(&c->child);
    double s = (double)(sl_clock_mono_ms() - c->started_ms) / 1000;
    if (c->failure.code != SL_OK) {
        give_up(c, c->failure.code, "the deadline has passed");
        return;
    }
    sl_err err;
    if (c->state == CALL_PACK) sl_fail(&err, SL_TIMEOUT, 0, "the body was not compressed within %.1f s", s);
    else if (c->state == CALL_TOKEN) sl_fail(&err, SL_TIMEOUT, 0, "no token within %.1f s", s);
    else sl_fail(&err, SL_LIMIT, 0, "no slot of rate class '%s' within %.1f s", c->rclass->name, s);
    finish(c, &err);
}

static void call_step(sl_op *self, sl_op *child) {
    call_op *c = (call_op *)self;
    if (child == c->deadline) {
        drop(&c->deadline);
        on_deadline(c);
        return;
    }
    c->child = NULL;
    switch (c->state) {
    case CALL_PACK: after_pack(c, child); break;
    case CALL_SLOT: after_slot(c, child); break;
    case CALL_TOKEN: after_token(c, child); break;
    case CALL_SEND: after_send(c, child); break;
    case CALL_PAUSE: after_pause(c, child); break;
    case CALL_DONE: sl_assert(c->state != CALL_DONE); /* it has no child */
    }
}

static void call_free(sl_op *self) {
    call_op *c = (call_op *)self;
    drop(&c->child);
    drop(&c->slot);
    drop(&c->http);
    drop(&c->deadline);
    wipe(&c->body);
    sl_buf_free(&c->packed);
    sl_buf_free(&c->story);
    sl_bag_free(&c->bag);
    sl_conn_unref(c->conn);
    sl_op_deinit(self);
    free(c);
}

static const sl_op_kind call_kind = {"call", call_step, call_free};

sl_op *sl_call_start(sl_conn *conn, const sl_call_spec *spec, sl_err *err) {
    call_op *c = calloc(1, sizeof *c);
    if (!c) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    sl_op_init(&c->op, conn->calls->loop, &call_kind);
    c->conn = conn;
    conn->refs++;
    sl_buf_init(&c->body, PIECES_MAX);
    sl_buf_init(&c->story, STORY_MAX);
    if (sl_call_prepare(c, spec, err) == 0) {
        sl_str body = plain_body(c);
        bool packs = c->spec.gzip && body.ptr;
        if (!packs) begin(c);
        if (!packs || adopt(c, sl_pack_start(conn->calls->loop, body, err), CALL_PACK) == 0) return &c->op;
    }
    call_free(&c->op);
    return NULL;
}

const sl_call_answer *sl_call_answer_get(const sl_op *op) {
    return &((const call_op *)op)->answer;
}

/* ---- a login that the user asks for ---- */

sl_op *sl_conn_login_start(sl_conn *conn, sl_err *err) {
    if (!sl_auth_has_token(conn->spec.auth))
        return sl_fail(err, SL_USAGE, 0, "connection '%s' has no login", conn->spec.name), NULL;
    sl_token_request r = token_request(conn);
    r.force = true;
    return sl_token_start(conn->calls->tokens, &r, err);
}

const sl_call_answer *sl_conn_login_answer(const sl_op *op) {
    const sl_op *login = sl_token_login(op);
    return login ? sl_call_answer_get(login) : NULL;
}
