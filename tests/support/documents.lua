-- The vendors' documents as specs: their curl commands, byte for byte, against a sandbox; their answers as shapes.
--
--   fixtures/stream/*.sh, fixtures/stock2shop/*.sh     the commands as printed
--   fixtures/…/*.json                                  the answers as printed
local curl = require "support.curl"
local json = require "sluice.json"
local tmp = require "support.tmp"

local documents = {}

local FOLDER = "tests/support/fixtures/"

function documents.text(name) return tmp.read(FOLDER .. name) end

function documents.answer(name) return assert(json.decode(documents.text(name .. ".json"))) end

-- Where a printed command can't work in a shell, what has to be put right; each place is a mistake of the document.
local CORRECTIONS = {
  ["stream/delete_many"] = { ["' \\ \n"] = "' \\\n" }, -- a blank behind the backslash ends the command
  ["stream/upload5"] = { ["<<EOF [\n"] = "<<EOF\n[\n" }, -- the bracket belongs to the body
  ["stock2shop/sources"] = { ["json$token"] = "json\\&token" },
  ["stock2shop/channels"] = { ["json$token"] = "json\\&token" },
  -- an ampersand outside quotes ends a shell's command
  ["stock2shop/post_order"] = { ["456&channel"] = "456\\&channel", ["123&token"] = "123\\&token" },
  ["stock2shop/queue_products"] = { ["xxx&source"] = "xxx\\&source" },
  ["stock2shop/queue_products_all"] = { ["xxx&source"] = "xxx\\&source" },
}

-- Runs a printed command. `replacements`: text = text, for hosts, placeholders and tokens. `bearer` adds the header that
-- most of the commands leave out.
function documents.run(name, replacements, bearer)
  local command = documents.text(name .. ".sh")
  for from, to in pairs(CORRECTIONS[name] or {}) do
    local at, stop = command:find(from, 1, true)
    assert(at, name .. " was put right already")
    command = command:sub(1, at - 1) .. to .. command:sub(stop + 1)
  end
  if bearer then command = command:gsub("^curl ", function() return "curl -H 'Authorization: Bearer " .. bearer .. "' " end) end
  local answer = curl.document(command, replacements)
  assert(answer.code == 0, name .. ": " .. answer.err)
  answer.value = answer.body ~= "" and assert(json.decode(answer.body)) or nil
  return answer
end

local function kind(value)
  if value == json.null then return "null" end
  if type(value) ~= "table" then return type(value) end
  return json.isarray(value) and "array" or "object"
end

-- Compares the shape of an answer with the documents': same members, same types, every element of a list like the one
-- printed in its place, or the first. An empty list printed says nothing of its elements. `nullable`: members that may be null here.
-- Gives nil, or what differs.
function documents.differs(expected, actual, nullable, path)
  path = path or "answer"
  local want, got = kind(expected), kind(actual)
  if want ~= got then return ("%s is %s, printed as %s"):format(path, got, want) end
  if want == "array" then
    for i, one in ipairs(actual) do
      local difference = expected[1] ~= nil and documents.differs(expected[i] or expected[1], one, nullable, ("%s[%d]"):format(path, i))
      if difference then return difference end
    end
  elseif want == "object" then
    for name in pairs(actual) do
      if expected[name] == nil then return ("%s.%s is not printed"):format(path, name) end
    end
    for name, value in pairs(expected) do
      local mine = actual[name]
      if mine == nil then return ("%s.%s is missing"):format(path, name) end
      local difference = not (nullable and nullable[name] and mine == json.null)
        and documents.differs(value, mine, nullable, path .. "." .. name)
      if difference then return difference end
    end
  end
end

return documents
