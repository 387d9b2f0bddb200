/* Credentials: what proves to an API who we are, as it goes into a request.
 *
 *   sl_auth_header_value(SL_AUTH_BASIC, SL_STR("bob"), secret, &value, &err);       // "Basic Ym9iOi4uLg=="
 *   sl_auth_token_url(SL_STR("https://…/v1/sources?format=json"), SL_STR("token"), token, &url, &err);
 */
#ifndef SL_WORK_AUTH_H
#define SL_WORK_AUTH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

typedef enum sl_auth_kind {
    SL_AUTH_NONE,
    SL_AUTH_BEARER, /* Authorization: Bearer SECRET */
    SL_AUTH_HEADER, /* HEADER: SECRET */
    SL_AUTH_BASIC,  /* Authorization: Basic base64(USERNAME:SECRET) */
    SL_AUTH_LOGIN,  /* a token from a login (work/login), as a query parameter or in the path */
    SL_AUTH_CLIENT, /* Authorization: Bearer TOKEN, from OAuth 2 client credentials (work/oauth) */
    SL_AUTH_REFRESH /* the same, from an OAuth 2 refresh token, which may be replaced each time */
} sl_auth_kind;

/* Kinds whose requests carry a token of a cell (work/login). */
static inline bool sl_auth_has_token(sl_auth_kind kind) {
    return kind >= SL_AUTH_LOGIN;
}

static inline bool sl_auth_is_oauth(sl_auth_kind kind) {
    return kind >= SL_AUTH_CLIENT;
}

/* Where a login token stands in a path: work/call puts it there, escaped. */
#define SL_AUTH_TOKEN_MARK "{token}"

/* The kind of that name ("bearer"), or -1 for an unknown one. */
int sl_auth_kind_of(const char *name);

/* Appends the value of the Authorization (or own) header for a static kind. */
int sl_auth_header_value(sl_auth_kind kind, sl_str username, sl_str secret, sl_buf *out, sl_err *err);

/* Appends the request's URL with the token in its place: at the mark, or as a further query parameter. */
int sl_auth_token_url(sl_str url, sl_str param, sl_str token, sl_buf *out, sl_err *err);

#endif
