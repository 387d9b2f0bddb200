/* A list of the zones that were read: a daemon has a handful, whatever the number of its schedules. */
#include "io/zones.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/usr/share/zoneinfo"
#define NEAR_MAX 512

typedef struct entry {
    struct entry *next;
    sl_zone *zone;
    struct timespec changed;
    ino_t inode;
    off_t size;
} entry;

struct sl_zones {
    entry *first;
    sl_zone *utc;
    char folder[];
};

sl_zones *sl_zones_new(const char *folder) {
    if (!folder) folder = getenv("TZDIR");
    if (!folder || !*folder) folder = FOLDER;
    size_t len = strlen(folder);
    sl_zones *zones = calloc(1, sizeof *zones + len + 1);
    sl_zone *utc = zones ? sl_zone_utc(NULL) : NULL;
    if (!utc) {
        free(zones);
        return NULL;
    }
    memcpy(zones->folder, folder, len);
    zones->utc = utc;
    return zones;
}

void sl_zones_free(sl_zones *zones) {
    for (entry *e = zones ? zones->first : NULL, *next; e; e = next) {
        next = e->next;
        sl_zone_free(e->zone);
        free(e);
    }
    if (zones) sl_zone_free(zones->utc);
    free(zones);
}

/* ---- a near name ---- */

/* The name in a folder that `part` means: in another case, or else the nearest. False where there is none. */
static bool near_in(const char *folder, const char *part, char out[256]) {
    char *names[NEAR_MAX];
    size_t count = 0;
    DIR *dir = opendir(folder);
    out[0] = 0;
    for (struct dirent *d; dir && count < NEAR_MAX && (d = readdir(dir));) {
        if (strchr(d->d_name, '.')) continue;
        if (strcasecmp(d->d_name, part) == 0) snprintf(out, 256, "%s", d->d_name);
        if ((names[count] = sl_str_dup(sl_str_of(d->d_name)))) count++;
    }
    if (dir) closedir(dir);
    const char *near = out[0] ? NULL : sl_str_nearest(part, (const char *const *)names, count);
    if (near) snprintf(out, 256, "%s", near);
    for (size_t i = 0; i < count; i++) free(names[i]);
    return out[0] != 0;
}

/* Walks down the name part by part: "europe/berln" gives "Europe/Berlin". */
static bool near_name(const sl_zones *zones, sl_str name, char *out, size_t room) {
    char path[1024], part[64], found[256];
    int len = snprintf(path, sizeof path, "%s", zones->folder);
    size_t base = (size_t)len + 1;
    if (len < 0 || base + name.len >= sizeof path - 256) return false;
    for (size_t from = 0, to; from <= name.len; from = to + 1) {
        const char *slash = memchr(name.ptr + from, '/', name.len - from);
        to = slash ? (size_t)(slash - name.ptr) : name.len;
        snprintf(part, sizeof part, "%.*s", (int)(to - from), name.ptr + from);
        if (!near_in(path, part, found)) return false;
        size_t at = strlen(path);
        if (at + strlen(found) + 2 > sizeof path) return false;
        snprintf(path + at, sizeof path - at, "/%s", found);
    }
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || sl_zone_check_name(sl_str_of(path + base), NULL) < 0)
        return false;
    return (size_t)snprintf(out, room, "%s", path + base) < room;
}

static int fail_unknown(const sl_zones *zones, sl_str name, bool folder, sl_err *err) {
    char near[256];
    struct stat st;
    sl_fail(err, SL_CONFIG, 0, "'%.*s' is no time zone: %s", (int)name.len, name.ptr,
            folder ? "that is a folder of zones" : "the zone data has no such name");
    if (stat(zones->folder, &st) < 0)
        return sl_hint(err, "there is no zone data in %s: install tzdata, or set TZDIR", zones->folder);
    if (!folder && near_name(zones, name, near, sizeof near)) return sl_hint(err, "did you mean %s?", near);
    return sl_hint(err, "names are those of the IANA database, such as Europe/Berlin or UTC");
}

/* ---- reading ---- */

/* The whole file; its length, or -1. */
static ssize_t read_whole(int fd, char *out, size_t room) {
    size_t len = 0;
    for (ssize_t got; len < room; len += (size_t)got) {
        got = read(fd, out + len, room - len);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got < 0)
            return -1;
        else if (got == 0)
            break;
    }
    return (ssize_t)len;
}

static sl_zone *load(int fd, sl_str name, sl_err *err) {
    char *bytes = malloc(SL_ZONE_BYTES_MAX);
    if (!bytes) sl_fail(err, SL_INTERNAL, 0, "out of memory for a time zone");
    ssize_t len = bytes ? read_whole(fd, bytes, SL_ZONE_BYTES_MAX) : -1;
    if (bytes && len < 0) sl_fail_errno(err, "the data of the time zone %.*s", (int)name.len, name.ptr);
    sl_err why;
    sl_zone *zone = len >= 0 ? sl_zone_parse(name, sl_str_make(bytes, (size_t)len), &why) : NULL;
    free(bytes);
    if (len >= 0 && !zone) sl_fail(err, SL_CONFIG, 0, "'%.*s' is no time zone: %s", (int)name.len, name.ptr, why.msg);
    return zone;
}

static entry *find(const sl_zones *zones, sl_str name) {
    entry *e = zones->first;
    while (e && !sl_str_eq(sl_str_of(sl_zone_name(e->zone)), name)) e = e->next;
    return e;
}

static bool same_file(const entry *e, const struct stat *st) {
    return e->inode == st->st_ino && e->size == st->st_size && e->changed.tv_sec == st->st_mtim.tv_sec &&
           e->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* Puts the zone in the list, in the place of an older one. It belongs to the list then. */
static int keep(sl_zones *zones, entry *e, sl_zone *zone, const struct stat *st, sl_err *err) {
    if (!e) {
        e = calloc(1, sizeof *e);
        if (!e) return sl_fail(err, SL_INTERNAL, 0, "out of memory for a time zone");
        e->next = zones->first;
        zones->first = e;
    }
    sl_zone_free(e->zone);
    *e = (entry){e->next, zone, st->st_mtim, st->st_ino, st->st_size};
    return 0;
}

/* Explains why there is no such zone file; always NULL. */
static sl_zone *refuse(const sl_zones *zones, sl_str name, const struct stat *st, int problem, sl_err *err) {
    bool missing = problem == ENOENT || problem == ENOTDIR;
    if (problem && !missing) {
        errno = problem;
        sl_fail_errno(err, "the data of the time zone %.*s", (int)name.len, name.ptr);
        return NULL;
    }
    fail_unknown(zones, name, !problem && S_ISDIR(st->st_mode), err);
    return NULL;
}

sl_zone *sl_zones_get(sl_zones *zones, sl_str name, sl_err *err) {
    char path[1024];
    struct stat st;
    if (sl_zone_check_name(name, err) < 0) return NULL;
    if (sl_str_eq(name, SL_STR("UTC"))) return sl_zone_share(zones->utc);
    int len = snprintf(path, sizeof path, "%s/%.*s", zones->folder, (int)name.len, name.ptr);
    if (len < 0 || (size_t)len >= sizeof path) return refuse(zones, name, NULL, ENAMETOOLONG, err);
    entry *e = find(zones, name);
    if (e && stat(path, &st) == 0 && same_file(e, &st)) return sl_zone_share(e->zone);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return refuse(zones, name, NULL, errno, err);
    sl_zone *zone = NULL;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        refuse(zones, name, &st, 0, err);
    else
        zone = load(fd, name, err);
    close(fd);
    if (!zone || keep(zones, e, zone, &st, err) == 0) return zone ? sl_zone_share(zone) : NULL;
    sl_zone_free(zone);
    return NULL;
}
