/* The functions of libyaml that we call, passed on: see base/library.h. */
#include "data/libyaml.h"

#include "base/library.h"

static sl_library yaml = {.file = "libyaml-0.so.2", .package = "libyaml-0-2"};

int sl_libyaml_open(sl_err *err) {
    return sl_library_open(&yaml, err);
}

SL_LIBRARY_GIVES(yaml, const char *, yaml_get_version_string, (void), ())
SL_LIBRARY_GIVES(yaml, int, yaml_parser_initialize, (yaml_parser_t *parser), (parser))
SL_LIBRARY_DOES(yaml, yaml_parser_delete, (yaml_parser_t *parser), (parser))
SL_LIBRARY_DOES(yaml, yaml_parser_set_encoding, (yaml_parser_t *parser, yaml_encoding_t encoding), (parser, encoding))
SL_LIBRARY_DOES(yaml, yaml_parser_set_input_string,
                (yaml_parser_t *parser, const unsigned char *text, size_t len), (parser, text, len))
SL_LIBRARY_GIVES(yaml, int, yaml_parser_parse, (yaml_parser_t *parser, yaml_event_t *event), (parser, event))
SL_LIBRARY_DOES(yaml, yaml_event_delete, (yaml_event_t *event), (event))
