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
-- watch        wait until the queue is empty (true)    stall_after  how long it may stand still (10m)
-- deadline     how long in all (1h)                    batch        images in a request, at most (10)
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

local image_files = require "sluice.image_files"
local queue = require "sluice.queue"
local sluice = require "sluice"

-- Sends them; the line about it.
local function push(args, run, images)
  local sums = sluice.connect(args.to):push_images(images, { source_id = args.source_id, max_images = args.batch })
  run:commit() -- the dead letters are durable
  return queue.report("images", sums, run.sums.rejected)
end

return sluice.recipe {
  about = "Put images of products into Stock2Shop's queue, and watch it until it is empty",
  args = {
    to = { "connection of the shop", type = "connection" }, source_id = { "source that the products come from", type = "text" },
    folder = { "folder of images; with file: where its paths start", type = "path", optional = true },
    file = { "list of images: CSV, TSV or NDJSON file, or -", type = "path", optional = true },
    format = { "of the list; else by its name", one_of = { "csv", "tsv", "ndjson" }, optional = true },
    separator = { "between code and number in the names of a folder", type = "text", default = "_" },
    watch = { "wait until the queue is empty", type = "boolean", default = true },
    stall_after = { "how long the queue may stand still", type = "duration", default = "10m" },
    deadline = { "how long to wait in all", type = "duration", default = "1h" },
    batch = { "images in a request, at most", type = "integer", min = 1, default = 10 },
  },
  run = function(args, run)
    if not args.folder and not args.file then sluice.usage "folder or file is missing: where are the images?" end
    if args.separator == "" then sluice.usage "separator is empty: what stands between a code and a number?" end
    local images = args.file and image_files.list(args.file, { format = args.format, folder = args.folder })
      or image_files.folder(args.folder, args.separator)
    local text = push(args, run, image_files.completed(images))
    if not args.watch or sluice.task.stopping() then return print(text) end
    local ended = sluice.connect(args.to):wait_queue { stall_after = args.stall_after, deadline = args.deadline }
    print(("%s; the queue was empty after %.0f s"):format(text, ended.seconds))
  end,

  retry = function(args, run, records) print(push(args, run, records)) end,
}
