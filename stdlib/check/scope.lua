--- Which variable each name of a tree means. Afterwards every Id has `var` (nil: it is a global), every node `up`, the node
--- that it is part of.
---
---     local names = scope.resolve(tree)
---     names.globals       -- Ids that no local is behind; `node.set` where they are assigned to
---     names.calls         -- Call and Invoke nodes, in the order of the text; names.indexes, names.tables the same
---
local scope = {}

---@class sluice.check.Variable
---@field name string
---@field node sluice.check.Node where it is declared
---@field init? sluice.check.Node the value that it starts with
---@field written sluice.check.Node[] the values that it is given later (false where that is not one expression)
---@field uses sluice.check.Node[] Ids that read it
---@field fn? sluice.check.Node the function whose parameter it is
---@field index? integer and the which one
---@field opaque? boolean nothing is known of its value: loops, the further values of a call

---@class sluice.check.Names
---@field globals sluice.check.Node[]
---@field calls sluice.check.Node[]
---@field indexes sluice.check.Node[]
---@field tables sluice.check.Node[]
---@field sets sluice.check.Node[] Index nodes that are assigned to
---@field env? boolean the file makes an environment of its own (a local _ENV)

local visit, block

local function open(state) state.scope = { names = {}, outer = state.scope } end
local function close(state) state.scope = state.scope.outer end

local function lookup(state, name)
  local at = state.scope
  while at do
    if at.names[name] then return at.names[name] end
    at = at.outer
  end
end

local function declare(state, node, up, fields)
  local var = fields or {}
  var.name, var.node, var.written, var.uses = node[1], node, {}, {}
  node.var, node.up, node.declares = var, up, true
  state.scope.names[var.name] = var
  if var.name == "_ENV" then state.found.env = true end
  return var
end

local MANY = { Call = true, Invoke = true, Dots = true }

-- The value of the nth of some variables: an expression, nil (there is none), or true: the further values of a call.
local function nth(list, n)
  if not list or n <= #list then return list and list[n] end
  local last = list[#list]
  return last and MANY[last.tag] or nil
end

local function visit_all(state, list, up)
  for _, node in ipairs(list or {}) do visit(state, node, up) end
end

local function assign(state, node, value, up)
  node.set = true
  if node.tag == "Index" then
    state.found.sets[#state.found.sets + 1] = node
    return visit(state, node, up)
  end
  node.up, node.var = up, lookup(state, node[1])
  if node.var then table.insert(node.var.written, type(value) == "table" and value or false)
  else table.insert(state.found.globals, node) end
end

local handlers = {}

function handlers.Id(state, node)
  node.var = lookup(state, node[1])
  table.insert(node.var and node.var.uses or state.found.globals, node)
end

function handlers.Local(state, node)
  local names, values = node[1], node[2]
  visit_all(state, values, node)
  for i, name in ipairs(names) do
    local value = nth(values, i)
    declare(state, name, node, { init = type(value) == "table" and value or nil, opaque = value == true or nil })
  end
end

function handlers.Localrec(state, node)
  declare(state, node[1][1], node, { init = node[2][1] })
  visit(state, node[2][1], node)
end

function handlers.Set(state, node)
  visit_all(state, node[2], node)
  for i, target in ipairs(node[1]) do assign(state, target, nth(node[2], i), node) end
end

function handlers.Function(state, node)
  open(state)
  for i, param in ipairs(node[1]) do
    if param.tag == "Id" then declare(state, param, node, { fn = node, index = i }) end
  end
  visit_all(state, node[2], node)
  close(state)
end

function handlers.Fornum(state, node)
  for i = 2, #node - 1 do visit(state, node[i], node) end
  open(state)
  declare(state, node[1], node, { opaque = true })
  visit_all(state, node[#node], node)
  close(state)
end

function handlers.Forin(state, node)
  visit_all(state, node[2], node)
  open(state)
  for _, name in ipairs(node[1]) do declare(state, name, node, { opaque = true }) end
  visit_all(state, node[3], node)
  close(state)
end

function handlers.Repeat(state, node)
  open(state)
  visit_all(state, node[1], node)
  visit(state, node[2], node) -- sees the locals of the body
  close(state)
end

function handlers.While(state, node)
  visit(state, node[1], node)
  block(state, node[2], node)
end

function handlers.Do(state, node) block(state, node, node) end

function handlers.If(state, node)
  for _, part in ipairs(node) do
    if part.tag then visit(state, part, node) else block(state, part, node) end
  end
end

local function noted(kind)
  return function(state, node)
    table.insert(state.found[kind], node)
    for _, part in ipairs(node) do
      if type(part) == "table" then visit(state, part, node) end
    end
  end
end

handlers.Call, handlers.Invoke, handlers.Index, handlers.Table = noted "calls", noted "calls", noted "indexes", noted "tables"

function block(state, list, up)
  open(state)
  visit_all(state, list, up)
  close(state)
end

function visit(state, node, up)
  node.up = up
  local handler = handlers[node.tag]
  if handler then return handler(state, node) end
  for _, part in ipairs(node) do
    if type(part) == "table" then visit(state, part, node) end
  end
end

--- Calls fn(node) for each node of a tree.
---@param tree sluice.check.Tree
---@param fn fun(node: sluice.check.Node)
function scope.each(tree, fn)
  local function walk(node)
    if node.tag then fn(node) end
    for _, part in ipairs(node) do
      if type(part) == "table" then walk(part) end
    end
  end
  walk(tree.block)
end

--- Resolves the names of a tree.
---@param tree sluice.check.Tree
---@return sluice.check.Names
function scope.resolve(tree)
  local state = { found = { globals = {}, calls = {}, indexes = {}, tables = {}, sets = {} } }
  block(state, tree.block, nil)
  return state.found
end

return scope
