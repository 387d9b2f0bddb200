/* Runs another program without a shell, and gathers what it prints.
 *
 *   const char *argv[] = {"pass", "show", "shop", NULL};
 *   sl_process_options opt = {.argv = argv, .timeout_ms = 60000, .max_bytes = 64 << 10};
 *   sl_op *op = sl_process_start(loop, &opt, &err);
 *   …                                                          // finished: an error, or
 *   const sl_process_result *r = sl_process_result_get(op);    // r->status, r->out, r->err
 *
 * Its standard input is empty; it inherits the environment, and of our descriptors none. It stays in our process
 * group, so that Ctrl-C reaches it. Freeing the operation kills it.
 */
#ifndef SL_IO_PROCESS_H
#define SL_IO_PROCESS_H

#include "base/str.h"
#include "io/loop.h"

typedef struct sl_process_options {
    const char *const *argv; /* the program (looked for in PATH where it has no '/'), its arguments, NULL */
    const char *cwd;         /* folder to run in, NULL for ours */
    int64_t timeout_ms;      /* then it is killed, and the operation fails with SL_TIMEOUT; 0: no bound */
    size_t max_bytes;        /* of each output; more kills it and fails with SL_LIMIT */
} sl_process_options;

typedef struct sl_process_result {
    int status; /* exit status; 128 + signal where a signal ended it, as a shell says it */
    int signal; /* the signal that ended it, else 0 */
    sl_str out, err;
} sl_process_result;

/* Starts it; the options are copied as far as they are needed. NULL: there is no such program, or it can't be run. */
sl_op *sl_process_start(sl_loop *loop, const sl_process_options *options, sl_err *err);

/* What came of it; for finished operations without an error. Borrowed from the operation. */
const sl_process_result *sl_process_result_get(const sl_op *op);

#endif
