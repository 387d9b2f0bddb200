/* The Lua state and its tasks, as main sees them. Nothing of Lua shows here.
 *
 *   sl_vm *vm = sl_vm_new(&err);
 *   int code = sl_vm_main(vm, argc, argv);     // runs stdlib/cli.lua as the main task, and the loop until it ends
 *   sl_vm_free(vm);
 */
#ifndef SL_BINDINGS_VM_H
#define SL_BINDINGS_VM_H

#include "base/err.h"

typedef struct sl_vm sl_vm;

/* A state with the standard libraries, the C modules in package.preload and the embedded stdlib. */
sl_vm *sl_vm_new(sl_err *err);

/* Stops the tasks, cancels their operations, closes the state, frees the loop, in that order. */
void sl_vm_free(sl_vm *vm);

/* Runs `require "sluice.cli"`.main(argv…) as the main task and returns the exit code. */
int sl_vm_main(sl_vm *vm, int argc, char **argv);

#endif
