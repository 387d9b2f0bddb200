/* libyaml says "could not find expected ':'" where the reader of a config needs "a key without ':'". One table maps
 * its sentences to ours; what is not in the table comes through as libyaml says it. */
#include "data/yaml_fault.h"

#include <stdio.h>

typedef struct wording {
    const char *context; /* how libyaml's context begins, or NULL */
    const char *problem; /* how libyaml's problem begins */
    bool at_context;     /* the beginning of the construct is the better place to point at */
    const char *message;
    const char *hint;
} wording;

static const wording wordings[] = {
    {"while scanning an alias", "did not find expected", true, "a plain value can't begin with '*'",
     "quote it: \"* * * * *\""},
    {"while scanning an anchor", "did not find expected", true, "a plain value can't begin with '&'", "quote it"},
    {"while scanning a quoted scalar", "found unexpected", true, "the quote that opens here is never closed",
     "close it; inside '…' a quote is written ''"},
    {"while parsing a quoted scalar", "found unknown escape", false, "an unknown escape in a \"…\" text",
     "write \\\\ for a backslash, or use '…', where a backslash is only itself"},
    {"while parsing a quoted scalar", "found invalid Unicode", false, "this escape is no Unicode character",
     "write the character itself, or \\U0001F600 instead of a pair of surrogates"},
    {"while scanning a simple key", "could not find expected ':'", true, "a key without ':'",
     "write `key: value`, and check the indentation of this line and the one above"},
    {NULL, "mapping values are not allowed", false, "a ':' that is not expected here",
     "quote a text that contains ': ', and check the indentation of this line and the one above"},
    {NULL, "block sequence entries are not allowed", false, "a '-' that is not expected here",
     "begin a list on its own line, below its key"},
    {NULL, "did not find expected key", false, "a key is expected here",
     "check the indentation: the keys of one map begin in the same column; quote a text with special characters"},
    {NULL, "did not find expected '-'", false, "a list item that begins with '-' is expected here",
     "check the indentation: the items of one list begin in the same column"},
    {"while parsing a flow mapping", "did not find expected ','", true, "the '{' that opens here is not closed",
     "separate entries with ',' and close with '}'; quote texts with , { } [ ] in them"},
    {"while parsing a flow sequence", "did not find expected ','", true, "the '[' that opens here is not closed",
     "separate items with ',' and close with ']'; quote texts with , { } [ ] in them"},
    {NULL, "did not find expected node", false, "a value is expected here",
     "write one, or \"\"; a list or map that opens with [ or { must be closed"},
    {NULL, "did not find expected <document start>", false, "text after the end of the document",
     "check the indentation: what belongs to the map above begins in the same column as its keys"},
    {NULL, "found undefined tag handle", false, "tags (!…) are not read", "remove it, or quote the text"},
    {NULL, "found incompatible YAML", false, "this version of YAML is not read", "remove the %YAML line"},
    {NULL, "found a tab character", false, "a tab can't indent", "indent with spaces"},
};

/* ---- places ---- */

static bool is_break(sl_str text, size_t i) {
    return text.ptr[i] == '\n' || (text.ptr[i] == '\r' && !(i + 1 < text.len && text.ptr[i + 1] == '\n'));
}

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

sl_yaml_mark sl_yaml_mark_of(sl_str text, size_t offset) {
    sl_yaml_mark mark = {1, 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (is_break(text, i)) {
            mark.line++;
            mark.column = 1;
        } else if (!is_continuation(text.ptr[i])) {
            mark.column++;
        }
    }
    return mark;
}

/* The byte that libyaml's mark points at, or text.len at the end. */
static size_t offset_of(sl_str text, yaml_mark_t mark) {
    size_t i = 0, line = 0;
    for (; line < mark.line && i < text.len; i++) line += is_break(text, i);
    for (size_t column = 0; column < mark.column && i < text.len && text.ptr[i] != '\n'; column++)
        do i++;
        while (i < text.len && is_continuation(text.ptr[i]));
    return i;
}

/* ---- the kinds of complaints ---- */

static void explain_bytes(const yaml_parser_t *parser, sl_str text, sl_yaml_fault *fault) {
    fault->at = sl_yaml_mark_of(text, parser->problem_offset);
    int value = parser->problem_value;
    if (parser->problem && strstr(parser->problem, "control characters")) {
        snprintf(fault->message, sizeof fault->message, "a control character (U+%04X%s)", (unsigned)value,
                 value == 0 ? ", NUL" : "");
        fault->hint = "remove it, or write it as \\xNN in a \"…\" text";
    } else {
        snprintf(fault->message, sizeof fault->message, "a byte that is not UTF-8 (0x%02X)", (unsigned)value & 0xFFU);
        fault->hint = "save the file as UTF-8";
    }
}

static bool begins(const char *text, const char *start) {
    return text && strncmp(text, start, strlen(start)) == 0;
}

static const wording *find_wording(const yaml_parser_t *parser) {
    for (size_t i = 0; i < sizeof wordings / sizeof wordings[0]; i++) {
        const wording *w = &wordings[i];
        if (begins(parser->problem, w->problem) && (!w->context || begins(parser->context, w->context))) return w;
    }
    return NULL;
}

/* A character that can't begin a value: which one it is decides about the cure. */
static void explain_start(char c, sl_yaml_fault *fault) {
    if (c == '\t') {
        snprintf(fault->message, sizeof fault->message, "a tab can't indent");
        fault->hint = "indent with spaces";
    } else {
        snprintf(fault->message, sizeof fault->message, "a plain value can't begin with '%c'", c);
        fault->hint = "quote it";
    }
}

/* { password: ${NAME} } is what everyone writes first. */
static void explain_dollar(const yaml_parser_t *parser, sl_yaml_fault *fault) {
    fault->at = (sl_yaml_mark){(int)parser->problem_mark.line + 1, (int)parser->problem_mark.column};
    snprintf(fault->message, sizeof fault->message, "inside { } and [ ] a plain value can't hold a '{'");
    fault->hint = "quote it: \"${NAME}\"";
}

static void explain_syntax(const yaml_parser_t *parser, sl_str text, sl_yaml_fault *fault) {
    const wording *w = find_wording(parser);
    yaml_mark_t mark = w && w->at_context ? parser->context_mark : parser->problem_mark;
    size_t at = offset_of(text, parser->problem_mark);
    char c = at < text.len ? text.ptr[at] : '\0';
    fault->at = (sl_yaml_mark){(int)mark.line + 1, (int)mark.column + 1};
    if (begins(parser->problem, "found character that cannot start") && c) {
        explain_start(c, fault);
    } else if (w) {
        snprintf(fault->message, sizeof fault->message, "%s", w->message);
        fault->hint = w->hint;
    } else {
        snprintf(fault->message, sizeof fault->message, "%s", parser->problem ? parser->problem : "not YAML");
    }
    if (at > 0 && c == '{' && text.ptr[at - 1] == '$') explain_dollar(parser, fault);
}

void sl_yaml_explain(const yaml_parser_t *parser, sl_str text, sl_yaml_fault *fault) {
    *fault = (sl_yaml_fault){.at = {1, 1}, .message = "out of memory"};
    if (parser->error == YAML_READER_ERROR)
        explain_bytes(parser, text, fault);
    else if (parser->error == YAML_SCANNER_ERROR || parser->error == YAML_PARSER_ERROR)
        explain_syntax(parser, text, fault);
}
