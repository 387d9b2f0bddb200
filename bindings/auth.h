/* Secrets as Lua has them: closed userdata that only bindings open.
 *
 *   sl_str text;
 *   if (slb_secret_test(L, 2, &text)) …                     // borrowed from the userdata at 2
 */
#ifndef SLB_AUTH_H
#define SLB_AUTH_H

#include "bindings/slb.h"

/* The text of the secret at idx; false where it is none. Borrowed. [-0, +0, m] */
bool slb_secret_test(lua_State *L, int idx, sl_str *text);

#endif
