--- Bodies of requests as text: what a recording keeps and a dry run shows.
local json = require "sluice.json"

local request_body = {}

--- Whether it is an ndjson chunk.
function request_body.is_chunk(value)
  local meta = type(value) == "userdata" and getmetatable(value)
  return type(meta) == "table" and meta.__name == "sluice.chunk"
end

--- The body of a client's request: text, a chunk, or pieces of which the secret ones give a mask; nil where there is none.
---@param body any
---@return string?
function request_body.of_call(body)
  if request_body.is_chunk(body) then return body:text() end
  if type(body) ~= "table" then return body end
  local parts = {}
  for i, piece in ipairs(body) do parts[i] = type(piece) == "string" and piece or '"***"' end
  return table.concat(parts)
end

--- The body of a request of sluice.http where it is at hand, and its content type; nil where there is none. One that is streamed or
--- a file's gives nil and what it is.
---@param options sluice.http.Options
---@return string? body
---@return string? kind
---@return "streamed"|"file"|nil elsewhere
function request_body.of_http(options)
  if options.json ~= nil then return assert(json.encode(options.json, { sort = true })), "application/json" end
  if options.form then return require("sluice.http_core").form(options.form), "application/x-www-form-urlencoded" end
  if options.body_file then return nil, nil, "file" end
  if type(options.body) == "string" or request_body.is_chunk(options.body) then return request_body.of_call(options.body) end
  return nil, nil, options.body ~= nil and "streamed" or nil
end

-- A piece of a stream as the bytes that go out.
local function bytes_of(piece)
  if type(piece) == "string" then return piece end
  return assert(json.encode(piece)) .. "\n"
end

--- Options whose streamed body is kept on its way: `kept()` gives its text once it was sent.
---@param options sluice.http.Options
---@param pieces fun(): any
---@return sluice.http.Options options
---@return fun(): string kept
function request_body.tee(options, pieces)
  local parts, copy = {}, {}
  for name, value in pairs(options) do copy[name] = value end
  copy.body = function()
    local piece = pieces()
    if piece ~= nil then parts[#parts + 1] = bytes_of(piece) end
    return piece
  end
  return copy, function() return table.concat(parts) end
end

--- All of a streamed body.
---@param pieces fun(): any
---@return string
function request_body.drain(pieces)
  local parts = {}
  for piece in pieces do parts[#parts + 1] = bytes_of(piece) end
  return table.concat(parts)
end

--- The text of a file that is sent.
---@param path string
---@return string
function request_body.of_file(path)
  local file, problem = io.open(path, "rb")
  if not file then require("sluice.err").raise { code = "state", message = tostring(problem) } end
  local text = file:read "a"
  file:close()
  return text
end

return request_body
