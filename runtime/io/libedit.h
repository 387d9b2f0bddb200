/* libedit, opened when it is first used. In place of <histedit.h>:
 *
 *   if (sl_libedit_open(err) < 0) return NULL;     // it is missing
 *   EditLine *el = el_init("sluice", in, out, out);
 *   sl_libedit_set()(el, EL_EDITOR, "emacs");
 */
#ifndef SL_IO_LIBEDIT_H
#define SL_IO_LIBEDIT_H

#include <histedit.h>

#include "base/err.h"

/* Before the first call of libedit's functions: 0, or SL_STATE where the library is missing. */
int sl_libedit_open(sl_err *err);

/* el_set, el_get and history of the library: what they take depends on their second or third argument, so that they can't be
 * passed on. */
typedef int sl_libedit_line(EditLine *el, int op, ...);
typedef int sl_libedit_history(History *history, HistEvent *event, int op, ...);
sl_libedit_line *sl_libedit_set(void);
sl_libedit_line *sl_libedit_get(void);
sl_libedit_history *sl_libedit_past(void);

#endif
