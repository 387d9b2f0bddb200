/* Open file description locks: unlike the classic ones they belong to a descriptor, not to the process, and closing
 * another descriptor of the file does not lose them. */
#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT 16 /* bytes per lock: the process id as text */

static struct flock range(short type, int64_t at) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(at * SLOT), .l_len = SLOT};
}

static int open_file(const char *path, sl_err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) return fd;
    sl_fail_errno(err, "cannot open the lock file %s", path);
    if (err) err->code = SL_STATE;
    return sl_hint(err, "the folder of the store must be writable");
}

static void leave_pid(int fd, int64_t at) {
    char text[SLOT + 1];
    if (at >= SL_LOCK_RUNS) return;
    int n = snprintf(text, sizeof text, "%-15ld\n", (long)getpid());
    ssize_t done = pwrite(fd, text, (size_t)n > SLOT ? SLOT : (size_t)n, (off_t)(at * SLOT));
    (void)done; /* only for people: the lock itself needs no bytes */
}

int sl_lock_try(sl_lock *lock, const char *path, int64_t at, sl_err *err) {
    *lock = SL_LOCK_NONE;
    int fd = open_file(path, err);
    if (fd < 0) return -1;
    struct flock fl = range(F_WRLCK, at);
    if (fcntl(fd, F_OFD_SETLK, &fl) == 0) {
        leave_pid(fd, at);
        *lock = (sl_lock){fd, at};
        return 1;
    }
    int rc = errno == EAGAIN || errno == EACCES ? 0 : sl_fail_errno(err, "cannot lock %s", path);
    close(fd);
    return rc;
}

int sl_lock_open(sl_lock *lock, const char *path, sl_err *err) {
    *lock = (sl_lock){open_file(path, err), 0};
    return lock->fd < 0 ? -1 : 0;
}

int sl_lock_add(const sl_lock *lock, int64_t at, int64_t count, sl_err *err) {
    struct flock fl = range(F_WRLCK, at);
    fl.l_len = (off_t)(count * SLOT);
    if (fcntl(lock->fd, F_OFD_SETLK, &fl) == 0) return 1;
    return errno == EAGAIN || errno == EACCES ? 0 : sl_fail_errno(err, "cannot lock rows of the store");
}

void sl_lock_take_away(const sl_lock *lock, int64_t at, int64_t count) {
    struct flock fl = range(F_UNLCK, at);
    fl.l_len = (off_t)(count * SLOT);
    if (lock->fd >= 0) fcntl(lock->fd, F_OFD_SETLK, &fl);
}

int sl_lock_held(const char *path, int64_t at, sl_err *err) {
    int fd = open_file(path, err);
    if (fd < 0) return -1;
    struct flock fl = range(F_WRLCK, at);
    int rc = fcntl(fd, F_OFD_GETLK, &fl) < 0 ? sl_fail_errno(err, "cannot look at the lock %s", path)
                                             : fl.l_type != F_UNLCK;
    close(fd);
    return rc;
}

int64_t sl_lock_holder(const char *path, int64_t at) {
    char text[SLOT + 1] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = pread(fd, text, SLOT, (off_t)(at * SLOT));
    close(fd);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

void sl_lock_leave(sl_lock *lock) {
    if (lock->fd >= 0) close(lock->fd);
    *lock = SL_LOCK_NONE;
}

static bool same_file(const char *path, int fd) {
    struct stat ours, theirs;
    return fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Nobody but this descriptor has the lock, and somebody has it: so it is this one. */
static int holds(const char *path, int64_t at, int fd, sl_err *err) {
    struct flock fl = range(F_WRLCK, at);
    if (fcntl(fd, F_OFD_GETLK, &fl) < 0) return sl_fail_errno(err, "cannot look at the lock %s", path);
    return fl.l_type == F_UNLCK ? sl_lock_held(path, at, err) : 0;
}

int sl_lock_inherit(sl_lock *lock, const char *path, int64_t at, int fd, sl_err *err) {
    *lock = SL_LOCK_NONE;
    if (!same_file(path, fd))
        return sl_fail(err, SL_USAGE, 0, "descriptor %d is not one of the lock file %s", fd, path);
    int rc = holds(path, at, fd, err);
    if (rc == 0) return sl_fail(err, SL_USAGE, 0, "descriptor %d does not hold the lock in %s that it should", fd, path);
    if (rc < 0) return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return sl_fail_errno(err, "cannot keep descriptor %d for us alone", fd);
    *lock = (sl_lock){fd, at};
    return 0;
}

void sl_lock_drop(sl_lock *lock) {
    if (lock->fd >= 0) {
        struct flock fl =
            range(F_UNLCK, lock->at); /* a program that is being started may still have the descriptor */
        fcntl(lock->fd, F_OFD_SETLK, &fl);
        close(lock->fd);
    }
    *lock = SL_LOCK_NONE;
}
