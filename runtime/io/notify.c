/* One datagram. It is sent without waiting: a supervisor that does not read must not stop the one whom it supervises. */
#include "io/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The address and its length, or 0 where it is none. */
static socklen_t address_of(const char *name, struct sockaddr_un *address) {
    size_t len = strlen(name);
    memset(address, 0, sizeof *address);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof address->sun_path) return 0;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, len);
    if (name[0] == '@') address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/' ? 1 : 0));
}

int sl_notify(sl_str lines, sl_err *err) {
    const char *name = getenv("NOTIFY_SOCKET");
    if (!name || !name[0]) return 0;
    struct sockaddr_un address;
    socklen_t len = address_of(name, &address);
    if (!len) return sl_fail(err, SL_STATE, 0, "NOTIFY_SOCKET is '%s', which is neither a path nor an abstract name", name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return sl_fail_errno(err, "socket");
    ssize_t n = sendto(fd, lines.ptr, lines.len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, len);
    int error = n < 0 ? errno : 0;
    close(fd);
    if (!error) return 1;
    return sl_fail(err, SL_STATE, error, "telling the supervisor at '%s': %s", name, strerror(error));
}

static long long number(const char *name) {
    const char *text = getenv(name);
    char *end;
    if (!text || !text[0]) return -1;
    long long n = strtoll(text, &end, 10);
    return *end || n < 0 ? -1 : n;
}

int64_t sl_notify_watchdog_us(void) {
    long long us = number("WATCHDOG_USEC"), pid = number("WATCHDOG_PID");
    bool ours = !getenv("WATCHDOG_PID") || pid == getpid();
    return us > 0 && ours ? us : 0;
}
