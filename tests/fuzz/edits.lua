-- The same random reads and edits on a record and on the table of the same text give the same: a script works on both.
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local generator = require("fuzz.json").generator

local edits = {}

local random -- 0 … n-1, of the run under way

local function any(list) return list[random(#list) + 1] end

-- ---- documents ----

-- As they stand in a text; some stand for the same name.
local names = { "a", "b", "price", "\\\"q\\\"", "ö", "\\u00f6", "list", "1", "", "raw", "map", "get", "keys", "rename",
  "line", "\\u0061", "x\\/y", "tab\\t", "\\ud83d\\ude00", "😀", ("long"):rep(20) }
local scalars = { "0", "-1", "1.50", "1e2", "-0.0", "1e-7", "12345678901", "9223372036854775807", "-9223372036854775808",
  "9223372036854775808", "123456789012345678901234567890", "0.1", "1E400", "true", "false", "null", '""', '"text"',
  '"\\n\\"\\\\\\/\\u00e9"', '"Größe €"', '"[{\\"a\\":1}]"' }
local blanks = { "", "", "", "", " ", "\t", " \r " }

local function fields(text, count, depth)
  local out = {}
  for i = 1, count do
    local name = random(6) == 0 and "f" .. random(50) or any(names)
    out[i] = any(blanks) .. '"' .. name .. '"' .. any(blanks) .. ":" .. any(blanks) .. text(depth - 1) .. any(blanks)
  end
  return "{" .. (count == 0 and any(blanks) or table.concat(out, ",")) .. "}"
end

local function elements(text, count, depth)
  local out = {}
  for i = 1, count do out[i] = any(blanks) .. text(depth - 1) .. any(blanks) end
  return "[" .. (count == 0 and any(blanks) or table.concat(out, ",")) .. "]"
end

local function text(depth)
  local kind = depth > 0 and random(10) or 9
  if kind < 3 then return fields(text, random(6), depth) end
  if kind < 6 then return elements(text, random(5), depth) end
  return any(scalars)
end

local function deep(levels)
  local open, close = {}, {}
  for i = 1, levels do
    local object = random(2) == 0
    open[i], close[levels - i + 1] = object and '{"a":' or "[", object and "}" or "]"
  end
  return table.concat(open) .. any(scalars) .. table.concat(close)
end

local function document()
  local kind = random(12)
  if kind == 0 then return fields(text, 60 + random(60), 2) end -- more than any index starts with
  if kind == 1 then return elements(text, 40 + random(60), 2) end
  if kind == 2 then return '{"deep":' .. deep(10 + random(90)) .. ',"a":' .. text(2) .. "}" end
  if kind == 3 then return elements(text, random(6), 4) end
  return fields(text, 1 + random(9), 4)
end

-- ---- both sides ----

local function name() return json.decode('"' .. (random(8) == 0 and "f" .. random(50) or any(names)) .. '"') end

local function copy(v) return type(v) == "table" and json.decode((json.encode(v))) or v end

local function is_container(v)
  return type(v) == "table" or type(v) == "userdata" and v ~= json.null and getmetatable(v) == "sluice.record"
end

local function canonical(v) return json.encode(is_container(v) and type(v) == "userdata" and ndjson.totable(v) or v, { sort = true }) end

local function equal(rec, tab, what)
  local mine, theirs = rec == nil and "nil" or canonical(rec), tab == nil and "nil" or canonical(tab)
  if mine ~= theirs then error(what .. ": the record gives " .. mine .. ", the table " .. theirs, 0) end
end

local function is_array(tab) return json.isarray(tab) or #tab > 0 end

local function sorted_names(tab)
  local keys = {}
  for key in pairs(tab) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- A random place inside: the same steps on both sides.
local function descend(rec, tab)
  for _ = 1, random(5) do
    local keys = {}
    for _, key in ipairs(sorted_names(tab)) do if is_container(tab[key]) then keys[#keys + 1] = key end end
    if #keys == 0 then break end
    local key = any(keys)
    rec, tab = rec[key], tab[key]
  end
  return rec, tab
end

-- ---- reading ----

local function read_all(rec, tab)
  local seen, count = {}, 0
  for key, v in pairs(rec) do
    if seen[key] then error("pairs gives " .. tostring(key) .. " twice", 0) end
    seen[key], count = true, count + 1
    equal(v, tab[key], "pairs")
  end
  if count ~= #sorted_names(tab) then error("pairs gives " .. count .. " of " .. #sorted_names(tab), 0) end
  local list = 0
  for i, v in ipairs(rec) do
    list = i
    equal(v, tab[i], "ipairs")
  end
  if list ~= #tab or #rec ~= #tab then error("a length of " .. #rec .. ", ipairs to " .. list .. ", wanted " .. #tab, 0) end
end

local function read_names(rec, tab)
  local keys = ndjson.keys(rec)
  if #keys ~= #sorted_names(tab) then error("keys gives " .. #keys, 0) end
  for _, key in ipairs(keys) do if tab[key] == nil then error("keys gives " .. key, 0) end end
end

local function quoted(key) return '["' .. key:gsub('[\\"]', "\\%0") .. '"]' end

local function read(rec, tab)
  local key = is_array(tab) and random(#tab + 2) or name()
  equal(rec[key], tab[key], "a field")
  local path = type(key) == "string" and quoted(key) or key > 0 and "[" .. key .. "]"
  if path then equal(ndjson.get(rec, path), tab[key], "get " .. path) end
  if random(3) == 0 then read_all(rec, tab) end
  if not is_array(tab) then read_names(rec, tab) end
end

-- ---- changing ----

-- map over the values of an array or of an object, or over one key of each of them.
local function map(rec, tab)
  local key = random(2) == 0 and name() or nil
  local function change(v)
    if type(v) == "number" and v == v // 1 then return v / 2 end
    if type(v) == "string" then return v .. "!" end
    return nil
  end
  ndjson.map(rec, "[*]" .. (key and quoted(key) or ""), change)
  for _, k in ipairs(sorted_names(tab)) do
    local holder, at = tab, k
    if key then holder, at = tab[k], key end
    if (not key or type(holder) == "table" and not is_array(holder)) and holder[at] ~= nil then
      local new = change(holder[at])
      if new ~= nil then holder[at] = new end
    end
  end
end

-- Gives what was exchanged: as a table it has moved, as a view it was copied.
local function exchange(rec, tab, a, b)
  rec[a], rec[b] = rec[b], rec[a]
  tab[a], tab[b] = tab[b], tab[a]
  return { tab[a], tab[b] }
end

local function assign(rec, tab, key)
  local new = json.decode(text(3))
  if new == nil then return end
  rec[key], tab[key] = copy(new), copy(new)
end

local function edit_array(rec, tab)
  local op = random(6)
  if op == 0 and #tab > 0 then
    rec[#tab], tab[#tab] = nil, nil
  elseif op == 1 and #tab > 1 then
    return exchange(rec, tab, 1, #tab)
  elseif op == 2 and #tab > 0 then
    local at = random(#tab) + 1
    local moved = table.move(tab, at, #tab, 1, {})
    equal(table.remove(rec, at), table.remove(tab, at), "table.remove")
    return moved
  elseif op == 3 then
    local at, new = random(#tab + 1) + 1, json.decode(text(2))
    local moved = table.move(tab, at, #tab, 1, {})
    table.insert(rec, at, copy(new))
    table.insert(tab, at, copy(new))
    return moved
  else
    assign(rec, tab, random(#tab + 1) + 1)
  end
end

local function edit_object(rec, tab)
  local op, key, other = random(7), name(), name()
  if op == 0 then
    rec[key], tab[key] = nil, nil
  elseif op == 1 and key ~= other then
    ndjson.rename(rec, key, other)
    if tab[key] ~= nil then tab[other], tab[key] = tab[key], nil end
  elseif op == 2 and tab[key] ~= nil and tab[other] ~= nil then
    return exchange(rec, tab, key, other)
  elseif op == 3 then
    for _, k in ipairs(sorted_names(tab)) do -- fields may be taken out on the way
      if random(3) == 0 then rec[k], tab[k] = nil, nil end
    end
  else
    assign(rec, tab, key)
  end
end

local function change(rec, tab, step)
  if random(6) == 0 then return map(rec, tab) end
  if is_array(tab) then return edit_array(rec, tab) end
  if next(tab) == nil and random(4) == 0 then
    rec[1], json.array(tab)[1] = step, step
    return nil
  end
  return edit_object(rec, tab)
end

local function attached(root, tab)
  if root == tab then return true end
  if type(root) ~= "table" then return false end
  for _, inner in pairs(root) do
    if type(inner) == "table" and attached(inner, tab) then return true end
  end
  return false
end

-- ---- a run ----

-- A place that the script holds since earlier, or a new one.
local function place(held, rec, tab)
  if #held > 0 and random(3) == 0 then
    local pair = any(held)
    return pair[1], pair[2]
  end
  local r, t = descend(rec, tab)
  if random(3) == 0 then held[#held + 1] = { r, t } end
  return r, t
end

-- One that is no longer part of the record, or was assigned to another place (that is a copy for records), goes on by
-- itself: it must still have its value, and is not followed any further.
local function settle(held, tab, moved)
  for i = #held, 1, -1 do
    equal(held[i][1], held[i][2], "a part that was held")
    if not attached(tab, held[i][2]) or attached(moved, held[i][2]) then table.remove(held, i) end
  end
end

local function untouched(rec, source)
  local raw, plain = ndjson.raw(rec), source:gsub("%s*\r%s*", "") -- line ends go with the blanks around them
  if raw ~= plain then error("an untouched record gives " .. raw .. ", not " .. plain, 0) end
end

local kept = {} -- records of earlier runs with what they must give

local function keep(rec)
  if random(2) == 0 then kept[#kept + 1] = { rec, canonical(rec) } end
  if random(4) == 0 then collectgarbage(random(2) == 0 and "step" or "collect") end
  while #kept > 20 do table.remove(kept, random(#kept) + 1) end
  if #kept > 0 then
    local one = any(kept)
    if canonical(one[1]) ~= one[2] then error("a record that was kept has changed", 0) end
  end
end

local function edit(source)
  local rec, tab = assert(ndjson.record(source)), json.decode(source)
  untouched(rec, source)
  equal(rec, tab, "the document")
  local held = {}
  for step = 1, 10 + random(40) do
    local r, t = place(held, rec, tab)
    read(r, t)
    local moved = change(r, t, step) or {}
    settle(held, tab, moved)
    equal(rec, tab, "step " .. step)
    if step % 16 == 0 then held = {} end
  end
  assert(ndjson.record(ndjson.raw(rec)))
  keep(held[1] and held[1][1] or rec)
end

--- One document and what befalls it; raises with the seed and the document where the two sides differ.
function edits.run(seed)
  random = generator(seed)
  local source = document()
  local ok, problem = pcall(edit, source)
  if not ok then error(("seed %d: %s\n%s"):format(seed, tostring(problem), source), 0) end
end

return edits
