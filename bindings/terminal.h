/* What `sluice.core` knows of the terminal: columns, rows, isatty, flush_output. */
#ifndef SLB_TERMINAL_H
#define SLB_TERMINAL_H

#include <lua.h>

/* Puts these functions into the table on top of the stack. [-0, +0, m] */
void slb_terminal_functions(lua_State *L);

#endif
