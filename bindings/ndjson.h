/* What other bindings need of sluice.ndjson: records, chunks and lines where bytes are wanted.
 *
 *   sl_chunk *body = slb_chunk_test(L, 2);                  // NULL: it is no chunk
 *   if (body) send(sl_chunk_text(body));                    // pin it meanwhile: sl_chunk_pin
 *   else if (slb_line_put(L, 2, &buf, &err) < 0) …          // a record, a table, or the text of a line
 */
#ifndef SLB_NDJSON_H
#define SLB_NDJSON_H

#include "bindings/slb.h"
#include "data/chunk.h"

/* True for a record, or a part of one. [-0, +0, m] */
bool slb_record_test(lua_State *L, int idx);

/* Appends the text of the record at idx (it must be one): its bytes as they came, but for what was changed; no line
 * ends. [-0, +0, e] */
int slb_record_put(lua_State *L, int idx, sl_buf *out, sl_err *err);

/* Pushes a record of one JSON text, an object or an array (copied; line ends between its tokens are taken out). -1 with
 * err and nothing pushed where it is not that. [-0, +1, m] */
int slb_record_push(lua_State *L, sl_str text, sl_err *err);

/* Appends the value at idx as one line, without its end: a record, a value (slb_json_put), or a string that is the JSON
 * text itself. A bad line raises what is wrong with it. [-0, +0, e] */
int slb_line_put(lua_State *L, int idx, sl_buf *out, sl_err *err);

/* The chunk at idx, NULL where it is none. Borrowed. [-0, +0, m] */
sl_chunk *slb_chunk_test(lua_State *L, int idx);

#endif
