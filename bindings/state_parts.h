/* What the files of sluice.state share; nobody else includes it. */
#ifndef SLB_STATE_PARTS_H
#define SLB_STATE_PARTS_H

#include "bindings/slb.h"

#define STATE_STORE "sluice.store"

/* Adds the store's sent_… methods to the table on top of the stack. [-0, +0, m] */
void state_sent_methods(lua_State *L);

/* The same for its outbox_… methods; makes the type of intents. [-0, +0, m] */
void state_outbox_methods(lua_State *L);

/* Adds the store's methods of state_look.c to the table on top of the stack. [-0, +0, m] */
void state_look_methods(lua_State *L);

/* state.look(path) -> { schema =, known = } */
int state_look(lua_State *L);

#endif
