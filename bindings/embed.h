/* The files in the binary, made by stdlib/embed.sh. The list ends with a row of zeros. */
#ifndef SL_BINDINGS_EMBED_H
#define SL_BINDINGS_EMBED_H

#include <stddef.h>

typedef struct sl_embedded {
    const char *module; /* "sluice.feed", or "annotations:http" and "file:page/page.css" for what is data */
    const char *chunk;  /* "@stdlib/feed.lua" */
    const char *bytes;
    size_t len;
    const char *code; /* a module, compiled by the Lua it is built with; NULL for data */
    size_t code_len;
} sl_embedded;

extern const sl_embedded sl_embedded_files[];

#endif
