/* The parts of sluice.process: process.c has `run` and `find`, process_child.c what runs beside us, process_self.c what
 * concerns this process itself. */
#ifndef SL_BINDINGS_PROCESS_PARTS_H
#define SL_BINDINGS_PROCESS_PARTS_H

#include "bindings/slb.h"

#define PROCESS_ARGS_MAX 256

/* The list in the field argv of the options at 1; its strings stay the table's. `what` is for messages. [-0, +0, v] */
void process_check_argv(lua_State *L, const char *what, const char *argv[PROCESS_ARGS_MAX + 1]);

/* Adds their functions to the module on top of the stack. [-0, +0, m] */
void process_child_functions(lua_State *L);
void process_self_functions(lua_State *L);

#endif
