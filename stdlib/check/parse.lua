--- Lua text as a tree, with places: luacheck's parser, which is built in.
---
---     local tree, reason = parse.tree(text)       -- nil, reason: a form of Lua that the parser does not know
---     parse.column(tree, node)                    -- from 1, in characters
---     tree.ignored[12]                            -- line 12 ends in `-- sluice: ignore`
---
--- A node is { tag = "Call", line =, offset =, … } with its parts as a list: Id, String, Number, Index, Call, Invoke, Op, Paren, Table
--- (of Pairs and values), Function, and the statements Local, Localrec, Set, If, Fornum, Forin, While, Repeat, Do, Return.
--- A block is a list of statements without a tag.
local parse = {}

---@class sluice.check.Node
---@field tag? string
---@field line integer
---@field offset integer characters from the start of the text
---@field up? sluice.check.Node what it is part of (set by sluice.check.scope)

---@class sluice.check.Tree
---@field block sluice.check.Node[]
---@field ignored table<integer, true> lines whose findings are passed over
---@field offsets integer[] of the lines

--- The text of a recipe as Lua reads it: without a byte order mark, and with a `#!` line left empty.
---@param text string
---@return string
function parse.source(text)
  local source = text:gsub("^\xEF\xBB\xBF", "")
  return (source:gsub("^#[^\n]*", "", 1)) -- #!/usr/bin/env sluice
end

local function ignored_lines(comments)
  local lines = {}
  for _, comment in ipairs(comments) do
    if comment.contents:find "^%s*sluice:%s*ignore%f[%W]" then lines[comment.line] = true end
  end
  return lines
end

--- The tree of a text that Lua itself takes.
---@param text string
---@return sluice.check.Tree?
---@return string? reason where the parser does not know what stands there
function parse.tree(text)
  local parser, decoder = require "luacheck.parser", require "luacheck.decoder"
  local ok, block, comments, _, _, _, offsets = pcall(parser.parse, decoder.decode(text), {}, {})
  if ok then return { block = block, ignored = ignored_lines(comments), offsets = offsets } end
  local problem = block
  if type(problem) ~= "table" or not problem.msg then error(problem, 0) end
  return nil, ("line %d: %s"):format(problem.line, problem.msg)
end

--- The column of a node.
---@param tree sluice.check.Tree
---@param node sluice.check.Node
---@return integer
function parse.column(tree, node) return node.offset - tree.offsets[node.line] + 1 end

return parse
