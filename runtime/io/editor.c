/* libedit "unbuffered": each call of it handles one key and returns, so that the loop waits between keys. What is to be changed in
 * the line from outside is put aside and done by a key of our own (APPLY), since libedit redraws in place behind a key alone. Its
 * signals are off: Ctrl-C and Ctrl-Z come as keys, and behind them the line is as it was. */
#include "io/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/libedit.h"
#include "io/op.h"

#define APPLY "\034" /* Ctrl-\, which nobody types */
#define NUL "^@"
#define LINE_MAX_BYTES (1024 * 1024)

typedef struct read_op {
    sl_op op;
    sl_watch watch;
    sl_editor *ed;
    bool watched;
} read_op;

struct sl_editor {
    EditLine *el;
    History *past;
    FILE *out; /* our own stream on the terminal: libedit flushes it, and what is redirected gets no prompt */
    locale_t utf8;
    char *prompt;
    read_op *reading;
    sl_editor_event event;
    bool editing; /* a line is on the screen */
    bool ahead;   /* keys that were typed before it are not all taken yet */
    bool marks;   /* the terminal marks what is pasted */
    bool pasting; /* between the marks, over several lines */
    bool pasted;  /* the last line ended between them */
    bool to_end;  /* for APPLY */
    const char *insert;
    size_t erase;
    sl_buf line;
};

/* ---- keys of our own ---- */

static sl_editor *editor_of(EditLine *el) {
    void *self = NULL;
    sl_libedit_get()(el, EL_CLIENTDATA, &self);
    return self;
}

static char *prompt_of(EditLine *el) {
    return editor_of(el)->prompt;
}

static void cursor_to_end(EditLine *el) {
    const LineInfoW *line = el_wline(el);
    el_cursor(el, (int)(line->lastchar - line->cursor));
}

static bool more_keys_wait(void) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) == 1;
}

/* In what is pasted a TAB is a character. Behind its last key nothing is pasted any more, even where the mark of its end got lost. */
static unsigned char on_complete(EditLine *el, int key) {
    (void)key;
    sl_editor *ed = editor_of(el);
    ed->pasting = ed->pasting && more_keys_wait();
    if (ed->pasting) return el_insertstr(el, "\t") == 0 ? CC_REFRESH : CC_ERROR;
    ed->event = SL_EDITOR_COMPLETE;
    return CC_NORM;
}

static unsigned char on_paste(EditLine *el, int key) {
    (void)key;
    editor_of(el)->pasting = true;
    return CC_NORM;
}

static unsigned char on_pasted(EditLine *el, int key) {
    (void)key;
    editor_of(el)->pasting = false;
    return CC_NORM;
}

static void ask_for_marks(const sl_editor *ed, bool wanted) {
    if (!ed->marks) return;
    fputs(wanted ? "\033[?2004h" : "\033[?2004l", ed->out);
    fflush(ed->out);
}

static unsigned char on_interrupt(EditLine *el, int key) {
    (void)key;
    cursor_to_end(el);
    editor_of(el)->event = SL_EDITOR_INTERRUPT;
    return CC_REFRESH;
}

/* Ctrl-D: the end on an empty line, else the character under the cursor goes. */
static unsigned char on_end(EditLine *el, int key) {
    (void)key;
    const LineInfoW *line = el_wline(el);
    if (line->lastchar == line->buffer) {
        editor_of(el)->event = SL_EDITOR_END;
        return CC_NORM;
    }
    if (line->cursor == line->lastchar) return CC_NORM;
    el_cursor(el, 1);
    el_deletestr(el, 1);
    return CC_REFRESH;
}

/* What the terminal makes of a Ctrl-D that was typed ahead, while no line was edited: libedit would take it for the start of a quoted
 * key and wait for the next one. Typed now it is Ctrl-Space, which does nothing. */
static unsigned char on_nul(EditLine *el, int key) {
    return editor_of(el)->ahead ? on_end(el, key) : CC_NORM;
}

static unsigned char on_suspend(EditLine *el, int key) {
    (void)key;
    ask_for_marks(editor_of(el), false);
    sl_libedit_set()(el, EL_PREP_TERM, 0);
    kill(0, SIGTSTP);
    sl_libedit_set()(el, EL_PREP_TERM, 1);
    ask_for_marks(editor_of(el), true);
    return CC_REDISPLAY;
}

/* How many of the characters before the cursor take so many bytes. */
static int characters_before(EditLine *el, size_t bytes) {
    const LineInfoW *line = el_wline(el);
    int count = 0;
    for (const wchar_t *c = line->cursor; bytes > 0 && c > line->buffer; count++) {
        c--;
        size_t size = *c < 0x80 ? 1 : *c < 0x800 ? 2 : *c < 0x10000 ? 3 : 4;
        bytes -= size < bytes ? size : bytes;
    }
    return count;
}

static unsigned char on_apply(EditLine *el, int key) {
    (void)key;
    sl_editor *ed = editor_of(el);
    if (ed->to_end) cursor_to_end(el);
    if (ed->erase) el_deletestr(el, characters_before(el, ed->erase));
    if (ed->insert && ed->insert[0]) el_insertstr(el, ed->insert);
    return CC_REFRESH;
}

/* ---- life ---- */

static const struct {
    const char *name, *what, *key;
    unsigned char (*function)(EditLine *, int);
} own_keys[] = {
    {"sluice-complete", "what may stand here", "^I", on_complete},
    {"sluice-interrupt", "gives the line up", "^C", on_interrupt},
    {"sluice-end", "ends, or deletes a character", "^D", on_end},
    {"sluice-nul", "a Ctrl-D that was typed ahead", NUL, on_nul},
    {"sluice-suspend", "stops the process", "^Z", on_suspend},
    {"sluice-apply", "changes the line from outside", "^\\", on_apply},
    {"sluice-paste", "what is pasted begins", "\\e[200~", on_paste},
    {"sluice-pasted", "what is pasted ends", "\\e[201~", on_pasted},
};

static const char *const more_keys[][2] = {
    {"^R", "em-inc-search-prev"},          {"\\e[1;5C", "em-next-word"},   {"\\e[1;5D", "ed-prev-word"},
    {"\\e[3~", "ed-delete-next-char"}, {"\\e[1~", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"},
};

static void bind_keys(EditLine *el) {
    sl_libedit_line *set = sl_libedit_set();
    set(el, EL_EDITOR, "emacs");
    for (size_t i = 0; i < sizeof own_keys / sizeof *own_keys; i++) {
        set(el, EL_ADDFN, own_keys[i].name, own_keys[i].what, own_keys[i].function);
        set(el, EL_BIND, own_keys[i].key, own_keys[i].name, NULL);
    }
    for (size_t i = 0; i < sizeof more_keys / sizeof *more_keys; i++)
        set(el, EL_BIND, more_keys[i][0], more_keys[i][1], NULL);
    set(el, EL_SETTY, "-d", "-isig", NULL);
}

/* Standard output where it is the terminal, else standard error. */
static FILE *open_out(sl_err *err) {
    int fd = fcntl(isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        sl_fail_errno(err, "the terminal");
        if (fd >= 0) close(fd);
    }
    return out;
}

static int open_parts(sl_editor *ed, int history_size, sl_err *err) {
    HistEvent event;
    ed->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!ed->utf8) return sl_fail_errno(err, "the locale C.UTF-8");
    if (!(ed->out = open_out(err))) return -1;
    locale_t before = uselocale(ed->utf8);
    ed->el = el_init("sluice", stdin, ed->out, ed->out);
    ed->past = history_init();
    if (ed->el && ed->past) {
        sl_libedit_past()(ed->past, &event, H_SETSIZE, history_size);
        sl_libedit_past()(ed->past, &event, H_SETUNIQUE, 1);
        sl_libedit_set()(ed->el, EL_CLIENTDATA, ed);
        sl_libedit_set()(ed->el, EL_PROMPT, prompt_of);
        sl_libedit_set()(ed->el, EL_HIST, sl_libedit_past(), ed->past);
        bind_keys(ed->el);
    }
    uselocale(before);
    return ed->el && ed->past ? 0 : sl_fail(err, SL_STATE, 0, "the terminal can't be used for editing");
}

sl_editor *sl_editor_open(int history_size, sl_err *err) {
    if (!isatty(STDIN_FILENO)) return sl_fail(err, SL_STATE, 0, "standard input is no terminal"), NULL;
    if (sl_libedit_open(err) < 0) return NULL;
    sl_editor *ed = calloc(1, sizeof *ed);
    if (!ed) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    const char *term = getenv("TERM");
    ed->marks = term && strcmp(term, "dumb") != 0;
    sl_buf_init(&ed->line, LINE_MAX_BYTES);
    if (open_parts(ed, history_size, err) == 0) return ed;
    sl_editor_close(ed);
    return NULL;
}

static void leave_line(sl_editor *ed) {
    if (!ed->editing) return;
    ed->editing = false;
    ask_for_marks(ed, false);
    sl_libedit_set()(ed->el, EL_UNBUFFERED, 0);
}

void sl_editor_close(sl_editor *ed) {
    if (!ed) return;
    sl_assert(!ed->reading);
    if (ed->el) {
        leave_line(ed);
        el_end(ed->el);
    }
    if (ed->past) history_end(ed->past);
    if (ed->out) fclose(ed->out);
    if (ed->utf8) freelocale(ed->utf8);
    sl_buf_free(&ed->line);
    free(ed->prompt);
    free(ed);
}

/* ---- a line ---- */

sl_editor_event sl_editor_event_get(const sl_editor *ed) {
    return ed->event;
}

bool sl_editor_reads(const sl_editor *ed) {
    return ed->reading != NULL;
}

bool sl_editor_pasted_line(const sl_editor *ed) {
    return ed->event == SL_EDITOR_LINE && ed->pasted;
}

void sl_editor_forget(sl_editor *ed) {
    (void)ed;
    tcflush(STDIN_FILENO, TCIFLUSH); /* fails where the terminal has gone: the next read says so */
}

static void put_character(sl_buf *out, unsigned long c) {
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char head[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6) bytes[i] = (char)(0x80 | (c & 0x3F));
    bytes[0] = (char)(head[n] | c);
    sl_buf_put(out, bytes, n, NULL); /* a line longer than its ceiling is cut */
}

/* The line of the editor, kept as UTF-8; `cursor`: bytes before it. */
static size_t copy_line(sl_editor *ed) {
    const LineInfoW *line = el_wline(ed->el);
    const wchar_t *last = line->lastchar;
    size_t cursor = 0;
    if (last > line->buffer && last[-1] == L'\n') last--;
    sl_buf_clear(&ed->line);
    for (const wchar_t *c = line->buffer; c < last; c++) {
        if (c == line->cursor) cursor = sl_buf_str(&ed->line).len;
        put_character(&ed->line, (unsigned long)*c);
    }
    return line->cursor < last ? cursor : sl_buf_str(&ed->line).len;
}

sl_str sl_editor_text(sl_editor *ed, size_t *cursor) {
    size_t at = ed->editing ? copy_line(ed) : sl_buf_str(&ed->line).len;
    if (cursor) *cursor = at;
    return sl_buf_str(&ed->line);
}

/* One key, which is there or was pushed. */
static void take_key(sl_editor *ed) {
    int count = 0;
    const wchar_t *text = el_wgets(ed->el, &count);
    if (!text || count <= 0 || text[count - 1] != L'\n') return;
    ed->event = SL_EDITOR_LINE;
    ed->pasted = ed->pasting && more_keys_wait(); /* the mark of its end at least; where that got lost, a typed line counts again */
}

static int no_key(EditLine *el, wchar_t *key) {
    (void)el;
    (void)key;
    return 0;
}

/* A search that a key has ended pushes that key, which is to be done now and not with the next one. */
static void take_pushed_key(sl_editor *ed) {
    sl_libedit_set()(ed->el, EL_GETCFN, no_key);
    take_key(ed);
    sl_libedit_set()(ed->el, EL_GETCFN, EL_BUILTIN_GETCFN);
}

/* The line is over, or stands still for a completion. */
static void end_turn(sl_editor *ed) {
    if (ed->event == SL_EDITOR_COMPLETE) return;
    copy_line(ed);
    leave_line(ed);
    if (ed->event != SL_EDITOR_LINE) fputs(ed->event == SL_EDITOR_INTERRUPT ? "^C\n" : "\n", ed->out);
    fflush(ed->out);
}

static void take_keys(sl_editor *ed) {
    int waiting = 0;
    locale_t before = uselocale(ed->utf8);
    el_resize(ed->el);
    do {
        if (ioctl(STDIN_FILENO, FIONREAD, &waiting) < 0 || waiting == 0) ed->event = SL_EDITOR_END;
        else take_key(ed);
        if (ed->event == SL_EDITOR_NONE) take_pushed_key(ed);
    } while (ed->event == SL_EDITOR_NONE && more_keys_wait());
    ed->ahead = false;
    if (ed->event != SL_EDITOR_NONE) end_turn(ed);
    uselocale(before);
}

/* ---- the operation ---- */

static void unwatch(read_op *r) {
    if (r->watched) sl_loop_unwatch(r->op.loop, &r->watch);
    r->watched = false;
    if (r->ed) r->ed->reading = NULL;
    r->ed = NULL;
}

static void finish(sl_editor *ed) {
    read_op *r = ed->reading;
    unwatch(r);
    sl_op_finish(&r->op, NULL);
}

static void keys_ready(sl_watch *watch) {
    sl_editor *ed = ((read_op *)((char *)watch - offsetof(read_op, watch)))->ed;
    take_keys(ed);
    if (ed->event != SL_EDITOR_NONE) finish(ed);
}

static void read_free(sl_op *op) {
    unwatch((read_op *)op);
    sl_op_deinit(op);
    free(op);
}

static const sl_op_kind read_kind = {"edit", NULL, read_free};

static int begin_line(sl_editor *ed, const char *prompt, sl_err *err) {
    char *copy = strdup(prompt);
    if (!copy) return sl_fail(err, SL_INTERNAL, 0, "out of memory");
    free(ed->prompt);
    ed->prompt = copy;
    locale_t before = uselocale(ed->utf8);
    el_resize(ed->el);
    ask_for_marks(ed, true);
    sl_libedit_set()(ed->el, EL_UNBUFFERED, 1);
    sl_libedit_set()(ed->el, EL_BIND, NUL, "sluice-nul", NULL); /* the terminal's own keys, where it has none, went over it */
    uselocale(before);
    ed->ahead = more_keys_wait();
    ed->editing = true;
    return 0;
}

sl_op *sl_editor_read_start(sl_loop *loop, sl_editor *ed, const char *prompt, sl_err *err) {
    if (ed->reading) return sl_fail(err, SL_USAGE, 0, "a line is being read already"), NULL;
    if (!sl_loop_has_room(loop, 1)) return sl_fail(err, SL_LIMIT, 0, "too many descriptors are watched"), NULL;
    read_op *r = calloc(1, sizeof *r);
    if (!r) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    if (!ed->editing && begin_line(ed, prompt, err) < 0) return free(r), NULL;
    sl_op_init(&r->op, loop, &read_kind);
    r->ed = ed;
    r->watch = (sl_watch){.fd = STDIN_FILENO, .due_ms = INT64_MAX, .ready = keys_ready};
    sl_loop_watch(loop, &r->watch);
    r->watched = true;
    ed->reading = r;
    ed->event = SL_EDITOR_NONE;
    return &r->op;
}

void sl_editor_stop(sl_editor *ed, sl_editor_event event) {
    if (!ed->reading) return;
    ed->event = event;
    end_turn(ed);
    finish(ed);
}

/* ---- from outside ---- */

static void apply(sl_editor *ed, const char *insert, size_t erase, bool to_end) {
    sl_editor_event event = ed->event;
    ed->insert = insert;
    ed->erase = erase;
    ed->to_end = to_end;
    el_push(ed->el, APPLY);
    take_key(ed);
    ed->event = event;
    ed->insert = NULL;
}

void sl_editor_insert(sl_editor *ed, const char *text, size_t erase) {
    if (!ed->editing) return;
    locale_t before = uselocale(ed->utf8);
    apply(ed, text, erase, false);
    uselocale(before);
}

void sl_editor_show(sl_editor *ed, sl_str text) {
    locale_t before = uselocale(ed->utf8);
    if (ed->editing) {
        const LineInfoW *line = el_wline(ed->el);
        int behind = (int)(line->lastchar - line->cursor);
        apply(ed, NULL, 0, true);
        fputc('\n', ed->out);
        fwrite(text.ptr, 1, text.len, ed->out);
        el_cursor(ed->el, -behind);
        sl_libedit_set()(ed->el, EL_REFRESH);
    } else {
        fwrite(text.ptr, 1, text.len, ed->out);
    }
    fflush(ed->out);
    uselocale(before);
}

void sl_editor_add(sl_editor *ed, const char *text) {
    HistEvent event;
    sl_libedit_past()(ed->past, &event, H_ENTER, text);
}
