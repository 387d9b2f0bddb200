/* An HTTP server that takes whatever is posted, counts it and says that all of it is in, as fast as one thread can: the other
 * end of the bench's uploads.
 *
 *   sink [FILE]              prints http://127.0.0.1:PORT; FILE gets the bodies of all POSTs, each whole, as they are complete
 *   POST anything            202 and a batch of the Stream API, each line of the body a product that was taken
 *   GET anything             200 {"requests":3,"records":25000,"bytes":5721000}: sums since the start
 *
 * Bodies have a Content-Length; `Expect: 100-continue` is obeyed, connections are kept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define PIECE (1 << 20)

typedef struct peer {
    int fd;
    char head[HEAD_MAX];
    size_t head_len;
    bool in_body, get;
    size_t left;    /* bytes of the body that are still to come */
    size_t records; /* lines of it so far */
    char *body;     /* of a sink that keeps them */
    size_t body_len, body_cap;
} peer;

static struct {
    unsigned long long requests, records, bytes;
} sums;
static FILE *kept;
static char piece[PIECE];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void put(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return; /* the next read tells that it has gone */
        text += n, len -= (size_t)n;
    }
}

static void answer(const peer *p) {
    char body[400], head[200];
    int n = p->get ? snprintf(body, sizeof body, "{\"requests\":%llu,\"records\":%llu,\"bytes\":%llu}", sums.requests, sums.records, sums.bytes)
                   : snprintf(body, sizeof body,
                              "{\"data\":{\"type\":\"batch\",\"id\":\"b-%llu\",\"attributes\":{\"status\":\"uploaded\",\"errorCount\":0,"
                              "\"stages\":{\"upload\":{\"status\":\"success\",\"successCount\":%zu,\"errorCount\":0,\"errors\":[]},"
                              "\"processing\":null}}}}", sums.requests, p->records);
    int h = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                     p->get ? "200 OK" : "202 Accepted", n);
    char all[sizeof body + sizeof head];
    memcpy(all, head, (size_t)h);
    memcpy(all + h, body, (size_t)n);
    put(p->fd, all, (size_t)(h + n));
}

static void end_request(peer *p) {
    if (!p->get) {
        sums.requests++;
        sums.records += p->records;
        if (kept && (fwrite(p->body, 1, p->body_len, kept) != p->body_len || fflush(kept) != 0)) die("the file");
    }
    answer(p);
    p->in_body = false;
    p->records = p->body_len = 0;
}

static void keep(peer *p, const char *from, size_t len) {
    if (p->body_len + len > p->body_cap) {
        p->body_cap = 2 * (p->body_len + len);
        p->body = realloc(p->body, p->body_cap);
        if (!p->body) die("memory");
    }
    memcpy(p->body + p->body_len, from, len);
    p->body_len += len;
}

static void take_body(peer *p, const char *from, size_t len) {
    sums.bytes += len;
    p->left -= len;
    if (kept) keep(p, from, len);
    for (const char *at = from, *end = from + len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) p->records++;
    if (p->left == 0) end_request(p);
}

/* The value of a header in a head that ends with a NUL; NULL where it is not there. */
static const char *header(const char *head, const char *name) {
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') return line + 3 + len;
    return NULL;
}

static bool begin_request(peer *p) {
    const char *length = header(p->head, "Content-Length");
    p->get = strncmp(p->head, "GET ", 4) == 0;
    if (!p->get && !length) return false;
    p->left = length ? strtoul(length, NULL, 10) : 0;
    p->in_body = p->left > 0;
    if (header(p->head, "Expect")) put(p->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (!p->in_body) end_request(p);
    return true;
}

/* How many bytes of `from` belong to the head; false for what is no request. */
static bool take_head(peer *p, const char *from, size_t len, size_t *used) {
    for (*used = 0; *used < len; (*used)++) {
        if (p->head_len + 1 >= HEAD_MAX) return false;
        p->head[p->head_len++] = from[*used];
        if (p->head_len < 4 || memcmp(p->head + p->head_len - 4, "\r\n\r\n", 4) != 0) continue;
        p->head[p->head_len] = 0;
        p->head_len = 0;
        (*used)++;
        return begin_request(p);
    }
    return true;
}

static bool take(peer *p, const char *from, size_t len) {
    while (len > 0) {
        size_t used = len;
        if (!p->in_body) {
            if (!take_head(p, from, len, &used)) return false;
        } else {
            if (used > p->left) used = p->left;
            take_body(p, from, used);
        }
        from += used, len -= used;
    }
    return true;
}

static void serve(peer *p) {
    ssize_t n = recv(p->fd, piece, PIECE, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n > 0 && take(p, piece, (size_t)n)) return;
    close(p->fd);
    free(p->body);
    free(p);
}

static int listen_here(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 64) < 0) die("listen");
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0) die("getsockname");
    printf("http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void welcome(int epoll, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer *p = calloc(1, sizeof *p);
    if (!p) die("memory");
    p->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll");
}

int main(int argc, char **argv) {
    if (argc > 1 && (kept = fopen(argv[1], "w")) == NULL) die(argv[1]);
    int listener = listen_here(), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN}, ready[64];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll");
    for (;;) {
        int n = epoll_wait(epoll, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr) serve(ready[i].data.ptr);
            else welcome(epoll, listener);
        }
    }
}
