--- What an expression's text alone says of its value: numbers, texts, true, false, tables of such.
---
---     literal.value(node)          -- true, value; false where something must be computed
---     literal.fields(node)         -- of a Table: the entries that have a name, and whether it is certain that there are no others
local literal = {}

--- Without the parentheses around it.
---@param node sluice.check.Node
---@return sluice.check.Node
function literal.bare(node)
  while node.tag == "Paren" do node = node[1] end
  return node
end

--- The text of a String node, nil of others.
---@param node? sluice.check.Node
---@return string?
function literal.text(node)
  node = node and literal.bare(node)
  return node and node.tag == "String" and node[1] or nil
end

local scalars = {
  Nil = function() return true, nil end,
  True = function() return true, true end,
  False = function() return true, false end,
  String = function(node) return true, node[1] end,
}

function scalars.Number(node)
  local number = tonumber(node[1])
  return number ~= nil, number
end

function scalars.Op(node)
  if node[1] ~= "unm" or #node ~= 2 then return false end
  local known, number = literal.value(node[2])
  if not known or type(number) ~= "number" then return false end
  return true, -number
end

function scalars.Table(node)
  local out, n = {}, 0
  for _, entry in ipairs(node) do
    local is_pair = entry.tag == "Pair"
    local key, value = is_pair and literal.text(entry[1]), is_pair and entry[2] or entry
    if is_pair and not key then return false end
    if not is_pair then n, key = n + 1, n + 1 end
    local known, plain = literal.value(value)
    if not known then return false end
    out[key] = plain
  end
  return true, out
end

--- The value of an expression that says it itself.
---@param node sluice.check.Node
---@return boolean known
---@return any value
function literal.value(node)
  node = literal.bare(node)
  local of = scalars[node.tag]
  if not of then return false end
  return of(node)
end

local MANY = { Call = true, Invoke = true, Dots = true }

---@class sluice.check.Fields
---@field pairs table<string, sluice.check.Node> values by name
---@field keys { name: string, node: sluice.check.Node, value: sluice.check.Node }[] in the order of the text
---@field list sluice.check.Node[] values without a name
---@field numbers table<number, sluice.check.Node> [404] = …
---@field closed boolean no other names, whatever is computed
---@field whole boolean and no other values without a name

--- The entries of a Table node.
---@param node sluice.check.Node
---@return sluice.check.Fields
function literal.fields(node)
  local out = { pairs = {}, keys = {}, list = {}, numbers = {}, closed = true, whole = true }
  for i, entry in ipairs(node) do
    local name = entry.tag == "Pair" and literal.text(entry[1])
    if name then
      out.pairs[name] = entry[2]
      out.keys[#out.keys + 1] = { name = name, node = entry[1], value = entry[2] }
    elseif entry.tag == "Pair" then
      local key = literal.bare(entry[1])
      if key.tag == "Number" then out.numbers[tonumber(key[1])] = entry[2] else out.closed = false end
      out.whole = false
    else
      out.list[#out.list + 1] = entry
      if i == #node and MANY[entry.tag] then out.whole = false end
    end
  end
  return out
end

return literal
