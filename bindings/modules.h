/* The C modules, one row each: add yours to the list in modules.c. */
#ifndef SLB_MODULES_H
#define SLB_MODULES_H

#include <lua.h>

/* Puts every C module, every embedded Lua file and sluice.core into package.preload. [-0, +0, m] */
void slb_modules_preload(lua_State *L, lua_CFunction open_core);

/* The Lua function core.annotations. */
int slb_annotations(lua_State *L);

/* core.file(name) -> text or nil: a file of stdlib/ that is not Lua ("page/page.css"). [-0, +1, m] */
int slb_embedded_file(lua_State *L);

/* core.source(module) -> text or nil: the text of an embedded Lua module ("sluice.recipe"). [-0, +1, m] */
int slb_embedded_source(lua_State *L);

#endif
