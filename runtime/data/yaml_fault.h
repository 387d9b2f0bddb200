/* libyaml's complaints in words that help (for data/yaml alone).
 *
 *   sl_yaml_fault fault;
 *   sl_yaml_explain(&parser, text, &fault);        // fault.message, fault.hint, fault.at
 */
#ifndef SL_DATA_YAML_FAULT_H
#define SL_DATA_YAML_FAULT_H

#include "data/libyaml.h"
#include "data/yaml.h"

typedef struct sl_yaml_fault {
    sl_yaml_mark at;
    char message[200];
    const char *hint; /* a literal, or NULL */
} sl_yaml_fault;

/* Says what is wrong and where after yaml_parser_parse() has failed on `text`. */
void sl_yaml_explain(const yaml_parser_t *parser, sl_str text, sl_yaml_fault *fault);

/* Line and column of the byte at `offset`. */
sl_yaml_mark sl_yaml_mark_of(sl_str text, size_t offset);

#endif
