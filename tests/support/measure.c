/* Runs a command and writes what the kernel charged it, as one line of JSON: CPU seconds (user and system), wall seconds,
 * peak memory, exit status.
 *   measure OUTFILE COMMAND [ARG …]      the figures go to OUTFILE, the command's own output where it goes anyway
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: measure OUTFILE COMMAND [ARG …]\n"), 2;
    double start = now();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status = 0;
    struct rusage ru;
    if (pid < 0 || wait4(pid, &status, 0, &ru) < 0) return perror("measure"), 1;
    FILE *out = fopen(argv[1], "w");
    if (!out) return perror(argv[1]), 1;
    fprintf(out, "{\"cpu\":%.6f,\"wall\":%.6f,\"rss_mb\":%.1f,\"status\":%d}\n", seconds(ru.ru_utime) + seconds(ru.ru_stime),
            now() - start, (double)ru.ru_maxrss / 1024, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(out) == 0 ? 0 : 1;
}
