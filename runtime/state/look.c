/* Looking changes nothing: what would migrate or repair is left to those who open the store for work. */
#include "state/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/store_in.h"

#define LOOK_BUSY_MS 2000

/* ---- cursors ---- */

static int read_row(sl_store *st, int rc, sl_cursor_row *out, sl_err *err) {
    if (rc != 1) return rc;
    const sl_sql *db = st->db;
    *out = (sl_cursor_row){.id = sl_sql_int(db, 0), .remembered = sl_sql_int(db, 1), .committed_ms = sl_sql_int(db, 2)};
    out->recipe = sl_sql_str(db, 3).ptr;
    out->name = sl_sql_str(db, 4).ptr;
    out->account = sl_sql_str(db, 5).ptr;
    out->args = sl_sql_str(db, 6).ptr;
    out->position = sl_sql_null(db, 7) ? NULL : sl_sql_str(db, 7).ptr;
    int held = sl_lock_held(st->lock_path, SL_LOCK_CURSORS + out->id, err);
    out->locked = held == 1;
    out->holder = held == 1 ? sl_lock_holder(st->lock_path, SL_LOCK_CURSORS + out->id) : 0;
    return held < 0 ? -1 : 1;
}

int sl_cursors_first(sl_store *st, sl_cursor_row *out, sl_err *err) {
    int rc = sl_sql_row(st->db,
                        "SELECT id, seen, committed_ms, recipe, name, account, args, position FROM cursors ORDER BY id",
                        NULL, 0, err);
    return read_row(st, rc, out, err);
}

int sl_cursors_next(sl_store *st, sl_cursor_row *out, sl_err *err) {
    return read_row(st, sl_sql_next(st->db, err), out, err);
}

/* ---- a file as it is ---- */

static int check_whole(sl_sql *db, const char *path, sl_err *err) {
    int rc = sl_sql_row(db, "PRAGMA quick_check(1)", NULL, 0, err);
    if (rc < 0) return -1;
    bool whole = rc == 1 && sl_str_eq(sl_sql_str(db, 0), SL_STR("ok"));
    if (!whole) {
        sl_fail(err, SL_STATE, 0, "%s is damaged: %s", path, rc == 1 ? sl_sql_str(db, 0).ptr : "no answer of the check");
        sl_hint(err, "restore it from a backup, or move it away (with -wal and -shm): cursors then start over");
    }
    int end = sl_sql_next(db, whole ? err : NULL);
    return whole && end >= 0 ? 0 : -1;
}

int sl_store_look(const char *path, sl_store_facts *out, sl_err *err) {
    sl_sql *db = sl_sql_open_as_is(path, LOOK_BUSY_MS, err);
    if (!db) return -1;
    out->known = sl_schema_known();
    int rc = sl_schema_check(db, path, &out->schema, err);
    if (rc == 0) rc = check_whole(db, path, err);
    sl_sql_close(db);
    return rc;
}

/* ---- a copy ---- */

static int fail_path(sl_err *err, const char *what, const char *path) {
    sl_fail_errno(err, "cannot %s %s", what, path);
    if (err) err->code = SL_STATE;
    return sl_hint(err, "the folder must exist, be writable and have room for a copy of the store");
}

/* Login tokens belong to the machine that has them. The pages that held them are overwritten. */
static int without_tokens(const char *path, sl_err *err) {
    sl_sql *db = sl_sql_open(path, LOOK_BUSY_MS, err);
    if (!db) return -1;
    int rc = sl_sql_script(db, "PRAGMA secure_delete = ON; DELETE FROM tokens; PRAGMA journal_mode = DELETE", err);
    sl_sql_close(db);
    return rc;
}

static int sync_path(const char *path, int flags, sl_err *err) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return fail_path(err, "open", path);
    int rc = fsync(fd) == 0 || errno == EINVAL ? 0 : fail_path(err, "make durable", path);
    close(fd);
    return rc;
}

static int sync_folder(const char *path, sl_err *err) {
    const char *slash = strrchr(path, '/');
    char *dir = slash ? sl_str_dup(sl_str_make(path, slash == path ? 1 : (size_t)(slash - path))) : NULL;
    if (slash && !dir) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a copy");
    int rc = sync_path(dir ? dir : ".", O_RDONLY | O_DIRECTORY, err);
    free(dir);
    return rc;
}

static int put_in_place(const char *aside, const char *path, sl_err *err) {
    if (sync_path(aside, O_RDWR, err) < 0) return -1;
    if (rename(aside, path) < 0) return fail_path(err, "put in place", path);
    return sync_folder(path, err);
}

/* The store itself and what SQLite and we keep beside it must not be overwritten. */
static int check_target(const sl_store *st, const char *path, sl_err *err) {
    static const char *const beside[] = {"", "-wal", "-shm", ".lock"};
    struct stat own, target;
    if (stat(path, &target) < 0) return 0;
    if (!S_ISREG(target.st_mode)) return sl_fail(err, SL_USAGE, 0, "%s is no file", path);
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        sl_buf name;
        sl_buf_init(&name, 8192);
        bool same = sl_buf_printf(&name, NULL, "%s%s", st->path, beside[i]) == 0 && stat(sl_buf_cstr(&name), &own) == 0 &&
                    own.st_dev == target.st_dev && own.st_ino == target.st_ino;
        sl_buf_free(&name);
        if (!same) continue;
        sl_fail(err, SL_USAGE, 0, "%s belongs to the store itself", path);
        return sl_hint(err, "export to another file");
    }
    return 0;
}

static void remove_all(const char *aside) {
    static const char *const beside[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        sl_buf name;
        sl_buf_init(&name, 8192);
        if (sl_buf_printf(&name, NULL, "%s%s", aside, beside[i]) == 0) unlink(sl_buf_cstr(&name));
        sl_buf_free(&name);
    }
}

int sl_store_export(sl_store *st, const char *path, sl_err *err) {
    if (check_target(st, path, err) < 0) return -1;
    sl_buf aside;
    sl_buf_init(&aside, 8192);
    if (sl_buf_printf(&aside, err, "%s.%ld.part", path, (long)getpid()) < 0) return -1;
    const char *part = sl_buf_cstr(&aside);
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 ? fail_path(err, "make", part) : 0;
    if (fd >= 0) {
        close(fd);
        if (rc == 0) rc = sl_sql_copy(st->db, part, err);
        if (rc == 0) rc = without_tokens(part, err);
        if (rc == 0) rc = put_in_place(part, path, err);
        if (rc < 0) remove_all(part);
    }
    sl_buf_free(&aside);
    return rc;
}

const char *sl_store_engine(void) {
    return sl_sql_version();
}
