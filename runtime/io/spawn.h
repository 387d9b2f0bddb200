/* Starts another program, without a shell and without a copy of our memory (a daemon of any size starts as fast).
 *
 *   const char *argv[] = {"sluice", "run", "delta.lua", NULL};
 *   sl_spawn what = {.argv = argv, .group = true, .death_signal = SIGTERM};
 *   sl_spawned program;                                       // what.out, what.err: descriptors that it prints to
 *   if (sl_spawn_start(&what, &program, &err) < 0) …          // no such program, no such folder, not to be run
 *
 * Standard input is empty; of our descriptors it has those in `keep`. Signals are as they are at the start of a process.
 * Whoever starts a program waits for it with sl_spawn_wait(), and with nothing else: see family.h.
 */
#ifndef SL_IO_SPAWN_H
#define SL_IO_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct sl_spawn {
    const char *const *argv; /* the program (looked for in PATH where it has no '/'), its arguments, NULL */
    const char *cwd;         /* folder to run in, NULL for ours */
    const char *const *env;  /* "NAME=value" beside our environment, "NAME" takes it away; NULL-terminated, or NULL */
    int out, err;            /* what becomes its standard output and error */
    const int *keep;         /* descriptors that it has too, under the same numbers; ascending, 3 or more */
    size_t keep_len;
    bool group;              /* a process group of its own; else ours, so that Ctrl-C reaches it */
    int death_signal;        /* what it gets when this process ends in whatever way, 0 for nothing */
    int64_t memory_bytes;    /* of data that it may have (RLIMIT_DATA), 0 for no bound of ours */
} sl_spawn;

typedef struct sl_spawned {
    pid_t pid;
    int pidfd; /* readable once it has ended; the caller's to close */
} sl_spawned;

/* How a program ended: its status (128 + signal where a signal ended it, as a shell says it), and that signal or 0. */
typedef struct sl_spawn_end {
    int status, signal;
} sl_spawn_end;

/* Starts it; nothing of `what` is kept. -1: there is no such program or folder (SL_NOT_FOUND), or it can't be run. */
int sl_spawn_start(const sl_spawn *what, sl_spawned *out, sl_err *err);

/* A pipe for an output: our end does not block, neither is inherited. Both are the caller's, also where it fails half-way. */
int sl_spawn_pipe(int *ours, int *theirs, sl_err *err);

/* Whether it has ended: 1 and *end is filled, 0 not yet, -1. Its number stays its own until sl_spawn_wait(). */
int sl_spawn_ended(const sl_spawned *program, sl_spawn_end *end, sl_err *err);

/* Waits for its end and gives its number back; once for each program. */
void sl_spawn_wait(const sl_spawned *program);

/* A signal to all of a process group, or to a process alone (0 only looks). 1, 0 where there is none, -1: SL_FORBIDDEN,
 * SL_USAGE. */
int sl_spawn_signal(pid_t group, int number, sl_err *err);
int sl_spawn_signal_one(pid_t pid, int number, sl_err *err);

/* The path of the program that would be run under that name (terminated, in `out`), or false where there is none. */
bool sl_spawn_find(const char *name, char *out, size_t size);

#endif
