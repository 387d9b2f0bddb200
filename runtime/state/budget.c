/* Two ranges of locks in one file: byte 0 for the block, and a byte for each process. The bytes that are locked have
 * nothing to do with what is mapped at their place. */
#include "state/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "state/store.h"

#define NAME "/budgets"
#define MOST 4096       /* budgets; the file has 2 MB */
#define SPINS 200       /* a holder needs microseconds */
#define OPEN_SPINS 2000000
#define SURE_US 1000000 /* so much the clock may be off before it is doubted */
#define PATH_MAX_BYTES 4000

struct sl_budget {
    sl_limits *block;
    size_t bytes;
    int fd;            /* of the file, -1 in memory; its lock is the block's */
    int life;          /* a descriptor of its own: the lock on our byte */
    uint32_t owner;
    int64_t ahead_us;  /* what our clock lacks to the file's */
    int64_t seen_us;   /* our clock when it was read last */
    int64_t wrong_us;  /* what a faked clock is wrong by */
};

static int lock_byte(int fd, int64_t at, int command, short type) {
    struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1};
    if (fcntl(fd, command, &fl) < 0) return -1;
    return command == F_OFD_GETLK ? fl.l_type != F_UNLCK : 0;
}

static int take_lock(int fd, int spins) {
    for (int i = 0; i < spins; i++) {
        if (lock_byte(fd, 0, F_OFD_SETLK, F_WRLCK) == 0) return 1;
        if (i > 10) sched_yield();
    }
    return 0;
}

/* ---- the clock ---- */

/* After a pause the clock is compared with the kernel's own file: within one process of many it may be faked. */
static void check_clock(sl_budget *b) {
    int64_t own = sl_clock_mono_us(), kernel = own - b->seen_us > SURE_US || own < b->seen_us ? sl_clock_uptime_us() : -1;
    b->seen_us = own;
    if (kernel < 0) return;
    int64_t wrong = own - kernel, change = wrong - b->wrong_us; /* the kernel's file is a little behind, never ahead */
    if (change > SURE_US || change < -SURE_US) b->wrong_us = wrong > SURE_US || wrong < -SURE_US ? wrong : 0;
}

/* After a restart of the machine the common clock goes on by the wall clock, which ran meanwhile. Where the kernel has no
 * name for the boot, a restart shows as a clock that went back, which the file's holds up. */
static void follow_boot(sl_budget *b) {
    sl_limits *t = b->block;
    char boot[SL_CLOCK_BOOT_BYTES];
    sl_clock_boot_id(boot);
    if (t->last_us > 0 && memcmp(boot, t->boot, sizeof boot) == 0) return;
    int64_t wall_us = sl_clock_wall_ms() * 1000;
    t->offset_us = (wall_us > t->last_us ? wall_us : t->last_us) - (sl_clock_mono_us() - b->wrong_us);
    memcpy(t->boot, boot, sizeof boot);
}

static int64_t own_us(const sl_budget *b) {
    return sl_clock_mono_us() - b->wrong_us + b->block->offset_us + b->ahead_us;
}

int64_t sl_budget_now_us(const sl_budget *b) {
    int64_t own = own_us(b);
    return own > b->block->last_us ? own : b->block->last_us;
}

static int64_t tick(sl_budget *b) {
    check_clock(b);
    int64_t own = own_us(b);
    if (own < b->block->last_us) b->ahead_us += b->block->last_us - own;
    else b->block->last_us = own;
    return b->block->last_us;
}

/* ---- opening ---- */

static int fail_open(sl_err *err, const char *what, const char *path) {
    sl_fail_errno(err, "cannot %s %s", what, path);
    if (err) err->code = SL_STATE;
    return sl_hint(err, "`shared: DIR` in sluice.yaml names another folder for rate budgets and login tokens");
}

static int not_ours(const char *path, sl_err *err) {
    sl_fail(err, SL_STATE, 0, "%s is no file of rate budgets of this sluice", path);
    return sl_hint(err, "end all sluice processes and delete it: budgets start afresh");
}

/* All bytes are there from the start: a mapped file that can't grow on a full disk ends its process. */
static int make_bytes(sl_budget *b, const char *path, sl_err *err) {
    struct stat info;
    if (fstat(b->fd, &info) < 0) return fail_open(err, "look at", path);
    if (info.st_size == (off_t)b->bytes) return 0;
    if (info.st_size > 0) return not_ours(path, err);
    int failed = posix_fallocate(b->fd, 0, (off_t)b->bytes);
    if (failed == 0) return 0;
    if (ftruncate(b->fd, 0) < 0) failed = errno;
    errno = failed;
    return fail_open(err, "make room for", path);
}

static int map(sl_budget *b, const char *path, sl_err *err) {
    int flags = b->fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    void *at = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, flags, b->fd, 0);
    if (at == MAP_FAILED) return fail_open(err, "map", path);
    b->block = at;
    if (b->block->magic == 0) sl_limits_init(b->block, MOST);
    if (!sl_limits_valid(b->block, b->bytes)) return not_ours(path, err);
    check_clock(b);
    follow_boot(b);
    return 0;
}

/* A number that no living process has; what a dead one left under it is cleared away. */
static int take_number(sl_budget *b, const char *path, sl_err *err) {
    for (uint32_t n = 1; n < SL_LIMITS_OWNERS; n++) {
        if (lock_byte(b->life, n, F_OFD_SETLK, F_WRLCK) < 0) continue;
        b->owner = n;
        sl_limits_bury(b->block, n);
        return 0;
    }
    sl_fail(err, SL_LIMIT, 0, "more than %d processes share the rate budgets in %s", SL_LIMITS_OWNERS - 1, path);
    return -1;
}

static int set_up(sl_budget *b, const char *path, sl_err *err) {
    if (take_lock(b->fd, OPEN_SPINS) == 0) {
        sl_fail(err, SL_STATE, 0, "another process holds %s", path);
        return sl_hint(err, "is a sluice process stopped (Ctrl-Z)? `fg` it, or end it");
    }
    int rc = make_bytes(b, path, err) < 0 || map(b, path, err) < 0 || take_number(b, path, err) < 0 ? -1 : 0;
    lock_byte(b->fd, 0, F_OFD_SETLK, F_UNLCK);
    return rc;
}

static sl_budget *budget_new(sl_err *err) {
    sl_budget *b = calloc(1, sizeof *b);
    if (!b) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    b->fd = b->life = -1;
    b->owner = 1;
    b->seen_us = INT64_MIN / 2; /* so that the first look is a check */
    b->bytes = sl_limits_bytes(MOST);
    return b;
}

static int open_files(sl_budget *b, const char *folder, sl_buf *path, sl_err *err) {
    if (sl_store_shared_dir(folder, path, err) < 0 || sl_buf_put_str(path, SL_STR(NAME), err) < 0) return -1;
    const char *name = sl_buf_cstr(path);
    b->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (b->fd >= 0) b->life = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (b->life < 0) return fail_open(err, "open", name);
    return set_up(b, name, err);
}

sl_budget *sl_budget_open(const char *folder, sl_err *err) {
    sl_budget *b = budget_new(err);
    sl_buf path;
    if (!b) return NULL;
    sl_buf_init(&path, PATH_MAX_BYTES);
    int rc = open_files(b, folder, &path, err);
    sl_buf_free(&path);
    if (rc == 0) return b;
    sl_budget_close(b);
    return NULL;
}

sl_budget *sl_budget_alone(sl_err *err) {
    sl_budget *b = budget_new(err);
    if (b && map(b, "memory", err) == 0) return b;
    sl_budget_close(b);
    return NULL;
}

void sl_budget_close(sl_budget *b) {
    if (!b) return;
    if (b->block && b->owner) sl_limits_bury(b->block, b->owner);
    if (b->block) munmap(b->block, b->bytes);
    if (b->life >= 0) close(b->life);
    if (b->fd >= 0) close(b->fd);
    free(b);
}

/* ---- use ---- */

int sl_budget_lock(sl_budget *b, int64_t *now_us) {
    if (b->fd >= 0 && take_lock(b->fd, SPINS) == 0) return 0;
    *now_us = tick(b);
    return 1;
}

void sl_budget_unlock(sl_budget *b) {
    if (b->fd >= 0) lock_byte(b->fd, 0, F_OFD_SETLK, F_UNLCK);
}

sl_limits *sl_budget_limits(sl_budget *b) {
    return b->block;
}

uint32_t sl_budget_owner(const sl_budget *b) {
    return b->owner;
}

bool sl_budget_bury(sl_budget *b, int waiter) {
    uint32_t owners[SL_LIMITS_OWNERS]; /* all of them: the dead one may be the last */
    bool any = false;
    int n = b->fd >= 0 ? sl_limits_ahead(b->block, waiter, owners, SL_LIMITS_OWNERS) : 0;
    for (int i = 0; i < n; i++) {
        if (lock_byte(b->fd, owners[i], F_OFD_GETLK, F_WRLCK) != 0) continue;
        sl_limits_bury(b->block, owners[i]);
        any = true;
    }
    return any;
}

void sl_budget_sync(sl_budget *b, int limit) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)&b->block->limits[limit];
    uintptr_t start = from / page * page, end = from + sizeof(sl_limit);
    if (b->fd >= 0) msync((void *)start, end - start, MS_SYNC);
}
