/* OAuth 2 (RFC 6749) as a login: client credentials (4.4) and refresh tokens that rotate (6).
 *
 *   sl_oauth_header(&oauth, &value, &err);                  // "Basic …", where the client authenticates by header
 *   sl_oauth_form(kind, &oauth, refresh, &form, &err);      // grant_type=refresh_token&refresh_token=…
 *   sl_oauth_take(kind, answer->body, &got, &err);          // access_token, refresh_token, expires_in
 *   sl_oauth_explain(&oauth, "crm", answer->body, &err);    // invalid_grant: what to do about it
 */
#ifndef SL_WORK_OAUTH_H
#define SL_WORK_OAUTH_H

#include "base/buf.h"
#include "base/err.h"
#include "work/auth.h"
#include "work/login.h"

typedef struct sl_oauth {
    sl_str client_id, client_secret; /* a public client has no secret */
    bool in_body;                    /* the client authenticates in the form, not by a header */
    sl_str refresh;                  /* the first refresh token: later ones come from the cell */
    sl_str more;                     /* further parameters, form-encoded: "scope=read&audience=x" */
    const char *refresh_key;         /* the connection's key that holds the first one, for hints */
} sl_oauth;

/* Appends the value of the Authorization header by which the client authenticates; nothing where it does so in the form,
 * or has no secret. */
int sl_oauth_header(const sl_oauth *o, sl_buf *out, sl_err *err);

/* Appends the body of the token request. `refresh` "" stands for the first one. */
int sl_oauth_form(sl_auth_kind kind, const sl_oauth *o, sl_str refresh, sl_buf *out, sl_err *err);

/* Reads the answer of a token request that went well; SL_PROTOCOL where it is none. */
int sl_oauth_take(sl_auth_kind kind, sl_str body, sl_login_got *got, sl_err *err);

/* Adds what the error answer of a token request says (error, error_description) to *err, with what to do about it.
 * `conn` names the connection. An answer that is none of OAuth's leaves *err as it is. */
void sl_oauth_explain(const sl_oauth *o, const char *conn, sl_str body, sl_err *err);

#endif
