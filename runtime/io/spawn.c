/* clone() with our memory shared and ourselves asleep until the program runs (as vfork does, and posix_spawn inside), since
 * between the two a child must set what posix_spawn can't: the death signal and the limit. Everything that needs memory is
 * made ready before; the child's function does nothing but system calls, and its failure is a number in what we share. */
#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/family.h"

#define STACK_BYTES 65536

/* ---- the child, until it is the program ---- */

typedef struct prepared {
    const sl_spawn *what;
    const char *path;
    char *const *argv, *const *env;
    pid_t parent;
    int fds_max;
    int error;        /* errno of what failed in the child */
    bool cwd_failed;
} prepared;

/* No handler of ours may run over there; what others have ignored (nohup) stays so. */
static void standard_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL}, now;
    for (int number = 1; number < NSIG; number++) {
        if (number == SIGKILL || number == SIGSTOP || sigaction(number, NULL, &now) < 0) continue;
        bool ours = number == SIGPIPE || number == SIGXFSZ || number == SIGCHLD; /* what io/loop sets */
        if (ours || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)) sigaction(number, &standard, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_between(const prepared *p, unsigned int first, unsigned int last) {
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
    for (unsigned int fd = first; fd <= last && fd < (unsigned int)p->fds_max; fd++) close((int)fd);
}

static int set_descriptors(const prepared *p) {
    int input = open("/dev/null", O_RDONLY);
    if (input < 0 || dup2(input, STDIN_FILENO) < 0) return -1;
    if (dup2(p->what->out, STDOUT_FILENO) < 0 || dup2(p->what->err, STDERR_FILENO) < 0) return -1;
    unsigned int from = STDERR_FILENO + 1;
    for (size_t i = 0; i < p->what->keep_len; i++) {
        int fd = p->what->keep[i];
        if (fcntl(fd, F_SETFD, 0) < 0) return -1;
        close_between(p, from, (unsigned int)fd - 1);
        from = (unsigned int)fd + 1;
    }
    close_between(p, from, UINT_MAX);
    return 0;
}

/* The signal comes at the end of our parent; one that had ended before we asked sends none. */
static int set_limits(const prepared *p) {
    const sl_spawn *what = p->what;
    if (what->group && setpgid(0, 0) < 0) return -1;
    if (what->death_signal && prctl(PR_SET_PDEATHSIG, (unsigned long)what->death_signal) < 0) return -1;
    if (what->death_signal && getppid() != p->parent) {
        errno = ESRCH;
        return -1;
    }
    if (what->memory_bytes <= 0) return 0;
    struct rlimit limit = {(rlim_t)what->memory_bytes, (rlim_t)what->memory_bytes};
    return setrlimit(RLIMIT_DATA, &limit);
}

/* AddressSanitizer would look for the stack of a thread here, and warn. */
__attribute__((no_sanitize("address"))) static int child(void *arg) {
    prepared *p = arg;
    standard_signals();
    p->cwd_failed = p->what->cwd && chdir(p->what->cwd) < 0;
    if (!p->cwd_failed && set_descriptors(p) == 0 && set_limits(p) == 0) execve(p->path, p->argv, p->env);
    p->error = errno;
    _exit(127);
}

/* ---- the start ---- */

static bool names(const char *entry, const char *variable) {
    size_t len = strcspn(entry, "=");
    return strncmp(entry, variable, len) == 0 && variable[len] == '=';
}

static bool replaced(const char *const *changes, const char *variable) {
    for (; changes && *changes; changes++)
        if (names(*changes, variable)) return true;
    return false;
}

/* Our environment with the changes; the strings stay where they are. Owned by the caller. */
static const char **environment(const char *const *changes) {
    size_t n = 0, len = 0;
    for (char **at = environ; *at; at++) n++;
    for (const char *const *at = changes; at && *at; at++) n++;
    const char **env = calloc(n + 1, sizeof *env);
    if (!env) return NULL;
    for (char **at = environ; *at; at++)
        if (!replaced(changes, *at)) env[len++] = *at;
    for (const char *const *at = changes; at && *at; at++)
        if (strchr(*at, '=')) env[len++] = *at;
    return env;
}

/* No handler of ours may run in the child while it has our memory. */
static int start(prepared *p, sl_spawned *out) {
    sigset_t all, before;
    char *stack = malloc(STACK_BYTES);
    if (!stack) return ENOMEM;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    out->pid = clone(child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, p, &out->pidfd);
    int error = out->pid < 0 ? errno : p->error;
    if (error) {
        while (out->pid > 0 && waitpid(out->pid, NULL, 0) < 0 && errno == EINTR) continue;
        if (out->pid > 0) close(out->pidfd);
        *out = (sl_spawned){0, -1};
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(stack);
    return error;
}

static int failed(const prepared *p, int error, sl_err *err) {
    errno = error;
    if (p->cwd_failed) return sl_fail_errno(err, "can't run '%s' in '%s'", p->what->argv[0], p->what->cwd);
    return sl_fail_errno(err, "can't run '%s'", p->what->argv[0]);
}

int sl_spawn_start(const sl_spawn *what, sl_spawned *out, sl_err *err) {
    char path[PATH_MAX];
    prepared p = {.what = what, .path = what->argv[0], .parent = getpid(), .fds_max = (int)sysconf(_SC_OPEN_MAX)};
    if (!strchr(what->argv[0], '/')) {
        if (!sl_spawn_find(what->argv[0], path, sizeof path)) return failed(&p, ENOENT, err);
        p.path = path;
    }
    const char **env = environment(what->env);
    if (!env) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    p.argv = (char *const *)(uintptr_t)what->argv; /* execve changes nothing in them */
    p.env = (char *const *)(uintptr_t)env;
    int error = start(&p, out);
    free(env);
    if (error) return failed(&p, error, err);
    if (sl_family_add(out->pid, err) == 0) return 0;
    kill(out->pid, SIGKILL);
    sl_spawn_wait(out);
    close(out->pidfd);
    *out = (sl_spawned){0, -1};
    return -1;
}

int sl_spawn_pipe(int *ours, int *theirs, sl_err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return sl_fail_errno(err, "pipe");
    *ours = ends[0];
    *theirs = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? sl_fail_errno(err, "pipe") : 0;
}

/* ---- the end ---- */

static sl_spawn_end end_of(const siginfo_t *info) {
    bool by_signal = info->si_code != CLD_EXITED;
    return (sl_spawn_end){by_signal ? 128 + info->si_status : info->si_status, by_signal ? info->si_status : 0};
}

/* 1 and *end is filled, 0: not yet, -1: there is nothing to wait for. */
static int wait_for(const sl_spawned *program, int options, sl_spawn_end *end) {
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)program->pid, &info, WEXITED | options) < 0)
        if (errno != EINTR) return -1;
    if (info.si_pid == 0) return 0;
    if (end) *end = end_of(&info);
    return 1;
}

int sl_spawn_ended(const sl_spawned *program, sl_spawn_end *end, sl_err *err) {
    int rc = wait_for(program, WNOHANG | WNOWAIT, end);
    return rc < 0 ? sl_fail_errno(err, "waiting for the process %d", (int)program->pid) : rc;
}

void sl_spawn_wait(const sl_spawned *program) {
    (void)wait_for(program, 0, NULL);
    sl_family_remove(program->pid);
}

static int send_signal(pid_t to, const char *what, pid_t shown, int number, sl_err *err) {
    if (shown < 2) return sl_fail(err, SL_USAGE, 0, "%d is no %s that may be sent a signal", (int)shown, what);
    if (kill(to, number) == 0) return 1;
    if (errno == ESRCH) return 0;
    sl_code code = errno == EPERM ? SL_FORBIDDEN : SL_USAGE;
    return sl_fail(err, code, errno, "signal %d to the %s %d: %s", number, what, (int)shown, strerror(errno));
}

int sl_spawn_signal(pid_t group, int number, sl_err *err) {
    return send_signal(-group, "process group", group, number, err);
}

int sl_spawn_signal_one(pid_t pid, int number, sl_err *err) {
    return send_signal(pid, "process", pid, number, err);
}

/* ---- looking for a program ---- */

static bool is_program(const char *path) {
    int fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (fd >= 0) close(fd);
    return fd < 0 && access(path, X_OK) == 0;
}

bool sl_spawn_find(const char *name, char *out, size_t size) {
    if (strchr(name, '/')) return snprintf(out, size, "%s", name) < (int)size && is_program(out);
    const char *path = getenv("PATH");
    if (!path || !name[0]) return false;
    for (;;) {
        size_t len = strcspn(path, ":");
        int n = len ? snprintf(out, size, "%.*s/%s", (int)len, path, name) : snprintf(out, size, "%s", name);
        if (n > 0 && n < (int)size && is_program(out)) return true;
        if (!path[len]) return false;
        path += len + 1;
    }
}
