/* How long commands take to start: each in turn, round after round, and the medians as one line of JSON.
 *   starts ROUNDS COMMAND …                 until its end, its output thrown away
 *   starts -p ROUNDS PROMPT COMMAND …       pairs: on a terminal of its own, until it has written PROMPT; then it is killed
 * A COMMAND is one word; it is split at blanks. For each: {"cpu_ms":…,"wall_ms":…,"rss_mb":…}: CPU of user and system
 * (of all threads), time that passed, peak memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 32
#define WAIT_MS 60000

typedef struct one {
    char *words[WORDS_MAX + 1];
    const char *prompt; /* NULL: until its end */
    double *cpu, *wall, *rss;
} one;

static void die(const char *what) {
    fprintf(stderr, "starts: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static double now_ms(clockid_t clock) {
    struct timespec ts;
    if (clock_gettime(clock, &ts) < 0) die("clock");
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void split(one *o, char *command) {
    int n = 0;
    for (char *word = strtok(command, " "); word && n < WORDS_MAX; word = strtok(NULL, " ")) o->words[n++] = word;
    if (n == 0) die("empty command");
}

static void run_child(const one *o, bool quiet) {
    int null = quiet ? open("/dev/null", O_RDWR) : -1;
    for (int fd = 0; quiet && fd < 3; fd++) dup2(null, fd);
    execvp(o->words[0], o->words);
    _exit(127);
}

static void note(one *o, int round, double cpu, double wall, const struct rusage *ru) {
    o->cpu[round] = cpu;
    o->wall[round] = wall;
    o->rss[round] = (double)ru->ru_maxrss / 1024;
}

static void to_its_end(one *o, int round) {
    int status = 0;
    struct rusage ru;
    double start = now_ms(CLOCK_MONOTONIC);
    pid_t pid = fork();
    if (pid == 0) run_child(o, true);
    if (pid < 0 || wait4(pid, &status, 0, &ru) < 0) die("wait");
    double wall = now_ms(CLOCK_MONOTONIC) - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) errno = 0, die(o->words[0]);
    double cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3 +
                 (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3;
    note(o, round, cpu, wall, &ru);
}

/* Reads what it writes until the prompt is in it; false where it ends or stays silent. */
static bool wait_prompt(int fd, const char *prompt) {
    char seen[64 << 10];
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (len < sizeof seen - 1 && poll(&p, 1, WAIT_MS) == 1) {
        ssize_t n = read(fd, seen + len, sizeof seen - 1 - len);
        if (n <= 0) break;
        len += (size_t)n;
        if (memmem(seen, len, prompt, strlen(prompt))) return true;
    }
    seen[len] = '\0';
    fprintf(stderr, "starts: no prompt '%s', only: %s\n", prompt, seen);
    return false;
}

static void to_its_prompt(one *o, int round) {
    int fd;
    struct rusage ru;
    struct winsize size = {.ws_row = 40, .ws_col = 100};
    double start = now_ms(CLOCK_MONOTONIC);
    pid_t pid = forkpty(&fd, NULL, NULL, &size);
    if (pid == 0) run_child(o, false);
    if (pid < 0) die("forkpty");
    if (!wait_prompt(fd, o->prompt)) errno = 0, die(o->words[0]);
    double wall = now_ms(CLOCK_MONOTONIC) - start;
    clockid_t used;
    if (clock_getcpuclockid(pid, &used) != 0) die("its clock");
    double cpu = now_ms(used);
    kill(pid, SIGKILL);
    if (wait4(pid, NULL, 0, &ru) < 0) die("wait");
    close(fd);
    note(o, round, cpu, wall, &ru);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, int n) {
    qsort(list, (size_t)n, sizeof *list, by_value);
    return n % 2 ? list[n / 2] : (list[n / 2 - 1] + list[n / 2]) / 2;
}

static void print(one *list, int count, int rounds) {
    for (int i = 0; i < count; i++)
        printf("%s{\"cpu_ms\":%.3f,\"wall_ms\":%.3f,\"rss_mb\":%.1f}", i ? "," : "[", median(list[i].cpu, rounds),
               median(list[i].wall, rounds), median(list[i].rss, rounds));
    printf("]\n");
}

int main(int argc, char **argv) {
    bool prompts = argc > 1 && strcmp(argv[1], "-p") == 0;
    int at = prompts ? 3 : 2, step = prompts ? 2 : 1;
    int rounds = argc > at ? atoi(argv[at - 1]) : 0, count = (argc - at) / step;
    if (rounds < 1 || count < 1 || (argc - at) % step) return fprintf(stderr, "usage: starts [-p] ROUNDS [PROMPT] COMMAND …\n"), 2;
    one *list = calloc((size_t)count, sizeof *list);
    for (int i = 0; i < count; i++) {
        list[i].prompt = prompts ? argv[at + 2 * i] : NULL;
        split(&list[i], argv[at + step * i + (prompts ? 1 : 0)]);
        list[i].cpu = calloc((size_t)rounds, sizeof(double));
        list[i].wall = calloc((size_t)rounds, sizeof(double));
        list[i].rss = calloc((size_t)rounds, sizeof(double));
    }
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++) (prompts ? to_its_prompt : to_its_end)(&list[i], round);
    print(list, count, rounds);
    return 0;
}
