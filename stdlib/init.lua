--- What a recipe starts from: `local sluice = require "sluice"`.
local sluice = {}

--- Declares a recipe: what it does, its arguments, the arguments its cursors depend on, and the function that does it.
---@param spec { about: string, args?: table, key?: string[], run: fun(args: table, run: sluice.Run), retry?: function }
---@return table the same table, checked
function sluice.recipe(spec) return require("sluice.recipe").declare(spec) end

--- A client for a connection of `sluice.yaml`, or for a connection given as a table.
---@param name string|table
---@return table client its operations are methods
function sluice.connect(name) return require("sluice.connect").connect(name) end

--- Raises `usage` (exit 2), for what the types of arguments can't say: `sluice.usage("%s is missing, the step %s needs it", name, step)`.
---@param text string a format, with its values behind it where there are any
function sluice.usage(text, ...)
  require("sluice.err").raise { code = "usage", message = select("#", ...) > 0 and text:format(...) or text }
end

-- sluice.json, sluice.task and so on, loaded when first used.
return setmetatable(sluice, {
  __index = function(_, name)
    local ok, module = pcall(require, "sluice." .. tostring(name))
    if ok then return module end
    if package.preload["sluice." .. tostring(name)] then error(module, 2) end
    error("there is no sluice." .. tostring(name), 2)
  end,
})
