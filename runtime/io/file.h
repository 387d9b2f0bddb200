/* Files that are there completely or not at all: written aside, synced, then renamed over the old one.
 *
 *   sl_file *f = sl_file_create("out.ndjson", &err);
 *   if (sl_file_write(f, bytes, &err) < 0) sl_file_abort(f); …
 *   if (sl_file_commit(f, &err) < 0) …                   // f is gone in either case
 */
#ifndef SL_IO_FILE_H
#define SL_IO_FILE_H

#include "base/buf.h"

typedef struct sl_file sl_file;

/* Begins a new version of the file at path, beside it (beside its target where path is a link). What is no regular file
 * (a device, a pipe) is written as it is. Owned by the caller until commit or abort. */
sl_file *sl_file_create(const char *path, sl_err *err);

/* Writes behind what is in the file, in place; makes it where there is none. A last line that a crash cut off is ended
 * first. Abort keeps what was written. */
sl_file *sl_file_append(const char *path, sl_err *err);

/* The same for a file of our own: mode 0600 where it is new, and the folders on its way are made. `durable`: its name is on
 * the disk when this returns, and its bytes after sl_file_commit; else nothing of it waits for the disk (a log). */
sl_file *sl_file_append_private(const char *path, bool durable, sl_err *err);

/* What was written so far is on the disk when this returns. */
int sl_file_sync(sl_file *f, sl_err *err);

/* Appends; -1 with SL_STATE (a full disk, …): what was written of the piece in place is taken away again. */
int sl_file_write(sl_file *f, sl_str bytes, sl_err *err);

/* Makes it durable and puts it in place; f is freed whether that works or not (-1: the old version stays). */
int sl_file_commit(sl_file *f, sl_err *err);

/* Removes what was written; the old version stays. NULL is fine. */
void sl_file_abort(sl_file *f);

/* Opens a file for reading: a descriptor that the caller closes, and its size, -1 where it is no regular file. */
int sl_file_open(const char *path, int64_t *size_bytes, sl_err *err);

#endif
