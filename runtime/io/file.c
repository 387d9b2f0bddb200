/* The order is what makes it safe: all bytes, fsync of the file, rename, fsync of the folder. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct sl_file {
    int fd;
    char *path;
    char *aside; /* NULL: written in place */
    bool passing; /* nobody needs it after a power failure */
};

static void release(sl_file *f) {
    if (f->fd >= 0) close(f->fd);
    free(f->path);
    free(f->aside);
    free(f);
}

static sl_file *file_new(const char *path, sl_err *err) {
    sl_file *f = calloc(1, sizeof *f);
    if (!f) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    f->fd = -1;
    f->path = realpath(path, NULL);
    if (!f->path) f->path = sl_str_dup(sl_str_of(path)); /* not there yet */
    if (f->path) return f;
    release(f);
    return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
}

/* Beside the target (a rename must stay on one disk), with a name that no other process or transfer uses. */
static int open_aside(sl_file *f, const struct stat *old, sl_err *err) {
    static unsigned int count;
    size_t size = strlen(f->path) + 40;
    f->aside = malloc(size);
    if (!f->aside) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    do {
        snprintf(f->aside, size, "%s.%ld-%u.part", f->path, (long)getpid(), ++count);
        f->fd = open(f->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (f->fd < 0 && errno == EEXIST);
    if (f->fd < 0) return sl_fail_errno(err, "%s: can't be written", f->path);
    if (old) (void)!fchmod(f->fd, old->st_mode & 0777); /* as far as we may */
    return 0;
}

static int open_in_place(sl_file *f, int flags, sl_err *err) {
    f->fd = open(f->path, flags | O_CLOEXEC, 0666);
    return f->fd < 0 ? sl_fail_errno(err, "%s: can't be written", f->path) : 0;
}

sl_file *sl_file_create(const char *path, sl_err *err) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    sl_file *f = file_new(path, err);
    if (!f) return NULL;
    int rc = there && !S_ISREG(st.st_mode) ? open_in_place(f, O_WRONLY, err) : open_aside(f, there ? &st : NULL, err);
    if (rc == 0) return f;
    release(f);
    return NULL;
}

static int end_last_line(sl_file *f, sl_err *err) {
    char last;
    off_t size = lseek(f->fd, 0, SEEK_END);
    if (size <= 0 || pread(f->fd, &last, 1, size - 1) != 1 || last == '\n') return 0;
    return sl_file_write(f, SL_STR("\n"), err);
}

sl_file *sl_file_append(const char *path, sl_err *err) {
    sl_file *f = file_new(path, err);
    if (!f) return NULL;
    if (open_in_place(f, O_RDWR | O_CREAT | O_APPEND, err) == 0 && end_last_line(f, err) == 0) return f;
    release(f);
    return NULL;
}

static int sync_folder(const char *path) {
    char *folder = sl_str_dup(sl_str_of(path));
    if (!folder) return -1;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder ? 1 : 0] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

/* The folders on the way to path, each 0700 where it is new. */
static int make_folders(char *path, bool durable) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = mkdir(path, 0700);
        if (rc == 0 && durable) (void)sync_folder(path);
        *slash = '/';
        if (rc < 0 && errno != EEXIST) return -1;
    }
    return 0;
}

/* Made beforehand with its mode, and its name durable, since sl_file_sync is about the bytes alone; what is wrong with
 * it comes up when it is opened. */
sl_file *sl_file_append_private(const char *path, bool durable, sl_err *err) {
    char *copy = sl_str_dup(sl_str_of(path));
    int rc = copy ? make_folders(copy, durable) : -1;
    free(copy);
    int fd = rc == 0 ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) close(fd);
    if (fd >= 0 && durable) (void)sync_folder(path);
    sl_file *f = sl_file_append(path, err);
    if (f) f->passing = !durable;
    return f;
}

/* What was written of a piece that did not fit is taken away again, where nobody else has added to the file since. */
static int write_failed(sl_file *f, off_t start, off_t done, sl_err *err) {
    sl_fail_errno(err, "%s: can't be written", f->path);
    if (f->aside || start < 0 || done == 0) return -1;
    if (lseek(f->fd, 0, SEEK_END) != start + done || ftruncate(f->fd, start) < 0) sl_hint(err, "its last line is broken");
    return -1;
}

int sl_file_write(sl_file *f, sl_str bytes, sl_err *err) {
    off_t start = f->aside ? -1 : lseek(f->fd, 0, SEEK_END), done = 0; /* -1 too for a device or a pipe */
    while (bytes.len) {
        ssize_t n = write(f->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return write_failed(f, start, done, err);
        bytes = sl_str_make(bytes.ptr + n, bytes.len - (size_t)n);
        done += n;
    }
    return 0;
}

int sl_file_sync(sl_file *f, sl_err *err) {
    if (fsync(f->fd) == 0 || errno == EINVAL || errno == EROFS) return 0; /* a device or a pipe has nothing to lose */
    return sl_fail_errno(err, "%s: can't be made durable", f->path);
}

int sl_file_commit(sl_file *f, sl_err *err) {
    if (!f->aside) {
        int rc = f->passing ? 0 : sl_file_sync(f, err);
        release(f);
        return rc;
    }
    if (fsync(f->fd) < 0 || rename(f->aside, f->path) < 0) {
        sl_fail_errno(err, "%s: can't be put in place", f->path);
        sl_file_abort(f);
        return -1;
    }
    int rc = sync_folder(f->path) < 0 ? sl_fail_errno(err, "%s: the folder can't be synced", f->path) : 0;
    release(f);
    return rc;
}

void sl_file_abort(sl_file *f) {
    if (!f) return;
    if (f->aside) unlink(f->aside);
    release(f);
}

int sl_file_open(const char *path, int64_t *size_bytes, sl_err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        sl_fail_errno(err, "%s", path);
        if (fd >= 0) close(fd);
        return -1;
    }
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        return sl_fail(err, SL_USAGE, EISDIR, "%s: is a folder", path);
    }
    *size_bytes = S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
    return fd;
}
