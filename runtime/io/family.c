/* A SIGCHLD handler that wakes the loop; the loop asks for zombies without taking them, and takes those that are not ours.
 * The kernel shows one zombie at a time: behind one of our own the others wait until that was waited for. */
#include "io/family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/op.h"

static pid_t *own;
static size_t own_len, own_cap;
static bool adopting;
static int wake_fd = -1;
static sl_watch watch;

static bool is_own(pid_t pid) {
    for (size_t i = 0; i < own_len; i++)
        if (own[i] == pid) return true;
    return false;
}

static void take_orphans(void) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 || is_own(info.si_pid)) return;
        (void)waitpid(info.si_pid, NULL, WNOHANG);
    }
}

int sl_family_add(pid_t pid, sl_err *err) {
    if (own_len == own_cap) {
        size_t cap = own_cap ? 2 * own_cap : 16;
        pid_t *more = realloc(own, cap * sizeof *own);
        if (!more) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
        own = more;
        own_cap = cap;
    }
    own[own_len++] = pid;
    return 0;
}

void sl_family_remove(pid_t pid) {
    for (size_t i = 0; i < own_len; i++) {
        if (own[i] != pid) continue;
        own[i] = own[--own_len];
        break;
    }
    if (own_len == 0) {
        free(own);
        own = NULL;
        own_cap = 0;
    }
    if (adopting) take_orphans();
}

static void on_child(int number) {
    (void)number;
    int saved = errno;
    ssize_t n = write(wake_fd, "", 1);
    (void)n; /* a full pipe wakes as well */
    errno = saved;
}

static void ready(sl_watch *self) {
    char sink[64];
    while (read(self->fd, sink, sizeof sink) == sizeof sink) continue;
    take_orphans();
}

int sl_family_adopt(sl_loop *loop, sl_err *err) {
    if (adopting) return 0;
    if (!sl_loop_has_room(loop, 1)) return sl_fail(err, SL_LIMIT, 0, "too many descriptors are watched");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1UL) < 0) return sl_fail_errno(err, "can't take orphans");
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return sl_fail_errno(err, "pipe");
    wake_fd = ends[1];
    watch = (sl_watch){.fd = ends[0], .due_ms = INT64_MAX, .ready = ready};
    sl_loop_watch(loop, &watch);
    struct sigaction sa = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGCHLD, &sa, NULL);
    adopting = true;
    take_orphans();
    return 0;
}
