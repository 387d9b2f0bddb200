--- A stream that a recipe makes once, whatever is killed on the way (`feed:own_stream{…}`). Making it is no write that can be repeated: its
--- answer may get lost, and then a second try is refused, because the name is taken. So the intent is noted first.
---
---     local stream = feed:own_stream { name = "Live products", mine = done.creating,
---       intend = function(creating) done:note { creating = creating } end }
local errors = require "sluice.err"
local task = require "sluice.task"

local own_stream = {}

local function refuse_taken_name(client, name)
  for stream in client:streams() do
    if stream.attributes.name == name then
      errors.raise { code = "usage", message = ("stream %s is called '%s' already; choose another name"):format(stream.id, name) }
    end
  end
end

-- The stream that has the name, where that is known.
local function taken_over(client, problem)
  local id = type(problem.duplicate) == "table" and problem.duplicate.id
  if not id then return nil end
  local ok, stream = pcall(client.stream, client, { stream = id })
  if not ok and not (errors.is(stream) and stream.code == "not_found") then error(stream, 0) end
  return ok and stream or nil
end

--- Makes the stream, or takes the one that an earlier run meant to make. Only a run that finds the intent of an earlier one (`mine`)
--- takes over what has the name: then it is that one's. `intend(true)` is called before it is made, and puts that on the disk;
--- `intend(false)` where the name is taken. (waits)
---@param client sluice.Client
---@param o { name: string, mine: any, intend: fun(creating: boolean) }
---@return table stream
function own_stream.own_stream(client, o)
  if not o.mine then
    refuse_taken_name(client, o.name)
    o.intend(true)
  end
  task.step "create"
  local ok, stream = pcall(client.create_stream, client, { name = o.name })
  if ok then return stream end
  if not errors.is(stream) or stream.code ~= "conflict" then error(stream, 0) end
  local found = o.mine and taken_over(client, stream)
  if found then return found end
  o.intend(false)
  errors.raise { code = "usage",
    message = ("the name '%s' is taken (a deleted stream keeps it for up to 7 days); choose another one"):format(o.name) }
end

return own_stream
