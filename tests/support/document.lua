-- What a client sends beside what a document's curl command sends: both go to the same server, and must be the same in
-- method, target, the headers that the command sets, and body (as JSON value, or as bytes).
local curl = require "support.curl"
local json = require "sluice.json"
local luassert = require "luassert"

local document = {}

local function value_of(body)
  local value = json.decode(body)
  return value == nil and body or value
end

-- A target with its parameters in the order of their names: no document says that their order means something.
local function sorted(target)
  local path, query = target:match "^([^?]*)%??(.*)$"
  local parts = {}
  for part in query:gmatch "[^&]+" do parts[#parts + 1] = part end
  table.sort(parts)
  return path .. "?" .. table.concat(parts, "&")
end

local function compare(ours, theirs, command, bytes)
  luassert.equal(theirs.method, ours.method)
  luassert.equal(sorted(theirs.target), sorted(ours.target))
  for _, name in ipairs { "content-type", "accept", "authorization" } do
    if command:lower():find(name .. ":", 1, true) then luassert.equal(theirs.headers[name], ours.headers[name], name) end
  end
  if bytes then luassert.equal(theirs.body, ours.body)
  else luassert.same(value_of(theirs.body), value_of(ours.body)) end
end

--- `api`: a scripted server. `command`: as the document has it. `replacements`: text -> text in it (the host, tokens).
--- `send`: calls the client. `bytes`: the bodies must be the same byte for byte.
function document.same(api, command, replacements, send, bytes)
  local done = curl.document(command, replacements)
  luassert.equal(0, done.code, done.err)
  local theirs = api.requests[#api.requests]
  send()
  compare(api.requests[#api.requests], theirs, command, bytes)
end

return document
