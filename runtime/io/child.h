/* A program that runs beside us: its lines as they come, its end, signals to its whole group.
 *
 *   sl_child_options opt = {.argv = argv, .linger_ms = 2000};
 *   sl_child *c = sl_child_start(loop, &opt, &err);
 *   sl_op *op = sl_child_line_start(c, &err);                   // finished: there is a line, or no more will come
 *   while (sl_child_line_take(c, &line)) printf("%.*s\n", (int)line.text.len, line.text.ptr);
 *   sl_child_free(c);                                           // kills what is left of the group
 *
 * What it prints is held up to a bound; beyond that it waits until lines are taken. The loop reads, taking never does, so
 * that a program that prints without end leaves others their turn. Operations may outlive the child: they end with
 * SL_CANCELLED.
 */
#ifndef SL_IO_CHILD_H
#define SL_IO_CHILD_H

#include "base/str.h"
#include "io/loop.h"
#include "io/spawn.h"

/* Longer lines come in pieces, and so much of each output is held. */
#define SL_CHILD_PIECE_BYTES 16384
#define SL_CHILD_HELD_BYTES (4 * SL_CHILD_PIECE_BYTES)

typedef struct sl_child sl_child;

typedef struct sl_child_options {
    sl_spawn what;     /* out, err and group are set here */
    int64_t linger_ms; /* how long outputs may stay open behind the program's end (something that it started has them) */
} sl_child_options;

typedef struct sl_child_line {
    bool err;  /* from its standard error */
    bool more; /* a piece: the line goes on */
    sl_str text; /* without the line's end; borrowed until the loop's next turn */
} sl_child_line;

/* Starts it; nothing of the options is kept. NULL: as sl_spawn_start, or too many at once. Owned by the caller. */
sl_child *sl_child_start(sl_loop *loop, const sl_child_options *options, sl_err *err);

/* Its process number, and its group's. */
pid_t sl_child_pid(const sl_child *child);

/* Finishes when a line can be taken or both outputs have ended. One at a time: NULL with SL_USAGE. */
sl_op *sl_child_line_start(sl_child *child, sl_err *err);

/* The next line that is there; false where none is. */
bool sl_child_line_take(sl_child *child, sl_child_line *out);

/* Whether both outputs have ended and all of their lines were taken. */
bool sl_child_drained(const sl_child *child);

/* Finishes when the program has ended; any number of them. */
sl_op *sl_child_end_start(sl_child *child, sl_err *err);

/* How it ended; false while it runs. */
bool sl_child_ended(const sl_child *child, sl_spawn_end *end);

/* A signal to all of its group, also behind its own end: sl_spawn_signal for the right number. */
int sl_child_signal(const sl_child *child, int number, sl_err *err);

/* Kills what is left of the group. NULL is fine. */
void sl_child_free(sl_child *child);

#endif
