/* The other end of a connection, for specs.
 *
 *   peer script FILE LOG     plays FILE on a free port (printed first): one scene a connection, the last one again and
 *                            again; what was received is appended to LOG, a line "-- N" before each connection
 *   peer run PORT CMD…       runs CMD, prints "ready" once PORT accepts connections
 *   peer free N              prints N free ports
 *   peer hold FILE           locks the first byte of FILE and prints "held", as a process that is stopped in the lock
 *
 * Scenes are separated by lines "--". Lines: `head` (read to the blank line), `read` (and as many bytes of body as
 * Content-Length says), `chunked` (read to the last chunk), `send TEXT` (\r \n \\ \xNN), `repeat N TEXT`, `eof`
 * (read until the peer closes), `reset`, `close`, `hang`.
 * Everything ends when the reader of standard output goes away, so that no process outlives its spec.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCENES_MAX 64
#define REQUEST_MAX (16u << 20)

static int open_port(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, 64) < 0) return -1;
    getsockname(fd, (struct sockaddr *)&at, &size);
    *port = ntohs(at.sin_port);
    return fd;
}

/* True once nobody reads our output any more. */
static bool abandoned(int timeout_ms, int fd) {
    struct pollfd p[2] = {{STDOUT_FILENO, 0, 0}, {fd, POLLIN, 0}};
    poll(p, fd < 0 ? 1 : 2, timeout_ms);
    return (p[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

/* ---- scenes ---- */

static void put(int fd, const char *bytes, size_t len) {
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes += n;
        len -= (size_t)n;
    }
}

static size_t unescape(char *text) {
    char *to = text;
    for (char *p = text; *p; p++) {
        if (*p != '\\')
            *to++ = *p;
        else if (*++p == 'r')
            *to++ = '\r';
        else if (*p == 'n')
            *to++ = '\n';
        else if (*p == 'x') {
            char hex[3] = {p[1], p[2], 0};
            *to++ = (char)strtol(hex, NULL, 16);
            p += 2;
        } else
            *to++ = *p;
    }
    return (size_t)(to - text);
}

static size_t body_length(const char *head) {
    const char *p = strcasestr(head, "\r\ncontent-length:");
    return p ? strtoul(p + 17, NULL, 10) : 0;
}

/* Reads one request (or its head) and logs it. False at the end of the connection. */
static bool take(int fd, FILE *log, bool body, const char *end) {
    static char bytes[REQUEST_MAX];
    size_t len = 0, need = 0;
    while (len + 1 < sizeof bytes) {
        bytes[len] = 0;
        const char *blank = memmem(bytes, len, end, strlen(end));
        if (blank && !need) need = (size_t)(blank - bytes) + strlen(end) + (body ? body_length(bytes) : 0);
        if (need && len >= need) break;
        ssize_t n = recv(fd, bytes + len, sizeof bytes - 1 - len, 0);
        if (n <= 0) break;
        len += (size_t)n;
    }
    fwrite(bytes, 1, len, log);
    fflush(log);
    return need && len >= need;
}

static void drop(int fd, bool reset) {
    struct linger hard = {1, 0};
    if (reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

static void wait_eof(int fd) {
    char sink[65536];
    while (recv(fd, sink, sizeof sink, 0) > 0) continue;
}

/* False when the scene is over. */
static bool play_line(int fd, FILE *log, char *line) {
    if (strcmp(line, "read") == 0) return take(fd, log, true, "\r\n\r\n");
    if (strcmp(line, "head") == 0) return take(fd, log, false, "\r\n\r\n");
    if (strcmp(line, "chunked") == 0) return take(fd, log, false, "\r\n0\r\n\r\n");
    if (strncmp(line, "send ", 5) == 0) put(fd, line + 5, unescape(line + 5));
    if (strncmp(line, "repeat ", 7) == 0) {
        char *text;
        long n = strtol(line + 7, &text, 10);
        size_t len = unescape(++text);
        while (n-- > 0) put(fd, text, len);
    }
    if (strcmp(line, "eof") == 0) wait_eof(fd);
    if (strcmp(line, "reset") == 0) return drop(fd, true), false;
    if (strcmp(line, "close") == 0) return drop(fd, false), false;
    if (strcmp(line, "hang") == 0) pause();
    return true;
}

static void play(int fd, FILE *log, char *scene) {
    char *rest = NULL;
    for (char *line = strtok_r(scene, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (!play_line(fd, log, line)) break;
}

static size_t load_scenes(const char *path, char **scenes) {
    static char text[1u << 20];
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    size_t count = 0;
    for (char *at = text; at && count < SCENES_MAX;) {
        scenes[count++] = at;
        at = strstr(at, "\n--\n");
        if (at) *at = 0, at += 4;
    }
    return count;
}

static int serve_script(const char *path, const char *log_path) {
    char *scenes[SCENES_MAX];
    size_t count = load_scenes(path, scenes);
    int port, listener = open_port(&port);
    FILE *log = fopen(log_path, "ab");
    if (!count || listener < 0 || !log) return 1;
    signal(SIGCHLD, SIG_IGN);
    printf("%d\n", port);
    fflush(stdout);
    for (size_t n = 0; !abandoned(-1, listener); n++) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        fprintf(log, "-- %zu\n", n + 1);
        fflush(log);
        pid_t pid = fork();
        if (pid == 0) {
            play(fd, log, scenes[n < count ? n : count - 1]);
            _exit(0);
        }
        close(fd);
    }
    kill(0, SIGTERM);
    return 0;
}

/* ---- others' servers ---- */

static bool accepts(int port) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return yes;
}

static int run(int port, char **argv) {
    pid_t pid = fork();
    if (pid == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    while (!accepts(port)) {
        if (waitpid(pid, NULL, WNOHANG) == pid || abandoned(5, -1)) return 1;
    }
    puts("ready");
    fflush(stdout);
    while (!abandoned(-1, -1)) continue;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return 0;
}

static int print_free(int count) {
    for (int port; count-- > 0; printf("%d\n", port))
        if (open_port(&port) < 0) return 1; /* held until all are known, so that they differ */
    return 0;
}

static int hold(const char *path) {
    struct flock first = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_OFD_SETLKW, &first) < 0) return 1;
    puts("held");
    fflush(stdout);
    while (!abandoned(-1, -1)) continue;
    return 0;
}

int main(int argc, char **argv) {
    setpgid(0, 0);
    if (argc == 4 && strcmp(argv[1], "script") == 0) return serve_script(argv[2], argv[3]);
    if (argc > 3 && strcmp(argv[1], "run") == 0) return run((int)strtol(argv[2], NULL, 10), argv + 3);
    if (argc == 3 && strcmp(argv[1], "free") == 0) return print_free((int)strtol(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "hold") == 0) return hold(argv[2]);
    fprintf(stderr, "usage: peer script FILE LOG | run PORT CMD… | free N | hold FILE\n");
    return 2;
}
