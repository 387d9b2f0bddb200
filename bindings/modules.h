/* The C modules, one row each: add yours to the list in modules.c. */
#ifndef SLB_MODULES_H
#define SLB_MODULES_H

#include <lua.h>

/* Puts every C module into package.preload. [-0, +0, m] */
void slb_modules_preload(lua_State *L);

#endif
