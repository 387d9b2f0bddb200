/* What a plain scalar of YAML means (for data/yaml alone).
 *
 *   node->text = SL_STR("0x1F");          // terminated
 *   sl_yaml_resolve(node);                // kind SL_YAML_INTEGER, as.integer 31
 */
#ifndef SL_DATA_YAML_SCALAR_H
#define SL_DATA_YAML_SCALAR_H

#include "data/yaml.h"

/* Sets kind, value, reason and cure of a plain scalar from its text, by the core schema of YAML 1.2. */
void sl_yaml_resolve(sl_yaml_node *node);

#endif
