/* What this machine has left for us, for those who look after it (`sluice doctor`).
 *
 *   sl_machine_space s;
 *   if (sl_machine_disk("/var/lib/sluice", &s, &err) == 0) … s.free_bytes, s.total_bytes
 *   sl_machine_files f = sl_machine_files_get();                        // f.open of f.limit
 */
#ifndef SL_IO_MACHINE_H
#define SL_IO_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct sl_machine_space {
    int64_t free_bytes; /* what this user may still write */
    int64_t total_bytes;
} sl_machine_space;

/* The file system that the path is on. -1 with SL_STATE where it can't be looked at. */
int sl_machine_disk(const char *path, sl_machine_space *out, sl_err *err);

/* Whether this user may write to what is at the path (for a folder: make files in it). */
bool sl_machine_writable(const char *path);

typedef struct sl_machine_files {
    int64_t open;  /* descriptors of this process */
    int64_t limit; /* how many it may have, -1 where there is no limit */
} sl_machine_files;

/* 0 open ones where the system does not tell. */
sl_machine_files sl_machine_files_get(void);

/* Gives memory that was freed back to the system, where the C library keeps it (after something large is done with). */
void sl_machine_trim(void);

#endif
