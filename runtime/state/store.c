/* Folders, files and their modes. Everything private: what is in a store tells about customers, and tokens are secrets. */
#include "state/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/store_in.h"

#define BUSY_MS 10000
#define PATH_MAX_BYTES 4000

/* ---- folders ---- */

static int fail_path(sl_err *err, const char *what, const char *path, const char *cure) {
    sl_fail_errno(err, "cannot %s %s", what, path);
    if (err) err->code = SL_STATE;
    return sl_hint(err, "%s", cure);
}

/* Makes the folder with all above it that are missing; those that exist keep their mode. */
static int make_dirs(const char *path, sl_err *err) {
    char part[PATH_MAX_BYTES + 1];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return sl_fail(err, SL_CONFIG, 0, "the path of a folder is longer than %d bytes", PATH_MAX_BYTES);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && errno != EISDIR)
            return fail_path(err, "make the folder", part,
                             "give write access there, or set `store:` to another place");
    }
    return 0;
}

/* ---- files ---- */

/* The file before SQLite sees it: with our mode, which SQLite gives to the files beside it as well. One that is there is
 * not opened: closing it would end the locks that another store of this process has on it (POSIX ends them with any
 * descriptor of the file), and the next process to close the database would take the write-ahead log away from under it. */
static int make_file(const char *path, sl_err *err) {
    static const char *const cure = "give the user that runs sluice write access, or set `store:` to another file";
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) return close(fd);
    struct stat info;
    if (errno != EEXIST || stat(path, &info) < 0) return fail_path(err, "open the store", path, cure);
    errno = EISDIR;
    if (S_ISDIR(info.st_mode)) return fail_path(err, "open the store", path, cure);
    if (!S_ISREG(info.st_mode)) return sl_fail(err, SL_STATE, 0, "%s is not a file", path);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0) return fail_path(err, "open the store", path, cure);
    if ((info.st_mode & 077) && chmod(path, 0600) < 0)
        return fail_path(err, "make private the store", path, "it must belong to the user that runs sluice");
    return 0;
}

/* The path in `where`, or NULL. */
static const char *path_of(const char *where, sl_err *err) {
    sl_str s = sl_str_of(where);
    if (sl_str_starts(s, SL_STR("postgresql:")) || sl_str_starts(s, SL_STR("postgres:"))) {
        sl_fail(err, SL_CONFIG, 0, "this build has the SQLite driver only: PostgreSQL is no store for it");
        sl_hint(err, "use store: sqlite:.sluice/state.db");
        return NULL;
    }
    const char *path = sl_str_starts(s, SL_STR("sqlite:")) ? where + strlen("sqlite:") : where;
    if (*path && strlen(path) < PATH_MAX_BYTES && !strchr(path, '\n')) return path;
    sl_fail(err, SL_CONFIG, 0,
            *path ? "the path of the store is too long or has a line break" : "the store has no path");
    sl_hint(err, "use store: sqlite:.sluice/state.db");
    return NULL;
}

static int make_place(const char *path, sl_err *err) {
    const char *slash = strrchr(path, '/');
    char *dir = slash && slash > path ? sl_str_dup(sl_str_make(path, (size_t)(slash - path))) : NULL;
    int rc = dir ? make_dirs(dir, err) : 0;
    free(dir);
    return rc < 0 ? -1 : make_file(path, err);
}

/* ---- opening ---- */

/* The first process sets the file up while the others wait: two that switch a fresh file to WAL at once fail each other. */
static int lock_opening(const sl_store *st, sl_lock *lock, sl_err *err) {
    for (int waited = 0;; waited += 5) {
        int rc = sl_lock_try(lock, st->lock_path, SL_LOCK_OPEN, err);
        if (rc != 0) return rc < 0 ? -1 : 0;
        if (waited >= BUSY_MS) break;
        sl_sql_pause(5);
    }
    sl_fail(err, SL_STATE, 0, "%s is being opened by process %lld for more than %d s", st->path,
            (long long)sl_lock_holder(st->lock_path, SL_LOCK_OPEN), BUSY_MS / 1000);
    return sl_hint(err, "see whether that process hangs, and end it");
}

static int open_file(sl_store *st, sl_err *err) {
    sl_lock lock = SL_LOCK_NONE;
    if (lock_opening(st, &lock, err) < 0) return -1;
    st->db = sl_sql_open(st->path, BUSY_MS, err);
    int rc = st->db ? sl_schema_migrate(st->db, st->path, err) : -1;
    sl_lock_drop(&lock);
    return rc;
}

sl_store *sl_store_open(const char *where, sl_err *err) {
    const char *path = path_of(where, err);
    if (!path || make_place(path, err) < 0) return NULL;
    sl_store *st = calloc(1, sizeof *st);
    size_t len = strlen(path);
    if (st) st->adopted.lock = SL_LOCK_NONE;
    if (st) st->newest_version = -1;
    if (st) st->path = sl_str_dup(sl_str_make(path, len));
    if (st) st->lock_path = malloc(len + sizeof ".lock");
    if (!st || !st->path || !st->lock_path) {
        sl_store_close(st);
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a store");
        return NULL;
    }
    snprintf(st->lock_path, len + sizeof ".lock", "%s.lock", path);
    if (open_file(st, err) == 0) return st;
    sl_store_close(st);
    return NULL;
}

void sl_store_close(sl_store *st) {
    if (!st) return;
    while (st->cursors) sl_cursor_orphan(st->cursors);
    while (st->intents) sl_intent_orphan(st->intents);
    while (st->sets) sl_intent_set_orphan(st->sets);
    if (st->daemon) sl_daemon_orphan(st->daemon);
    for (int i = 0; i < st->run_count; i++) sl_lock_drop(&st->runs[i].lock);
    sl_lock_leave(&st->adopted.lock);
    sl_sql_close(st->db);
    free(st->path);
    free(st->lock_path);
    free(st);
}

const char *sl_store_path(const sl_store *st) {
    return st->path;
}

/* ---- the per-user folder ---- */

static int shared_path(const char *override, sl_buf *out, sl_err *err) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (override && *override) return sl_buf_put_str(out, sl_str_of(override), err);
    if (state && state[0] == '/')
        return sl_buf_printf(out, err, "%s/sluice", state); /* the rules ignore relative ones */
    if (home && home[0] == '/') return sl_buf_printf(out, err, "%s/.local/state/sluice", home);
    sl_fail(err, SL_STATE, 0, "no place for login tokens: neither HOME nor XDG_STATE_HOME is set");
    return sl_hint(err, "set HOME, or `shared:` in the config to a private folder");
}

static int check_private(const char *dir, sl_err *err) {
    struct stat info;
    if (stat(dir, &info) < 0)
        return fail_path(err, "look at", dir, "set `shared:` in the config to a private folder");
    if (!S_ISDIR(info.st_mode)) return sl_fail(err, SL_STATE, 0, "%s is not a folder", dir);
    if (info.st_uid != geteuid()) {
        sl_fail(err, SL_STATE, 0, "the folder %s belongs to another user: login tokens are not safe there", dir);
        return sl_hint(err, "set `shared:` in the config to a folder of your own");
    }
    if ((info.st_mode & 077) == 0) return 0;
    sl_fail(err, SL_STATE, 0, "others can enter %s (mode %03o): login tokens are not safe there", dir,
            (unsigned)info.st_mode & 0777);
    return sl_hint(err, "chmod 700 %s", dir);
}

int sl_store_shared_dir(const char *override, sl_buf *out, sl_err *err) {
    sl_buf_clear(out);
    if (shared_path(override, out, err) < 0) return -1;
    const char *dir = sl_buf_cstr(out);
    if (make_dirs(dir, err) < 0)
        return sl_hint(err, "`shared: DIR` in sluice.yaml names another folder for rate budgets and login tokens");
    return check_private(dir, err);
}

sl_store *sl_store_open_shared(const char *override, sl_err *err) {
    sl_buf path;
    sl_buf_init(&path, PATH_MAX_BYTES);
    sl_store *st = NULL;
    if (sl_store_shared_dir(override, &path, err) == 0 && sl_buf_put_str(&path, SL_STR("/shared.db"), err) == 0)
        st = sl_store_open(sl_buf_cstr(&path), err);
    sl_buf_free(&path);
    return st;
}
