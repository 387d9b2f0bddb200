/* URLs: taken apart, put together, shown. Only http and https.
 *
 *   sl_url u;
 *   if (sl_url_parse(&u, SL_STR("https://me:pw@api.example.com/v1?token=x"), &err) < 0) …
 *   u.origin   "https://api.example.com:443"           // what credentials and budgets belong to
 *   u.clean    "https://api.example.com/v1?token=x"    // what is sent; user and password are apart
 *   sl_url_free(&u);
 */
#ifndef SL_IO_URL_H
#define SL_IO_URL_H

#include "base/buf.h"

typedef struct sl_url {
    char *clean;    /* absolute, without user, password and fragment */
    char *origin;   /* scheme://host:port in lower case, the port always there */
    char *user;     /* decoded, NULL where the URL has none */
    char *password; /* decoded, NULL where the URL has none */
    bool secure;    /* https */
    bool loopback;  /* localhost, 127.0.0.0/8, ::1 */
} sl_url;

/* Takes an absolute URL apart; SL_USAGE where it is none, has another scheme, or holds blanks or control characters.
 * The strings are owned by u until sl_url_free(). */
int sl_url_parse(sl_url *u, sl_str text, sl_err *err);

/* The same for a reference (a Location header) that may be relative to `base`. */
int sl_url_resolve(sl_url *u, const char *base, sl_str ref, sl_err *err);

void sl_url_free(sl_url *u);

/* Appends text percent-encoded (all but letters, digits and -._~). */
int sl_url_escape(sl_buf *out, sl_str text, sl_err *err);

/* Appends "name=value", escaped, with the '?' or '&' in front that the URL so far in `out` needs. */
int sl_url_query(sl_buf *out, sl_str name, sl_str value, sl_err *err);

/* Appends the URL as people may see it: without user and password, known secrets masked (sl_log_mask), and the values
 * of query parameters that are named like secrets (token, key, password, …) masked as well. Never fails: what does
 * not fit the buffer's ceiling is left out. */
void sl_url_show(sl_buf *out, sl_str url);

#endif
