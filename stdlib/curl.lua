--- A call as the curl command that is equal to it: method, address, headers and body are the call's own, what is secret is `***`.
--- Pure.
---
---     print(curl.command(client, row, req))     -- req: of request.prepare
local log = require "sluice.log"
local text = require "sluice.text"

local curl = {}

local MASK = "***"
local ON_THE_LINE = 100000 -- bytes of a body; the system takes no longer word of a command line

local function quote(word)
  if word:find "^[%w%-%._~/:=@,+]+$" then return word end
  return "'" .. word:gsub("'", [['\'']]) .. "'"
end

-- The credential that the row goes by, as client.lua picks it.
local function credential_of(client, row)
  local own = row.credential and client.definition.credentials[row.credential]
  if own and client.options[own.secret] ~= nil then return own end
  return client.definition.credential or { kind = "none" }
end

local kinds = {}

function kinds.bearer() return { "-H", "Authorization: Bearer " .. MASK } end
kinds.client_credentials, kinds.refresh_token = kinds.bearer, kinds.bearer
function kinds.header(c) return { "-H", ("%s: %s"):format(c.header, MASK) } end
function kinds.basic(c, client) return { "-u", ("%s:%s"):format(tostring(client.options[c.username]), MASK) } end

-- A login's token stands in the address.
local function with_token(url, c)
  local there = url:find("{token}", 1, true)
  if there then return (url:gsub("{token}", function() return MASK end)) end
  if not c.query then return url end
  return ("%s%s%s=%s"):format(url, url:find("?", 1, true) and "&" or "?", c.query, MASK)
end

--- The command. A body that a command line can't hold comes through a pipe.
---@param client sluice.Client
---@param row table the operation's row
---@param req table
---@return string
function curl.command(client, row, req)
  local c, url = credential_of(client, row), req.url
  local words = { "curl", "--compressed", "-g" }
  if req.method ~= "GET" then table.move({ "-X", req.method }, 1, 2, #words + 1, words) end
  for _, name in ipairs(text.keys(req.headers or {})) do
    table.move({ "-H", ("%s: %s"):format(name, req.headers[name]) }, 1, 2, #words + 1, words)
  end
  if not row.anonymous then
    local more = kinds[c.kind] and kinds[c.kind](c, client) or {}
    table.move(more, 1, #more, #words + 1, words)
    if c.kind == "login" then url = with_token(url, c) end
  end
  words[#words + 1] = url
  local body, before = require("sluice.request_body").of_call(req.body), ""
  if body and #body > ON_THE_LINE then
    before = ("printf %%s %s | "):format(quote(body))
    body = "@-"
  end
  if body then table.move({ "--data-binary", body }, 1, 2, #words + 1, words) end
  for i, word in ipairs(words) do words[i] = quote(word) end
  return log.mask(before .. table.concat(words, " "))
end

return curl
