-- The vendors' documents as specs: their curl commands, byte for byte, against a sandbox; their answers as shapes.
--
--   fixtures/stream/*.sh, fixtures/stock2shop/*.sh, …  the commands as printed
--   fixtures/…/*.json                                  the answers as printed
local curl = require "support.curl"
local json = require "sluice.json"
local tmp = require "support.tmp"

local documents = {}

local FOLDER = "tests/support/fixtures/"

function documents.text(name) return tmp.read(FOLDER .. name) end

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
  ["platform/chapter5"] = { ["--data-raw'{"] = "--data-raw '{" },
  ["platform/update_project"] = { ["curl -d"] = "curl -X PUT -d" }, -- "you can use a PUT request as follows"
  ["platform/update_site"] = { ["curl -d"] = "curl -X PUT -d" },
  ["platform/upload"] = { ["}]'\nhttps"] = "}]' \\\nhttps" },
  ["platform/soft_delete"] = { ["}]'\nhttps"] = "}]' \\\nhttps" },
  ["platform/hard_delete"] = { ["}]'\nhttps"] = "}]' \\\nhttps" },
  ["platform/commit"] = { ["}'\nhttps"] = "}' \\\nhttps" },
  ["platform/discard"] = { ["curl https"] = "curl -X POST https" },
  ["platform/delete_products"] = { ["json' \n"] = "json' \\\n" },
  ["platform/process"] = { ["POST H"] = "POST -H" },
  ["platform/read"] = { -- the URL is broken over lines, its stage id is missing
    ["https"] = "'https", ["intermediate/\n    "] = "intermediate/0", ["27\n    "] = "27", ["5000\n    "] = "5000", ["offset=0\n    "] = "offset=0",
    ["=id\n    "] = "=id", ["=gtin\n    "] = "=gtin", ["hidden=0"] = "hidden=0'",
  },
  ["platform/properties"] = { ["properties/"] = "properties" }, -- as its own "HTTP Request" line has it
  ["platform/status"] = { ["-i "] = "" }, -- right as it is; here headers go to a file of their own
  -- and of printed answers, so that they are JSON
  ["platform/site_errors.json"] = { ['"{"FTP'] = '{"FTP', ['user"}"'] = 'user"}' },
  ["platform/status.json"] = { ["## Only available when status equals failed"] = "" },
  ["platform/chapter4.json"] = { ["<data_source_id>"] = "1", ["<site_id>"] = "123" },
}

local function corrected(name, text)
  for from, to in pairs(CORRECTIONS[name] or {}) do
    local at, stop = text:find(from, 1, true)
    assert(at, name .. " was put right already")
    text = text:sub(1, at - 1) .. to .. text:sub(stop + 1)
  end
  return text
end

-- A printed answer; the dots that stand for more are left out.
function documents.answer(name)
  local text = corrected(name .. ".json", documents.text(name .. ".json"))
  text = text:gsub("%[{%.%.%.}%]", "[]"):gsub("%[%.%.%.%]", "[]"):gsub(",%s*%.%.%.+", "")
  return assert(json.decode(text))
end

-- A printed command, put right.
function documents.command(name) return corrected(name, documents.text(name .. ".sh")) end

-- Runs a printed command. `replacements`: text = text, for hosts, placeholders and tokens. `bearer` adds the header that
-- most of the commands leave out, `header` another one.
function documents.run(name, replacements, bearer, header)
  local command = documents.command(name)
  header = header or bearer and "Authorization: Bearer " .. bearer
  if header then command = command:gsub("^%s*curl ", function() return "curl -H '" .. header .. "' " end) end
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
