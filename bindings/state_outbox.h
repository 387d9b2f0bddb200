/* The intent of a write (sluice.state's outbox), for the call that makes it. */
#ifndef SLB_STATE_OUTBOX_H
#define SLB_STATE_OUTBOX_H

#include "bindings/slb.h"

/* The intent at idx, NULL where it is none. It lives as long as its value does. [-0, +0, -] */
void *slb_intent_test(lua_State *L, int idx);

/* To be called before each attempt of that write (sl_call_spec.before_send): notes that it may have been done from here
 * on. Where that can't be noted, nothing may be sent. */
int slb_intent_sending(void *intent, sl_err *err);

/* A box for an intent, empty. [-0, +1, m] */
void *slb_intent_box(lua_State *L);

/* The same two for a chunk of intents (bindings/state_outbox_set.c): a request that writes all of it. */
void *slb_intents_test(lua_State *L, int idx);
int slb_intents_sending(void *intents, sl_err *err);

#endif
