--- Writes by plain HTTP that do not say whether they may be repeated. An operation says it in its row; a PUT or DELETE may be
--- repeated by what it is; of a POST or PATCH nobody but its writer knows.
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"

local writes = {}

local REPEATED = { GET = true, HEAD = true, OPTIONS = true, PUT = true, DELETE = true, TRACE = true }
local HINT = "say repeatable = true where the same request twice does no harm, else repeatable = false"

local function complain(file, node, what) file.report(node, HINT, "%s writes, and does not say whether it may be repeated", what) end

-- Whether the table certainly says nothing about it.
local function silent(node)
  if not node or node.tag == "Nil" then return true end
  local fields = literal.bare(node).tag == "Table" and literal.fields(literal.bare(node))
  return fields and fields.closed and not fields.pairs.repeatable or false
end

local MANY = { Call = true, Invoke = true, Dots = true }

-- http.post(url, options); what computes several values at once may have the options.
local function check_function(file, call, key)
  local last = call[#call]
  if #call == 2 and MANY[last.tag] then return end
  if silent(call[3]) then complain(file, call[1][2], "http." .. key) end
end

local function check_request(file, call)
  local node = call[2] and literal.bare(call[2])
  local fields = node and node.tag == "Table" and literal.fields(node)
  local method = fields and literal.text(fields.pairs.method)
  if method and not REPEATED[method:upper()] and silent(node) then complain(file, call[1][2], "http.request with " .. method) end
end

-- A client may have it among its defaults.
local function check_client(file, call, key)
  local client = literal.bare(call[1])
  local made = client.tag == "Id" and client.var and #client.var.written == 0 and client.var.init
  if not made or made.tag ~= "Call" or not silent(made[2]) or (#call == 3 and MANY[call[3].tag]) then return end
  if silent(call[4]) then complain(file, call[2], "http." .. key) end
end

function writes.check(file)
  for _, call in ipairs(file.names.calls) do
    local base = meaning.of(file, call[1])
    local key = base and (base.key or call[2] and call[2][1])
    if base and base.kind == "member" and base.module == "sluice.http" and call[1].tag == "Index" then
      if key == "post" or key == "patch" then check_function(file, call, key) end
      if key == "request" then check_request(file, call) end
    elseif base and call.tag == "Invoke" and base.kind == "object" and base.class == "sluice.http.Client" then
      if key == "post" or key == "patch" then check_client(file, call, key) end
    end
  end
end

return writes
