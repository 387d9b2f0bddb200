-- Puts images of products into Stock2Shop's queue, from a folder or by a list, and watches the queue until it is empty.
--
--   sluice run scripts/push_images.lua to=shop source_id=57 folder=images
--   sluice run scripts/push_images.lua to=shop source_id=57 file=images.csv            # by a list: CSV, TSV or NDJSON
--   sluice run scripts/push_images.lua to=shop source_id=57 file=images.csv folder=/mnt/photos watch=false
--
-- to           the connection of the shop              source_id    the source, one of those that `shop:sources()` lists
-- folder       a folder of images; with `file`: where the paths of the list start (default: the list's own folder)
-- file         a .csv, .tsv, .ndjson or .jsonl file, or - (then say format=csv, tsv or ndjson)
-- separator    what stands between a code and a number in the names of a folder (_)
-- watch        wait until the queue is empty (true)    stall_after  seconds that it may stand still (600)
-- deadline     seconds in all (3600)                   batch        images in a request, at most (10)
--
-- A folder: the name of a file is its product's source_product_code and, for further images, _ and a number of one or two
-- digits: SHIRT.jpg, SHIRT_2.png, SHIRT_10.jpg. They are queued in that order, and the first of each product is its main image.
-- A code that ends in such a number itself (SHIRT_2), or that no file can be named after, needs another separator, or a list.
-- Hidden files are left alone, folders in the folder are skipped.
--
-- A list: a line per image with source_product_code and path, and as one likes source_variant_code, image_id, main_image. Where
-- nothing says what is the main image, the first of each product is. (In NDJSON a line may say it; in CSV a column is for all.)
--
-- image_id is the name without folder and ending (SHIRT_2) unless the list says it. It is what Stock2Shop knows an image by:
-- pushed again under the same name it is meant to take the former one's place.
--
--   $ sluice run scripts/push_images.lua to=shop source_id=57 folder=images
--   2026-11-28T09:20:11.113Z warn  queue: image 3 (SHIRT): it is larger than 2000000 bytes
--   4 images queued in 1 request, 1 rejected; the queue was empty after 4 s
--
-- Rejected is what is no jpg or png (by its first bytes, whatever its name), larger than 2 MB, missing, or there twice: in the
-- dead-letter file with the reason, exit code 3; `sluice dlq retry` sends what was mended. Push the products first: an image is lost
-- where its product is not there when its turn comes, and nothing tells. A queue that stands still or is not empty in time:
-- exit code 6. An answer that counts another number than was sent: exit code 7.

local csv = require "sluice.csv"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

local COLUMNS = { "source_product_code", "path", "source_variant_code", "image_id", "main_image" }

local function usage(text, ...) sluice.err.raise { code = "usage", message = text:format(...) } end

-- A line that is none, the helper rejects.
local function is_image(row) return type(row) == "table" and not ndjson.bad(row) and not json.isarray(row) end

local function stem_of(path) return (path:match "[^/]*$":gsub("(.)%.[^.]*$", "%1")) end

-- ---- a folder ----

-- The product's code and the image's place among those of the product: "SHIRT_2" is ("SHIRT", 2), "SHIRT" is ("SHIRT", 0).
local function code_of(stem, separator)
  local front, number = stem:match "^(.-)(%d%d?)$"
  local code = front and #front > #separator and front:sub(-#separator) == separator and front:sub(1, -#separator - 1)
  if code then return code, math.tointeger(tonumber(number)) end
  return stem, 0
end

local function listed(folder, run, separator)
  local lfs, list = require "lfs", {}
  if lfs.attributes(folder, "mode") ~= "directory" then usage("folder %s is not there", folder) end
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:sub(1, 1) == "." then goto next end
    if lfs.attributes(path, "mode") == "directory" then
      run:count "read"
      run:skip "a folder in the folder"
    else
      local code, place = code_of(stem_of(name), separator)
      list[#list + 1] = { code = code, place = place, name = name, path = path }
    end
    ::next::
  end
  table.sort(list, function(a, b)
    if a.code ~= b.code then return a.code < b.code end
    if a.place ~= b.place then return a.place < b.place end
    return a.name < b.name
  end)
  return list
end

local function from_folder(args, run)
  local list, i = listed(args.folder, run, args.separator), 0
  return function()
    i = i + 1
    return list[i] and { source_product_code = list[i].code, path = list[i].path }
  end
end

-- ---- a list ----

local function check_columns(names)
  local known, there = {}, {}
  for _, name in ipairs(COLUMNS) do known[name] = true end
  for _, name in ipairs(names) do
    local near = sluice.err.nearest(name, COLUMNS)
    there[name] = true
    if not known[name] then usage("the column '%s' is none of an image%s", name, near and (" (did you mean '%s'?)"):format(near) or "") end
  end
  for _, name in ipairs { "source_product_code", "path" } do
    if not there[name] then usage("the column '%s' is missing", name) end
  end
  return there.main_image
end

local function csv_rows(path, run, delimiter)
  local rows, _, _, closer, names = csv.records(path, { delimiter = delimiter, bad = function(problem)
    run:count "read"
    run:reject(problem.raw, problem.reason, { line = problem.line })
    sluice.log.warn("push", "line %d: %s", problem.line, problem.reason)
  end })
  local says_main = check_columns(names)
  return function()
    local row = rows()
    if not row then return getmetatable(closer).__close(closer) end
    local image = {}
    for name, value in pairs(row) do image[name] = value ~= "" and value or nil end
    if says_main then image.main_image = image.main_image or "false" end
    return image
  end
end

local readers = {
  csv = function(path, run) return csv_rows(path, run, ",") end,
  tsv = function(path, run) return csv_rows(path, run, "\t") end,
  ndjson = function(path) return ndjson.values(path) end,
}
readers.jsonl = readers.ndjson

local function from_list(args, run)
  local format = args.format or args.file:match "%.(%w+)$"
  local reader = format and readers[format:lower()]
  if not reader then usage("which format has %s? format= is csv, tsv or ndjson", args.file == "-" and "standard input" or args.file) end
  local base = args.folder or args.file:match "^(.*)/[^/]*$" or "."
  local rows = reader(args.file, run)
  return function()
    local row = rows()
    if not is_image(row) then return row end
    for name, value in pairs(row) do row[name] = value ~= json.null and value or nil end
    if type(row.path) == "string" and row.path:sub(1, 1) ~= "/" then row.path = base .. "/" .. row.path end
    return row
  end
end

-- ---- what both have in common ----

-- What is left to say of an image: its id, whether it is the main one. One whose id its product has had is rejected here:
-- the later would take the earlier's place in the shop.
local function completed(rows, run)
  local seen = {}
  local function complete(image)
    local code, path = tostring(image.source_product_code), image.path
    if image.image_id == nil and type(path) == "string" then image.image_id = stem_of(path) end
    if image.main_image == nil and not seen[code] then image.main_image = true end
    seen[code] = seen[code] or {}
    local id = tostring(image.image_id)
    if seen[code][id] then return nil, ("%s has the image_id %s, as %s has"):format(tostring(path), id, seen[code][id]) end
    seen[code][id] = tostring(path)
    return image
  end
  return function()
    for image in rows do
      run:count "read"
      if not is_image(image) or image.source_product_code == nil then return image end
      local whole, problem = complete(image)
      if whole then return whole end
      sluice.log.warn("push", "%s: %s", tostring(image.source_product_code), problem)
      run:reject(json.encode(image), problem, { product = tostring(image.source_product_code) })
    end
  end
end

local function is_true(name, value)
  if value == true or value == "true" then return true end
  if value == false or value == "false" then return false end
  usage("%s is true or false, not '%s'", name, tostring(value))
end

local function number_of(name, value) return tonumber(value) or usage("%s is a number, not '%s'", name, tostring(value)) end

-- Sends them; the line about it.
local function push(args, run, images)
  local batch = math.tointeger(number_of("batch", args.batch))
  local sums = sluice.connect(args.to):push_images(images, { source_id = args.source_id, max_images = batch })
  run:commit() -- the dead letters are durable
  return ("%d image%s queued in %d request%s, %d rejected"):format(sums.sent, sums.sent == 1 and "" or "s", sums.requests,
    sums.requests == 1 and "" or "s", run.sums.rejected)
    .. (sums.resent > 0 and (", %d sent again (they may be queued twice)"):format(sums.resent) or "")
end

return sluice.recipe {
  about = "Put images of products into Stock2Shop's queue, and watch it until it is empty",
  args = {
    to = "connection of the shop", source_id = "source that the products come from",
    folder = { "folder of images; with file: where its paths start", optional = true },
    file = { "list of images: CSV or NDJSON file, or -", optional = true },
    format = { "csv, tsv or ndjson; else by the list's name", optional = true },
    separator = { "between code and number in the names of a folder", default = "_" },
    watch = { "wait until the queue is empty", default = true },
    stall_after = { "seconds that the queue may stand still", default = 600 }, deadline = { "seconds to wait in all", default = 3600 },
    batch = { "images in a request, at most", default = 10 },
  },
  run = function(args, run)
    if not args.folder and not args.file then usage "folder or file is missing: where are the images?" end
    if args.separator == "" then usage "separator is empty: what stands between a code and a number?" end
    local watch, stall_after, deadline = is_true("watch", args.watch), number_of("stall_after", args.stall_after),
      number_of("deadline", args.deadline)
    local text = push(args, run, completed((args.file and from_list or from_folder)(args, run), run))
    if not watch or sluice.task.stopping() then return print(text) end
    local ended = sluice.connect(args.to):wait_queue { stall_after = stall_after, deadline = deadline }
    print(("%s; the queue was empty after %.0f s"):format(text, ended.seconds))
  end,

  retry = function(args, run, records)
    print(push(args, run, function()
      local record = records()
      return record and (type(record) == "userdata" and ndjson.totable(record) or record)
    end))
  end,
}
