/* One value out of a JSON answer without decoding it: for verdicts and tokens, where the body belongs to somebody else.
 *
 *   sl_str value;
 *   switch (sl_pick(body, "system_user.token", &value, &err)) {
 *   case 1: …          // value starts at its first byte and ends with it
 *   case 0: …          // the text is JSON so far, and has no such key
 *   default: …         // err says where it is not JSON
 *   }
 *
 * The text is checked up to the end of the value that was found, not behind it.
 */
#ifndef SL_DATA_PICK_H
#define SL_DATA_PICK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The value at a path of keys with dots between. 1 found, 0 not, -1 with SL_PROTOCOL. */
int sl_pick(sl_str text, const char *path, sl_str *value, sl_err *err);

/* Whether the object has a key whose value is not null. Looks no further than the first byte of the value, so that a
 * large one costs nothing. 1 yes, 0 no, -1 with SL_PROTOCOL. */
int sl_pick_has(sl_str text, const char *key, sl_err *err);

/* Appends the content of a picked string, escapes undone; -1 with SL_PROTOCOL where the value is no string. */
int sl_pick_text(sl_str value, sl_buf *out, sl_err *err);

#endif
