-- Random JSON documents and random damage to them, from a seed.
local fuzz = {}

function fuzz.generator(state)
  state = state * 2 + 1
  return function(n) -- 0 … n-1
    state = state ~ (state >> 12)
    state = state ~ (state << 25)
    state = state ~ (state >> 27)
    return ((state * 0x2545F4914F6CDD1D) >> 33) % n
  end
end

local pieces = { "a", "Z", " ", "é", "€", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\u0000", "x", "title", "0123456789" }
local keys = { "id", "price", "tags", "variants", "é", "a b", "option1", "", "k\\\"", ("long"):rep(15) }
local blanks = { "", "", "", " ", "\n", "\t ", "\r\n" }

local function text(random)
  local out = {}
  for i = 1, random(12) do out[i] = pieces[random(#pieces) + 1] end
  return '"' .. table.concat(out) .. '"'
end

-- Numbers that lua-cjson holds exactly, too.
local function number(random)
  local kind = random(4)
  if kind == 0 then return tostring(random(2000) - 1000) end
  if kind == 1 then return ("%d.%02d"):format(random(1000), random(100)) end
  if kind == 2 then return ("%de%d"):format(random(100), random(20) - 10) end
  return tostring(random(1 << 40))
end

local function value(random, depth)
  local blank = blanks[random(#blanks) + 1]
  local kind = depth > 5 and random(4) or random(7)
  if kind == 0 then return text(random) end
  if kind == 1 then return number(random) end
  if kind <= 3 then return ({ "true", "false", "null" })[random(3) + 1] end
  local out = {}
  for i = 1, random(5) do
    local item = value(random, depth + 1)
    out[i] = kind == 4 and item
      or (random(3) > 0 and '"' .. keys[random(#keys) + 1] .. '"' or text(random)) .. blank .. ":" .. blank .. item
  end
  local inner = table.concat(out, blank .. "," .. blank)
  return kind == 4 and "[" .. blank .. inner .. blank .. "]" or "{" .. blank .. inner .. blank .. "}"
end

--- A valid document.
function fuzz.document(random)
  return value(random, 0)
end

local damage = { "\0", "\n", '"', "\\", "{", "}", "[", "]", ",", ":", "-", ".", "e", "0", "\xff", "\xc3", "\xed\xa0\x80", "\\u", "\\ud800", "t", " " }

--- The document with one to three bytes or pieces taken out, put in or put in place of others.
function fuzz.damaged(random, document)
  for _ = 1, random(3) + 1 do
    local at, kind = random(#document + 1), random(3)
    local piece = damage[random(#damage) + 1]
    local before, after = document:sub(1, at), document:sub(at + 1)
    if kind == 0 then document = before .. piece .. after
    elseif kind == 1 then document = before .. after:sub(2)
    else document = before .. piece .. after:sub(2) end
  end
  return document
end

return fuzz
