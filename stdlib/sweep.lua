--- Takes out of a stream or a site what has vanished from the shop. A feed of changes can't see that: deactivated and deleted
--- products are no changes to a search that finds active ones alone. And the stream can't be asked what it holds. So the
--- ids that are sent are remembered (in the store, before they go), the shop's ids are listed, and the rest is deleted.
--
--   local memory = sweep.memory(feed, stream)                 -- or a connection of the Platform API, and a site
--   local upload = feed:uploader(stream, { remember = memory.add })
--   …
--   memory.sweep(shop, { confirm = false })

local errors = require "sluice.err"
local keyset = require "sluice.keyset"
local log = require "sluice.log"
local searches = require "sluice.searches"
local uploader = require "sluice.uploader"

local sweep = {}

local SHARE = 10 -- per cent of what was sent that may go without a confirmation
local PAGE = 500

-- Marks what the shop has. With `ids_of` a product has other ids in the stream than its own, which only its row tells;
-- the number of those that the shop lists without showing them is given back.
local function mark_present(store, sink, mark, search, ids_of)
  local hidden = 0
  for hits in keyset.all { search = search, size = PAGE } do
    local ids = {}
    for _, hit in ipairs(hits) do
      if not ids_of then
        ids[hit.id] = true
      elseif hit.row == nil then
        hidden = hidden + 1
      else
        for _, id in ipairs(ids_of(hit.row.record)) do ids[id] = true end
      end
    end
    store:sent_mark(sink, mark, ids)
  end
  return hidden
end

local function check_share(all, vanished, confirm)
  if confirm or vanished * 100 <= all * SHARE then return end
  errors.raise {
    code = "usage",
    message = ("the sweep would delete %d of the %d products that it was sent, more than %d %%"):format(vanished, all, SHARE),
    hint = "if that is right, run it again with confirm=true",
  }
end

-- The next ids that have vanished, behind `after`; nil at the end.
local function some_vanished(store, sink, mark, after)
  local list = {}
  while #list < PAGE do
    local id = store:sent_vanished(sink, mark, list[#list] or after)
    if not id then break end
    list[#list + 1] = id
  end
  return #list > 0 and list or nil
end

local function delete_in_stream(client, stream, ids)
  local remover = uploader.remover(client, stream)
  for _, id in ipairs(ids) do remover:write { id = id } end
  remover:finish()
end

-- Hard: a mark as deleted would outlive the product's return, since a delta keeps the columns that it does not name.
local function delete_in_site(client, site, ids, options)
  local batch = client:product_batch(site, { type = "delta", count = false, automatic_import = options.automatic_import })
  for _, id in ipairs(ids) do batch:delete(id, true) end
  batch:commit()
end

-- What a connection's API sends products to, and how they are taken out of it.
local function place_of(client)
  if client.api == "productsup_platform" then return { name = "site", delete = delete_in_site } end
  return { name = "stream", delete = delete_in_stream }
end

local function delete_vanished(store, sink, mark, delete)
  local after, gone = "", 0
  while true do
    local list = some_vanished(store, sink, mark, after)
    if not list then return gone end
    delete(list)
    local ids = {}
    for _, id in ipairs(list) do ids[id] = true end
    store:sent_remove(sink, ids)
    after, gone = list[#list], gone + #list
  end
end

---@class sluice.SweepMemory
---@field add fun(ids: table<string, any>)
---@field sweep fun(shop: sluice.Client, options?: table): integer
---@field compare fun(ids: fun(): string?): { sent: integer, found: integer, missing: integer, first: string? }
---@field retain fun(ids: fun(): string?): integer

--- The memory of what a stream or a site was sent. `automatic_import`: of the batches that take products out of a site.
---@param client sluice.Client of the stream or the site
---@param resource string|integer the stream or the site
---@param options? { automatic_import?: boolean }
---@return sluice.SweepMemory
function sweep.memory(client, resource, options)
  local store, place = require("sluice.run").current():store(), place_of(client)
  local sink = ("%s %s %s %s"):format(client.api, client.options.base_url, place.name, resource)
  local function delete(ids) place.delete(client, resource, ids, options or {}) end
  local self = {}

  --- Remembers ids (the keys of the table): an uploader's `remember`.
  function self.add(ids) store:sent_add(sink, ids) end

  --- Deletes what was sent and is no longer in the shop; gives the number. Options: `ids_of(product)`, the ids that a
  --- product has in the stream, where that is not its own; `confirm`, to delete more than a tenth; `channel_id`. (waits)
  function self.sweep(shop, o)
    local mark = store:sent_sweep(sink)
    local search = searches.search(shop, { channel_id = o.channel_id })
    local hidden = mark_present(store, sink, mark, search, o.ids_of)
    if hidden > 0 then
      log.warn("sweep", "the shop lists %d products without showing them; nothing is deleted this time", hidden)
      return 0
    end
    local all, vanished = store:sent_count(sink, mark)
    check_share(all, vanished, o.confirm)
    return delete_vanished(store, sink, mark, delete)
  end

  -- Marks the ids of an iterator; gives the mark, and how many there were.
  local function mark_all(ids)
    local mark, page, n, found = store:sent_sweep(sink), {}, 0, 0
    for id in ids do
      page[id], n, found = true, n + 1, found + 1
      if n == PAGE then
        store:sent_mark(sink, mark, page)
        page, n = {}, 0
      end
    end
    if n > 0 then store:sent_mark(sink, mark, page) end
    return mark, found
  end

  --- Compares what was sent with the ids of an iterator: how many were sent and how many it gave, how many of the former are
  --- not among the latter, and the first of these.
  function self.compare(ids)
    local mark, found = mark_all(ids)
    local sent, missing = store:sent_count(sink, mark)
    return { sent = sent, found = found, missing = missing, first = missing > 0 and store:sent_vanished(sink, mark, "") or nil }
  end

  --- Deletes what was sent and is not among the ids of an iterator; gives the number. (waits)
  function self.retain(ids) return delete_vanished(store, sink, (mark_all(ids)), delete) end
  return self
end

return sweep
