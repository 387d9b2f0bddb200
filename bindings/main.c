/* sluice: everything the user sees is in stdlib/cli.lua. */
#include <stdio.h>

#include "bindings/vm.h"

int main(int argc, char **argv) {
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
