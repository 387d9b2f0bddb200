/* sluice: everything the user sees is in stdlib/cli.lua. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bindings/vm.h"

/* A standard stream that was closed (`>&-`) would become the next file that is opened: the store, with prints in it. */
static void hold_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) return;
}

int main(int argc, char **argv) {
    hold_standard_streams();
    sl_err err;
    sl_vm *vm = sl_vm_new(&err);
    if (!vm) {
        fprintf(stderr, "sluice: %s\n", err.msg);
        return 1;
    }
    int code = sl_vm_main(vm, argc, argv);
    sl_vm_free(vm);
    return code;
}
