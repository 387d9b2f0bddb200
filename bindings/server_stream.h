/* The stream of sluice.server, for bindings/server.c. */
#ifndef SLB_SERVER_STREAM_H
#define SLB_SERVER_STREAM_H

#include <lua.h>

#define SLB_STREAM "sluice.stream"

/* Makes the metatable of a box that holds an sl_stream. [-0, +0, m] */
void slb_stream_type(lua_State *L);

#endif
