/* Which processes are children that somebody here waits for, and which came to us as orphans. The first process of a
 * container has those of all others, and they stay as zombies where it does not wait for them.
 *
 *   sl_family_add(pid, &err);          // io/spawn does
 *   sl_family_adopt(loop, &err);       // from now on orphans are waited for as they end; our own children never are
 *   sl_family_remove(pid);
 */
#ifndef SL_IO_FAMILY_H
#define SL_IO_FAMILY_H

#include <sys/types.h>

#include "io/loop.h"

/* Notes a child of ours. */
int sl_family_add(pid_t pid, sl_err *err);

/* It was waited for. */
void sl_family_remove(pid_t pid);

/* From now on descendants whose parent ends come to this process, and are waited for by the loop. For the process's life;
 * once more is fine. */
int sl_family_adopt(sl_loop *loop, sl_err *err);

#endif
