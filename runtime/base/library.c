/* Private to us (RTLD_LOCAL), yet one copy of each: a library that two others need is loaded once by its name. */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* It is missing, or something that it needs; or it is there and damaged, or there is no memory to map it. */
static int fail_open(const sl_library *library, const char *why, sl_err *err) {
    sl_fail(err, SL_STATE, 0, "a library can't be opened: %s", why);
    if (strstr(why, strerror(ENOENT))) return sl_hint(err, "apt install %s", library->package);
    return sl_hint(err, "apt install --reinstall %s; where memory is what it lacks, raise this process's limit", library->package);
}

/* Two threads at once get the same handle, so there is nothing to lock. */
int sl_library_open(sl_library *library, sl_err *err) {
    if (atomic_load_explicit(&library->handle, memory_order_acquire)) return 0;
    void *handle = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
    if (!handle) return fail_open(library, dlerror(), err);
    atomic_store_explicit(&library->handle, handle, memory_order_release);
    return 0;
}

SL_NORETURN static void give_up(const sl_library *library, const char *name, const char *why) {
    fprintf(stderr, "sluice: %s is needed of %s: %s\n  hint: apt install %s\n", name, library->file, why, library->package);
    exit(1);
}

sl_function sl_library_find(sl_library *library, const char *name, _Atomic(sl_function) *kept) {
    sl_err err;
    if (sl_library_open(library, &err) < 0) give_up(library, name, err.msg);
    void *found = dlsym(library->handle, name);
    sl_function function;
    if (!found) give_up(library, name, "it is older than the one that sluice was built for");
    memcpy(&function, &found, sizeof function); /* C has no cast from an object to a function */
    atomic_store_explicit(kept, function, memory_order_release);
    return function;
}
