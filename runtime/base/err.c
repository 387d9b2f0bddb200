/* Errors are values of fixed size: a failing path allocates nothing and can't fail a second time. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void err_reset(sl_err *err, sl_code code, int detail) {
    memset(err, 0, sizeof *err);
    err->code = code;
    err->detail = detail;
    err->retry_after_ms = -1;
}

int sl_fail(sl_err *err, sl_code code, int detail, const char *fmt, ...) {
    if (err) {
        char msg[sizeof err->msg]; /* an argument may point into *err itself */
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(msg, sizeof msg, fmt, ap);
        va_end(ap);
        err_reset(err, code, detail);
        memcpy(err->msg, msg, sizeof msg);
    }
    return -1;
}

int sl_hint(sl_err *err, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->hint, sizeof err->hint, fmt, ap);
        va_end(ap);
    }
    return -1;
}

int sl_fail_errno(sl_err *err, const char *fmt, ...) {
    int num = errno;
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return sl_fail(err, num == ENOENT ? SL_NOT_FOUND : SL_STATE, num, "%s: %s", what, strerror(num));
}

static const char *const code_names[] = {
    "ok",
#define XX(id, name) name,
    SL_CODE_MAP(XX)
#undef XX
};

#define CODES (sizeof code_names / sizeof code_names[0])

const char *sl_code_name(sl_code code) {
    return (size_t)code < CODES ? code_names[code] : "internal";
}

sl_code sl_code_of(const char *name) {
    for (size_t i = 1; i < CODES; i++)
        if (strcmp(name, code_names[i]) == 0) return (sl_code)i;
    return SL_OK;
}

void sl_assert_failed(const char *cond, const char *file, int line) {
    fprintf(stderr, "sluice: %s:%d: assertion failed: %s\nThis is a bug in sluice, please report it.\n", file, line,
            cond);
    abort();
}
