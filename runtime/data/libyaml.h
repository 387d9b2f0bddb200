/* libyaml, opened when it is first used. In place of <yaml.h>:
 *
 *   if (sl_libyaml_open(err) < 0) return NULL;     // it is missing
 *   yaml_parser_initialize(&parser);
 */
#ifndef SL_DATA_LIBYAML_H
#define SL_DATA_LIBYAML_H

#include <yaml.h>

#include "base/err.h"

/* Before the first call of libyaml's functions: 0, or SL_STATE where the library is missing. */
int sl_libyaml_open(sl_err *err);

#endif
