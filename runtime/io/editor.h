/* A line that a person edits on a terminal, as an operation: the loop goes on while they type. One reader at a time.
 *
 *   sl_editor *ed = sl_editor_open(1000, &err);            // the terminal is standard input
 *   sl_op *op = sl_editor_read_start(loop, ed, "> ", &err);
 *   …                                                       // once it is done:
 *   if (sl_editor_event_get(ed) == SL_EDITOR_LINE) use(sl_editor_text(ed, NULL));
 *   sl_editor_close(ed);
 *
 * libedit (io/libedit.h) does the editing. It reads the rest of a key's bytes and the keys of an incremental search itself, so the
 * loop stands still as long as one of these is under way.
 */
#ifndef SL_IO_EDITOR_H
#define SL_IO_EDITOR_H

#include "base/str.h"
#include "io/loop.h"

typedef struct sl_editor sl_editor;

typedef enum sl_editor_event {
    SL_EDITOR_NONE,
    SL_EDITOR_LINE,      /* Enter */
    SL_EDITOR_COMPLETE,  /* TAB, but for one that is pasted: the next read goes on with the same line */
    SL_EDITOR_INTERRUPT, /* Ctrl-C */
    SL_EDITOR_END        /* Ctrl-D on an empty line, or the terminal has gone */
} sl_editor_event;

/* Keeps so many lines of history. SL_STATE where libedit is missing or the terminal can't be used. */
sl_editor *sl_editor_open(int history, sl_err *err);

/* Gives the terminal back as it was. NULL is fine. */
void sl_editor_close(sl_editor *ed);

/* Shows the prompt (copied) and finishes when something has come; behind SL_EDITOR_COMPLETE the line goes on and the prompt is not
 * looked at. SL_USAGE while another read is under way. */
sl_op *sl_editor_read_start(sl_loop *loop, sl_editor *ed, const char *prompt, sl_err *err);

/* What the last read ended with. */
sl_editor_event sl_editor_event_get(const sl_editor *ed);

/* The line as UTF-8 without its end, and how many of its bytes stand before the cursor; borrowed, until the next call. */
sl_str sl_editor_text(sl_editor *ed, size_t *cursor);

/* Whether a read is under way. */
bool sl_editor_reads(const sl_editor *ed);

/* Behind SL_EDITOR_COMPLETE: takes so many bytes away before the cursor and puts the text there. */
void sl_editor_insert(sl_editor *ed, const char *text, size_t erase);

/* Shows text (with its line ends) while a line is edited, which is drawn again behind it. Without a line it is just written. */
void sl_editor_show(sl_editor *ed, sl_str text);

/* Throws away the keys that were typed and not read yet. What a paste has still to bring comes behind it: sl_editor_pasted_line. */
void sl_editor_forget(sl_editor *ed);

/* Behind SL_EDITOR_LINE: whether the line was ended by a paste that goes on, on a terminal that marks them. */
bool sl_editor_pasted_line(const sl_editor *ed);

/* Ends the read that is under way, as if this had come. */
void sl_editor_stop(sl_editor *ed, sl_editor_event event);

/* Adds an entry to the history, which may have line breaks; the newest again is not added twice. */
void sl_editor_add(sl_editor *ed, const char *text);

#endif
