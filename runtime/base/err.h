/* The one error type. Fixed size, owned by the caller, nothing to free.
 *
 *   sl_err err;
 *   if (sl_store_open(&st, path, &err) < 0) {
 *       fprintf(stderr, "%s: %s\n", sl_code_name(err.code), err.msg);
 *   }
 *
 * Functions that can fail return 0/-1 or pointer/NULL and take `sl_err *err` last. They fill it only when they
 * fail, through sl_fail() and the setters below, so that every error has all its fields set. `err` may be NULL.
 */
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define SL_CODE_MAP(XX)                                                                                                \
    XX(USAGE, "usage")             /* the caller is wrong: a bad argument, an unknown option                      */  \
    XX(CONFIG, "config")           /* sluice.yaml or a definition is wrong                                        */  \
    XX(INVALID, "invalid")         /* data that can't be what it claims: JSON, UTF-8, a record, a refused request */  \
    XX(AUTH, "auth")               /* credentials refused (401)                                                   */  \
    XX(FORBIDDEN, "forbidden")     /* not allowed (403)                                                           */  \
    XX(NOT_FOUND, "not_found")     /* 404, no such file or row                                                    */  \
    XX(CONFLICT, "conflict")       /* 409                                                                         */  \
    XX(LIMIT, "limit")             /* 429, or a ceiling of ours                                                   */  \
    XX(UNAVAILABLE, "unavailable") /* the server did not do it and said so, or could not be reached               */  \
    XX(NETWORK, "network")         /* DNS, connect, reset, truncated body                                         */  \
    XX(TIMEOUT, "timeout")         /* one of the timeouts passed; the message says which                          */  \
    XX(TLS, "tls")                 /* certificate or handshake                                                    */  \
    XX(PROTOCOL, "protocol")       /* an answer that is not what its definition says                              */  \
    XX(AMBIGUOUS, "ambiguous")     /* a write that may have been done                                             */  \
    XX(PARTIAL, "partial")         /* done in part                                                                */  \
    XX(STALLED, "stalled")         /* waited past the deadline without a verdict                                  */  \
    XX(LOCKED, "locked")           /* held by another run                                                         */  \
    XX(CANCELLED, "cancelled")     /* stopped by a signal or by the script                                        */  \
    XX(STATE, "state")             /* the store or a file of ours: full, damaged, not writable                    */  \
    XX(INTERNAL, "internal")       /* our own bug                                                                 */
/* clang-format on */

typedef enum sl_code {
    SL_OK = 0,
#define XX(id, name) SL_##id,
    SL_CODE_MAP(XX)
#undef XX
} sl_code;

typedef struct sl_err {
    sl_code code;
    int status;              /* HTTP status of the answer, 0 where there was none */
    int detail;              /* the library's own number (errno, CURLcode, SQLite code), 0 if none */
    bool retryable;          /* the same request may succeed later, and repeating it is safe */
    int64_t retry_after_ms;  /* the server's hint, -1 where it gave none */
    char api[32];            /* API or connection name, "" outside of API calls */
    char operation[40];      /* operation name, "" outside of API calls */
    char msg[512];           /* what went wrong, where, in one line; no secret in it */
    char hint[256];          /* what to do about it, or "" */
    char body[1024];         /* head of the server's error body, masked, or "" */
} sl_err;

#if defined(__GNUC__)
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SL_NORETURN __attribute__((noreturn))
#define SL_COLD __attribute__((cold))
#else
#define SL_PRINTF(fmt, args)
#define SL_NORETURN
#define SL_COLD
#endif

/* Fills *err (all other fields cleared) and returns -1, so that `return sl_fail(...)` reads well. */
int sl_fail(sl_err *err, sl_code code, int detail, const char *fmt, ...) SL_PRINTF(4, 5) SL_COLD;

/* Sets the hint of an error that was just filled; returns -1 as well. */
int sl_hint(sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3) SL_COLD;

/* The same as sl_fail, from errno: "<what>: <strerror>". ENOENT becomes not_found, the rest state. */
int sl_fail_errno(sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3) SL_COLD;

/* "timeout" for SL_TIMEOUT. Never NULL. */
const char *sl_code_name(sl_code code);

/* The code of that name, or SL_OK where there is none. */
sl_code sl_code_of(const char *name);

/* For our own bugs, never for input; stays in release builds: prints file, line and the condition, then aborts. */
#define sl_assert(cond) ((cond) ? (void)0 : sl_assert_failed(#cond, __FILE__, __LINE__))
SL_NORETURN void sl_assert_failed(const char *cond, const char *file, int line);

#endif
