/* The functions of libedit that we call, passed on: see base/library.h. */
#include "io/libedit.h"

#include "base/library.h"

static sl_library libedit = {.file = "libedit.so.2", .package = "libedit2"};

int sl_libedit_open(sl_err *err) {
    return sl_library_open(&libedit, err);
}

sl_libedit_line *sl_libedit_set(void) {
    SL_LIBRARY_REAL(libedit, el_set);
    return real;
}

sl_libedit_line *sl_libedit_get(void) {
    SL_LIBRARY_REAL(libedit, el_get);
    return real;
}

sl_libedit_history *sl_libedit_past(void) {
    SL_LIBRARY_REAL(libedit, history);
    return real;
}

SL_LIBRARY_GIVES(libedit, EditLine *, el_init, (const char *program, FILE *in, FILE *out, FILE *err),
                 (program, in, out, err))
SL_LIBRARY_DOES(libedit, el_end, (EditLine *el), (el))
SL_LIBRARY_DOES(libedit, el_resize, (EditLine *el), (el))
SL_LIBRARY_DOES(libedit, el_push, (EditLine *el, const char *text), (el, text))
SL_LIBRARY_DOES(libedit, el_deletestr, (EditLine *el, int count), (el, count))
SL_LIBRARY_GIVES(libedit, int, el_insertstr, (EditLine *el, const char *text), (el, text))
SL_LIBRARY_GIVES(libedit, int, el_cursor, (EditLine *el, int count), (el, count))
SL_LIBRARY_GIVES(libedit, const wchar_t *, el_wgets, (EditLine *el, int *count), (el, count))
SL_LIBRARY_GIVES(libedit, const LineInfoW *, el_wline, (EditLine *el), (el))
SL_LIBRARY_GIVES(libedit, History *, history_init, (void), ())
SL_LIBRARY_DOES(libedit, history_end, (History *past), (past))
