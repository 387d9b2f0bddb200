/* Helpers shared by the bindings. Each prototype is followed by Lua's stack effect: [-popped, +pushed, raises].
 *
 * The shape of a waiting binding: check, box, start, wait.
 *
 *   static int push_sleep(lua_State *L, sl_op *op) {                  // the answer: called once the op is done
 *       (void)op;
 *       lua_pushboolean(L, 1);
 *       return 1;
 *   }
 *   static int l_sleep(lua_State *L) {                                // sleep(seconds) -> true     (waits)
 *       lua_Number s = luaL_checknumber(L, 1);
 *       slb_check_task(L, "task.sleep");                              // misuse raises before anything starts
 *       sl_op **box = slb_op_box(L);                                  // slot first, resource second
 *       sl_err err;
 *       *box = sl_sleep_start(slb_loop(L), (int64_t)(s * 1000), &err);
 *       if (!*box) return slb_fail(L, &err);
 *       return slb_wait(L, push_sleep);                               // the box is on top of the stack
 *   }
 */
#ifndef SLB_H
#define SLB_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

/* ---- errors ---- */

/* Pushes nil and the error value: "the world failed". Returns 2. [-0, +2, m] */
int slb_fail(lua_State *L, const sl_err *err);

/* Raises the error value. [-0, +0, e] */
SL_NORETURN void slb_raise(lua_State *L, const sl_err *err);

/* Raises a usage error, "the caller is wrong". [-0, +0, e] */
SL_NORETURN void slb_usage(lua_State *L, const char *fmt, ...) SL_PRINTF(2, 3);

/* Pushes the one Lua error value: a table with code, message, status, api, operation, body, retryable, retry_after,
 * hint, and the metatable "sluice.error". [-0, +1, m] */
void slb_push_error(lua_State *L, const sl_err *err);

/* Makes the metatable of the error value (bindings/err.c); once, when the state is made. [-0, +0, m] */
void slb_error_type(lua_State *L);

/* The error value (or any other value, as internal error with its text) at idx as an sl_err. [-0, +0, m] */
void slb_to_error(lua_State *L, int idx, sl_err *err);

/* ---- userdata ---- */

/* Makes a metatable `name` with metamethods `meta`, __index = methods, __name = name. Idempotent. [-0, +0, m] */
void slb_type(lua_State *L, const char *name, const luaL_Reg *meta, const luaL_Reg *methods);

/* A userdata that holds one pointer, NULL at first, with that metatable: `T **box = slb_box(L, "sluice.t")`. [-0, +1, m] */
void *slb_box(lua_State *L, const char *name);

/* The pointer in the box at arg; raises when it is another type, or "… is closed" when it is NULL. [-0, +0, v] */
void *slb_unbox(lua_State *L, int arg, const char *name);

/* ---- options: one table of named values ---- */

/* Raises for a key of the table at idx that is not in `known` (NULL-terminated), naming the nearest. nil is fine. [-0, +0, v] */
void slb_check_options(lua_State *L, int idx, const char *what, const char *const *known);

/* Fields of the options table at idx (which may be nil or absent); the default where the field is nil; a usage error
 * "<what>: <key> must be …" where its type is wrong. Seconds in Lua become milliseconds. Strings are borrowed from the
 * table. [-0, +0, v] */
const char *slb_opt_string(lua_State *L, int idx, const char *key, const char *def);
sl_str slb_opt_str(lua_State *L, int idx, const char *key, sl_str def);
int64_t slb_opt_int(lua_State *L, int idx, const char *key, int64_t def);
int64_t slb_opt_ms(lua_State *L, int idx, const char *key, int64_t def_ms);
double slb_opt_number(lua_State *L, int idx, const char *key, double def);
bool slb_opt_bool(lua_State *L, int idx, const char *key, bool def);

/* ---- fields of the table on top of the stack ---- */

/* A text (NULL leaves the field out), a whole number, milliseconds as seconds; slb_set_time leaves a time of 0 ("not yet")
 * out. [-0, +0, m] */
void slb_set_text(lua_State *L, const char *key, const char *text);
void slb_set_int(lua_State *L, const char *key, int64_t n);
void slb_set_seconds(lua_State *L, const char *key, int64_t ms);
void slb_set_time(lua_State *L, const char *key, int64_t ms);

/* ---- waiting ---- */

/* The runtime's loop. */
sl_loop *slb_loop(lua_State *L);

/* Raises, naming the place, where Lua can't yield here (sort comparator, gsub, require, __gc). [-0, +0, v] */
void slb_check_task(lua_State *L, const char *what);

/* A box for an operation; its collection frees (and so cancels) the operation. [-0, +1, m] */
sl_op **slb_op_box(lua_State *L);

/* Called once the operation has finished (also with an error: see sl_op_error); pushes results, returns their number.
 * The operation is freed with its box afterwards. */
typedef int (*slb_push)(lua_State *L, sl_op *op);

/* Waits for the operation in the box on top of the stack, then returns what `push` pushes. The last thing that a
 * binding does: `return slb_wait(L, push);`. What the binding has on the stack below the box stays there for push. */
int slb_wait(lua_State *L, slb_push push);

/* A ready push: nil, err where the operation failed, else true. */
int slb_push_true(lua_State *L, sl_op *op);

/* The same waiting without an operation of the loop: until slb_wake(task) (channels, joins). A wake-up that comes before
 * the park makes it return at once, so a caller looks at its condition in a loop. Returns no values. */
int slb_park(lua_State *L);
void slb_wake(lua_State *L, uint64_t task);
uint64_t slb_task(lua_State *L);

/* ---- values as JSON, wherever bytes are wanted ---- */

/* Appends the JSON text of the value at idx: a record as it stands, a table or scalar encoded, json.null as null.
 * (bindings/json.c; records by bindings/ndjson.c.) -1 with err: not representable, ceiling. [-0, +0, m] */
int slb_json_put(lua_State *L, int idx, sl_buf *out, sl_err *err);

/* Pushes the decoded value of one JSON text. -1 with err and nothing pushed. (bindings/json.c) [-0, +1, m] */
int slb_json_push(lua_State *L, sl_str text, sl_err *err);

#endif
