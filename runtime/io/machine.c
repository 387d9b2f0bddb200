/* Linux tells the open descriptors as the names in a folder. */
#include "io/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

int sl_machine_disk(const char *path, sl_machine_space *out, sl_err *err) {
    struct statvfs info;
    if (statvfs(path, &info) < 0) {
        sl_fail_errno(err, "cannot look at the disk of %s", path);
        if (err) err->code = SL_STATE;
        return -1;
    }
    out->free_bytes = (int64_t)(info.f_bavail * info.f_frsize);
    out->total_bytes = (int64_t)(info.f_blocks * info.f_frsize);
    return 0;
}

bool sl_machine_writable(const char *path) {
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static int64_t count_open(void) {
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) return 0;
    int64_t count = -1; /* the folder's own descriptor */
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (entry->d_name[0] != '.') count++;
    closedir(dir);
    return count;
}

sl_machine_files sl_machine_files_get(void) {
    struct rlimit limit;
    sl_machine_files files = {.open = count_open(), .limit = -1};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) files.limit = (int64_t)limit.rlim_cur;
    return files;
}

void sl_machine_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
