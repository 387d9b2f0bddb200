/* The text: lines, comments, the zone, macros. The fields are cron_field's. */
#include <stdio.h>
#include <stdlib.h>

#include "data/utf8.h"
#include "policy/cron_field.h"
#include "policy/cron_part.h"

#define BLANKS " \t"
#define FIELDS "a line is: minute hour day-of-month month weekday"

typedef struct parser {
    const sl_cron_options *options;
    sl_cron *cron;
    size_t cap;
    bool zone_given;
    const char *line; /* start of the line being read */
    int number;       /* of that line */
    sl_cron_place *place;
    sl_err *err;
} parser;

/* ---- what is wrong ---- */

static void mark(parser *p, const char *at) {
    int column = 1;
    for (const char *c = p->line; c < at; c++) column += (*c & 0xc0) != 0x80;
    *p->place = (sl_cron_place){p->number, column};
}

#define FAIL(p, at, ...) (mark(p, at), sl_fail((p)->err, SL_CONFIG, 0, __VA_ARGS__))

/* Counts lines up to a place in the whole text. */
static void find_line(parser *p, sl_str text, size_t at) {
    p->line = text.ptr;
    p->number = 1;
    for (size_t i = 0; i < at; i++) {
        if (text.ptr[i] != '\n') continue;
        p->line = text.ptr + i + 1;
        p->number++;
    }
}

/* ---- characters ---- */

/* Control characters, those of U+0080 to U+009F too; a CR only before a LF. */
static bool is_control(sl_str text, size_t i) {
    unsigned char c = (unsigned char)text.ptr[i];
    if (c == '\r') return i + 1 == text.len || text.ptr[i + 1] != '\n';
    if (c == 0xc2) return i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

static int refuse_control(parser *p, sl_str text, size_t at) {
    unsigned char c = (unsigned char)text.ptr[at];
    find_line(p, text, at);
    if (c == '\r')
        FAIL(p, text.ptr + at, "a carriage return without a line feed");
    else
        FAIL(p, text.ptr + at, "a control character (U+%04X)", c == 0xc2 ? (unsigned char)text.ptr[at + 1] : c);
    return sl_hint(p->err, "lines end with LF or CRLF, and a text has no control characters but tabs");
}

static int check_characters(parser *p, sl_str text) {
    ptrdiff_t bad = sl_utf8_check(text);
    size_t good = bad < 0 ? text.len : (size_t)bad;
    for (size_t i = 0; i < good; i++)
        if (is_control(text, i)) return refuse_control(p, text, i);
    if (bad < 0) return 0;
    find_line(p, text, good);
    FAIL(p, text.ptr + bad, "this is not UTF-8");
    return sl_hint(p->err, "save the text as UTF-8");
}

/* ---- words ---- */

/* Takes the next word of the line; empty at its end and before a comment. */
static sl_str take_word(sl_str *line) {
    size_t from = 0;
    while (from < line->len && strchr(BLANKS, line->ptr[from])) from++;
    size_t to = from;
    if (from < line->len && line->ptr[from] != '#')
        while (to < line->len && !strchr(BLANKS, line->ptr[to])) to++;
    sl_str word = sl_str_make(line->ptr + from, to - from);
    *line = sl_str_make(line->ptr + to, line->len - to);
    return word;
}

/* A # that begins no comment must not cut a field off in silence. */
static int check_hash(parser *p, sl_str word) {
    const char *hash = memchr(word.ptr, '#', word.len);
    if (!hash) return 0;
    FAIL(p, hash, "a '#' inside of '%.*s'", (int)(word.len < 40 ? word.len : 40), word.ptr);
    return sl_hint(p->err, "a comment begins after a blank; 5#2 (the second Friday) has no form here");
}

/* ---- the zone ---- */

static int set_zone(parser *p, sl_str name, const char *at) {
    sl_zone *zone = p->options->find_zone(p->options->self, name, p->err);
    if (!zone) {
        mark(p, at);
        if (p->err && p->err->code != SL_INTERNAL && p->err->code != SL_STATE) p->err->code = SL_CONFIG;
        return -1;
    }
    sl_zone_free(p->cron->zone);
    p->cron->zone = zone;
    return 0;
}

static int zone_line(parser *p, sl_str word, sl_str rest) {
    if (check_hash(p, word) < 0) return -1;
    if (p->cron->count > 0 || p->zone_given) {
        FAIL(p, word.ptr, p->zone_given ? "a second TZ= line" : "TZ= behind a line that runs");
        return sl_hint(p->err, "one zone holds for the whole text and stands on its first line");
    }
    p->zone_given = true;
    sl_str more = take_word(&rest);
    if (more.len > 0) {
        FAIL(p, more.ptr, "the zone's line has nothing else on it");
        return sl_hint(p->err, "put '%.*s' on the next line", (int)(more.len < 40 ? more.len : 40), more.ptr);
    }
    return set_zone(p, sl_str_make(word.ptr + 3, word.len - 3), word.ptr + 3);
}

/* NAME=value that is not TZ=, and what looks like it. */
static int refuse_setting(parser *p, sl_str word) {
    FAIL(p, word.ptr, "'%.*s' sets something that is not known here", (int)(word.len < 40 ? word.len : 40), word.ptr);
    return sl_hint(p->err, "TZ=Area/City, in capitals and without blanks, is the only setting");
}

/* ---- lines ---- */

static int add_line(parser *p, const sl_cron_line *line) {
    if (p->cron->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 1;
        sl_cron *grown = realloc(p->cron, sizeof *grown + cap * sizeof grown->lines[0]);
        if (!grown) return sl_fail(p->err, SL_INTERNAL, 0, "out of memory for a schedule");
        p->cron = grown;
        p->cap = cap;
    }
    p->cron->lines[p->cron->count++] = *line;
    return 0;
}

static int macro_line(parser *p, sl_str word, sl_str rest) {
    static const char *const names[] = {"@yearly", "@annually", "@monthly", "@weekly",
                                        "@daily",  "@midnight", "@hourly"};
    static const sl_cron_line yearly = {1, 1, 1u << 1, 1u << 1, 0x7f, SL_CRON_BOTH_DAYS};
    char text[24];
    sl_cron_line line = yearly;
    size_t i = 0, count = sizeof names / sizeof names[0];
    while (i < count && !sl_str_eq(word, sl_str_of(names[i]))) i++;
    if (i == count) {
        snprintf(text, sizeof text, "%.*s", (int)word.len, word.ptr);
        const char *near = sl_str_nearest(text, names, count);
        FAIL(p, word.ptr, "there is no '%s'", text);
        if (near) return sl_hint(p->err, "did you mean %s?", near);
        return sl_hint(p->err, "@yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly are known");
    }
    sl_str more = take_word(&rest);
    if (more.len > 0) {
        FAIL(p, more.ptr, "nothing stands behind %s but a comment", names[i]);
        return sl_hint(p->err, "put it on a line of its own");
    }
    if (i >= 2) line.months = 0x1ffe;
    if (i >= 3) line.days = 0xfffffffe;
    if (i == 3) line.weekdays = 1;
    if (i == 6) line.hours = 0xffffff, line.flags |= SL_CRON_WILD;
    return add_line(p, &line);
}

/* Whether a month has a day of the line; each day of a month falls on each weekday some year. */
static bool possible(const sl_cron_line *line) {
    static const int longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!(line->flags & SL_CRON_BOTH_DAYS)) return true;
    for (int month = 1; month <= 12; month++)
        if (line->months >> month & 1 && line->days & (uint32_t)((2ull << longest[month]) - 2)) return true;
    return false;
}

static int wrong_count(parser *p, const char *at, int count) {
    if (count < 5)
        FAIL(p, at, "the line has %d field%s, not 5: the %s is missing", count, count == 1 ? "" : "s",
             sl_cron_unit_name((sl_cron_unit)count));
    else
        FAIL(p, at, "the line has more than 5 fields");
    return sl_hint(p->err, FIELDS "%s",
                   count < 5 ? "" : "; no seconds, years or commands, and a comment begins with #");
}

static int read_fields(parser *p, sl_cron_field fields[5], sl_str word, sl_str rest) {
    for (int i = 0; i < 5; i++) {
        if (word.len == 0) return wrong_count(p, word.ptr, i);
        if (check_hash(p, word) < 0) return -1;
        fields[i] = (sl_cron_field){.unit = (sl_cron_unit)i, .text = word, .name = p->options->name};
        word = take_word(&rest);
    }
    if (word.len > 0) return wrong_count(p, word.ptr, 6);
    for (int i = 0; i < 5; i++) {
        if (sl_cron_field_read(&fields[i], p->err) == 0) continue;
        mark(p, fields[i].wrong);
        return -1;
    }
    return 0;
}

static int cron_line(parser *p, sl_str word, sl_str rest) {
    sl_cron_field f[5];
    if (read_fields(p, f, word, rest) < 0) return -1;
    sl_cron_line line = {.minutes = f[SL_CRON_MINUTE].allowed,
                         .hours = (uint32_t)f[SL_CRON_HOUR].allowed,
                         .days = (uint32_t)f[SL_CRON_DAY].allowed,
                         .months = (uint16_t)f[SL_CRON_MONTH].allowed,
                         .weekdays = (uint8_t)f[SL_CRON_WEEKDAY].allowed};
    if (f[SL_CRON_MINUTE].star || f[SL_CRON_HOUR].star) line.flags |= SL_CRON_WILD;
    if (f[SL_CRON_DAY].star || f[SL_CRON_WEEKDAY].star) line.flags |= SL_CRON_BOTH_DAYS;
    if (possible(&line)) return add_line(p, &line);
    FAIL(p, f[SL_CRON_DAY].text.ptr, "this line can never run: none of its months has such a day");
    return sl_hint(p->err, "February has 29 days at most, April, June, September and November have 30");
}

static int read_line(parser *p, sl_str line) {
    sl_str rest = line, word = take_word(&rest);
    if (word.len == 0) return 0;
    if (sl_str_starts(word, SL_STR("TZ="))) return zone_line(p, word, rest);
    if (word.ptr[0] == '@') return check_hash(p, word) < 0 ? -1 : macro_line(p, word, rest);
    if (memchr(word.ptr, '=', word.len) || sl_str_ieq(word, SL_STR("TZ"))) return refuse_setting(p, word);
    return cron_line(p, word, rest);
}

static int read_lines(parser *p, sl_str text) {
    p->number = 0;
    for (size_t from = 0; from < text.len;) {
        const char *end = memchr(text.ptr + from, '\n', text.len - from);
        size_t len = end ? (size_t)(end - text.ptr) - from : text.len - from;
        p->line = text.ptr + from;
        p->number++;
        from += len + 1;
        if (end && len > 0 && p->line[len - 1] == '\r') len--;
        if (read_line(p, sl_str_make(p->line, len)) < 0) return -1;
    }
    return 0;
}

static int read_text(parser *p, sl_str text) {
    p->line = text.ptr;
    p->number = 1;
    if (text.len > SL_CRON_TEXT_MAX) {
        FAIL(p, text.ptr, "the text has %zu bytes", text.len);
        return sl_hint(p->err, "%d bytes at most", SL_CRON_TEXT_MAX);
    }
    if (sl_str_starts(text, SL_STR("\xEF\xBB\xBF"))) text = sl_str_make(text.ptr + 3, text.len - 3);
    if (check_characters(p, text) < 0 || read_lines(p, text) < 0) return -1;
    return p->zone_given ? 0 : set_zone(p, p->options->zone, p->line);
}

sl_cron *sl_cron_parse(sl_str text, const sl_cron_options *options, sl_cron_place *place, sl_err *err) {
    parser p = {.options = options, .cron = calloc(1, sizeof *p.cron), .place = place, .err = err};
    *place = (sl_cron_place){1, 1};
    if (!p.cron) {
        sl_fail(err, SL_INTERNAL, 0, "out of memory for a schedule");
        return NULL;
    }
    if (read_text(&p, text) == 0) return p.cron;
    sl_cron_free(p.cron);
    return NULL;
}
