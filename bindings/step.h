/* Named steps of protocols, where the crash specs kill a process exactly there.
 *
 *   slb_step("marked");        // does nothing outside of specs
 *
 * Where SLUICE_STEPS names a folder with the two pipes "at" and "go", the process says each step and stands still until it
 * is told to go on.
 */
#ifndef SLB_STEP_H
#define SLB_STEP_H

#include <lua.h>

/* At the step of that name. */
void slb_step(const char *name);

/* core.step(name) */
int slb_step_lua(lua_State *L);

#endif
