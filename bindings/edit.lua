---@meta sluice.edit
--- A line that a person edits on the terminal (standard input), with history and Ctrl-R, by libedit. Other tasks go on while it is
--- read, but not between the bytes of one key and while Ctrl-R searches.
---
---     local editor <close> = assert(edit.open())
---     local what, text, cursor = editor:read "> "
---     while what == "complete" do                    -- TAB: the line goes on with the next read
---       editor:insert("rces", 0)
---       what, text, cursor = editor:read "> "
---     end
---     editor:add(text)

local edit = {}

---@class sluice.Editor
local Editor = {}

--- Opens the terminal for editing. Options: `history` (entries that are kept, 1000).
---@param options? { history?: integer }
---@return sluice.Editor?
---@return sluice.Error? err `state` where libedit is missing or the terminal can't be used
function edit.open(options) end

--- Shows a prompt and waits for what comes: a line, TAB, Ctrl-C or Ctrl-D on an empty line. Behind "complete" the next read goes on
--- with the same line. A TAB in what is pasted is a character of the line. Raises `usage` where another task reads already. (waits)
---@param prompt string
---@return "line"|"complete"|"interrupt"|"eof" what
---@return string? text of a line, without its end, and of one to be completed
---@return integer? cursor bytes before it
function Editor:read(prompt) end

--- Whether a read is under way.
---@return boolean
function Editor:reads() end

--- Behind "complete": puts text at the cursor, in place of so many bytes before it.
---@param text string
---@param erase? integer default 0
function Editor:insert(text, erase) end

--- Shows text while a line is edited: below it, and the line again behind that. Where none is, it is just written.
---@param text string with its line ends
function Editor:show(text) end

--- Throws away the keys that were typed and not read yet: what was typed before a question is no answer to it. The rest of a long
--- paste may still come: `pasted` tells it.
function Editor:forget() end

--- Behind "line": whether a paste has ended it that goes on behind it. Only a terminal that marks what is pasted lets it be known.
---@return boolean
function Editor:pasted() end

--- Ends the read that is under way, as if the key had come.
---@param as "interrupt"|"eof"
function Editor:stop(as) end

--- Adds an entry to the history, which may have line breaks. The newest again is not added twice.
---@param text string
function Editor:add(text) end

--- Gives the terminal back as it was. A read that is under way gives "eof".
function Editor:close() end

return edit
