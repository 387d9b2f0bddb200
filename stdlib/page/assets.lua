--- The files that a browser gets beside the HTML: built in, named with their digest, so that they are kept for good.
local core = require "sluice.core"
local crypto = require "sluice.crypto"

local assets = {}

local TYPES = { css = "text/css; charset=utf-8", js = "text/javascript; charset=utf-8", svg = "image/svg+xml" }
local FILES = { "page.css", "page.js", "icon.svg" }

local files

local function all()
  if files then return files end
  files = {}
  for _, name in ipairs(FILES) do
    local text = assert(core.file("page/" .. name), name .. " is not built in")
    files[name] = { text = text, type = TYPES[name:match "%.(%w+)$"], tag = crypto.sha256(text):sub(1, 12) }
  end
  return files
end

--- The address of a file.
---@param name string
---@return string
function assets.url(name) return ("/assets/%s/%s"):format(all()[name].tag, name) end

--- A file by its name and digest; nil where there is none of that content.
---@param tag string
---@param name string
---@return { text: string, type: string }?
function assets.find(tag, name)
  local file = all()[name]
  return file and file.tag == tag and file or nil
end

return assets
