--- Image files and the products that they belong to, from a folder or from a list, as `shop:push_images` takes them.
---
---     local images = image_files.completed(image_files.folder("images", "_"))      -- SHIRT.jpg, SHIRT_2.png of the product SHIRT
---     local images = image_files.completed(image_files.list "images.csv")          -- source_product_code, path, …
---     shop:push_images(images, { source_id = 57 })
local err = require "sluice.err"
local input = require "sluice.input"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"

local image_files = {}

local COLUMNS = { "source_product_code", "path", "source_variant_code", "image_id", "main_image" }

local function stem_of(path) return (path:match "[^/]*$":gsub("(.)%.[^.]*$", "%1")) end

-- ---- a folder ----

-- The product's code and the image's place among those of the product: "SHIRT_2" is ("SHIRT", 2), "SHIRT" is ("SHIRT", 0).
local function code_of(stem, separator)
  local front, number = stem:match "^(.-)(%d%d?)$"
  local code = front and #front > #separator and front:sub(-#separator) == separator and front:sub(1, -#separator - 1)
  if code then return code, math.tointeger(tonumber(number)) end
  return stem, 0
end

local function before(a, b)
  if a.code ~= b.code then return a.code < b.code end
  if a.place ~= b.place then return a.place < b.place end
  return a.path < b.path
end

local function files_of(folder, separator)
  local lfs, files = require "lfs", {}
  if lfs.attributes(folder, "mode") ~= "directory" then
    err.raise { code = "usage", message = ("folder %s is not there"):format(folder) }
  end
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:sub(1, 1) == "." then goto next end
    if lfs.attributes(path, "mode") == "directory" then
      local run = require("sluice.run").current()
      run:count "read"
      run:skip "a folder in the folder"
    else
      local code, place = code_of(stem_of(name), separator)
      files[#files + 1] = { code = code, place = place, path = path }
    end
    ::next::
  end
  table.sort(files, before)
  return files
end

--- The images of a folder, by the names of their files: the product's code and, for further images, the separator and a
--- number of one or two digits. They come in that order. Hidden files are left alone, folders are skipped (and counted).
---@param folder string
---@param separator string
---@return fun(): table?
function image_files.folder(folder, separator)
  local files, i = files_of(folder, separator), 0
  return function()
    i = i + 1
    return files[i] and { source_product_code = files[i].code, path = files[i].path }
  end
end

-- ---- a list ----

local function image_columns(names)
  input.check_columns(names, COLUMNS, { "source_product_code", "path" }, "an image")
  local says_main = false
  for _, name in ipairs(names) do says_main = says_main or name == "main_image" end
  return function(row)
    local image = {}
    for name, value in pairs(row) do image[name] = value ~= "" and value or nil end
    if says_main then image.main_image = image.main_image or "false" end
    return image
  end
end

-- A line that is none, the helper that sends rejects.
local function is_image(row) return type(row) == "table" and not ndjson.bad(row) and not json.isarray(row) end

--- The images of a list: CSV, TSV or NDJSON with source_product_code and path, and as one likes source_variant_code, image_id,
--- main_image. `folder`: where its paths start, unless given the list's own.
---@param path string
---@param options? { format?: string, folder?: string }
---@return fun(): any
function image_files.list(path, options)
  options = options or {}
  local base = options.folder or path:match "^(.*)/[^/]*$" or "."
  local rows = input.records(path, { format = options.format, columns = image_columns, plain = true })
  return function()
    local row = rows()
    if not is_image(row) then return row end
    for name, value in pairs(row) do row[name] = value ~= json.null and value or nil end
    if type(row.path) == "string" and row.path:sub(1, 1) ~= "/" then row.path = base .. "/" .. row.path end
    return row
  end
end

-- ---- what both have in common ----

-- Its id, and whether it is the main one; nil and what is wrong where its product has had the id.
local function complete(seen, image)
  local code, path = tostring(image.source_product_code), image.path
  if image.image_id == nil and type(path) == "string" then image.image_id = stem_of(path) end
  if image.main_image == nil and not seen[code] then image.main_image = true end
  seen[code] = seen[code] or {}
  local id = tostring(image.image_id)
  if seen[code][id] then return nil, ("%s has the image_id %s, as %s has"):format(tostring(path), id, seen[code][id]) end
  seen[code][id] = tostring(path)
  return image
end

--- What is left to say of images: the id (the file's name without folder and ending) and, where nothing says it, that the first
--- of a product is its main one. Each is counted as read. One whose id its product has had is rejected here: the later would take
--- the earlier's place in the shop.
---@param images fun(): any
---@return fun(): any
function image_files.completed(images)
  local seen, run = {}, require("sluice.run").current()
  return function()
    for image in images do
      run:count "read"
      if not is_image(image) or image.source_product_code == nil then return image end
      local whole, problem = complete(seen, image)
      if whole then return whole end
      local code = tostring(image.source_product_code)
      log.warn("images", "%s: %s", code, problem)
      run:reject(json.encode(image), problem, { product = code })
    end
  end
end

return image_files
