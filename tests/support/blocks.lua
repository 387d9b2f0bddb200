-- The fenced blocks of README.md and docs/.
--
--   for _, page in ipairs(blocks.pages()) do
--     for _, block in ipairs(blocks.of(tmp.read(page))) do print(page, block.line, block.kind, block.text) end
--   end
local lfs = require "lfs"

local blocks = {}

--- README.md, docs/*.md and docs/reference/*.md, sorted.
function blocks.pages()
  local pages = { "README.md" }
  for _, folder in ipairs { "docs/", "docs/reference/" } do
    for name in lfs.dir(folder) do
      if name:find "%.md$" then pages[#pages + 1] = folder .. name end
    end
  end
  table.sort(pages)
  return pages
end

--- Those of a page: { kind, text, line }.
function blocks.of(text)
  local list, open, n = {}, nil, 0
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    n = n + 1
    local fence = line:match "^```(%w*)$"
    if fence and open then
      open.text = table.concat(open.lines, "\n") .. "\n"
      list[#list + 1], open = open, nil
    elseif fence then
      open = { kind = fence, line = n, lines = {} }
    elseif open then
      table.insert(open.lines, line)
    end
  end
  return list
end

return blocks
