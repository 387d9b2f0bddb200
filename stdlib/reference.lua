-- The reference page of an API, Markdown made from its definition: hosts, keys, rates and, for each operation, all that
-- its row says. `make docs` writes docs/reference with it; what is wrong on a page is put right in the row.
--
--   io.write(require("sluice.reference").page(definition.load "veeqo"))
local describe = require "sluice.describe"
local request = require "sluice.request"

local reference = {}

local function add(lines, text, ...)
  lines[#lines + 1] = select("#", ...) > 0 and text:format(...) or text
end

-- Text for a cell of a table.
local function cell(text)
  return (tostring(text):gsub("|", "\\|"):gsub("\n", " "):gsub("<", "&lt;"))
end

local function code(value)
  local text = tostring(value):gsub("\n", " ")
  text = text:find "`" and "`` " .. text .. " ``" or "`" .. text .. "`"
  return (text:gsub("|", "\\|"))
end

local function table_of(lines, titles, rows)
  add(lines, "| " .. table.concat(titles, " | ") .. " |")
  add(lines, "| " .. ("--- | "):rep(#titles - 1) .. "--- |")
  for _, row in ipairs(rows) do add(lines, "| " .. table.concat(row, " | ") .. " |") end
  add(lines, "")
end

-- ---- the top ----

-- Kind of a credential: how it goes out. {names} are fields of the credential, whose values are keys of the connection.
local credentials = {
  none = "No credential is sent.",
  bearer = "The connection's {secret} is sent as a bearer token.",
  header = "The connection's {secret} is sent as the header {header}.",
  basic = "The connection's {username} and {password} are sent as basic authentication.",
  login = "A token, got by {operation} for the connection's {account}, is sent as {query} in the query.",
  login_in_path = "A token, got by {operation} for the connection's {account}, goes into the paths that have a place for it.",
  client_credentials = "A bearer token is sent, got at {path} with the connection's {client_id} and {client_secret} (OAuth 2).",
  refresh_token = "A bearer token is sent, got at {path} with the connection's {refresh_token} (OAuth 2).",
}

local function credential_text(c)
  local kind = c.kind == "login" and not c.query and "login_in_path" or c.kind
  return (credentials[kind]:gsub("{([%w_]+)}", function(field) return code(c[field]) end))
end

local function credentials_text(def)
  local text = credential_text(def.credential or { kind = "none" })
  for _, name in ipairs(describe.sorted(def.credentials)) do
    text = ("%s For operations that name `%s`: %s"):format(text, name, credential_text(def.credentials[name]):gsub("^%u", string.lower))
  end
  return text
end

local function hosts(lines, data)
  local rows = {}
  for i, host in ipairs(data.hosts) do rows[i] = { cell(host.doc or host.name), host.url, code(host.key) } end
  add(lines, "## Hosts\n")
  table_of(lines, { "what", "address", "key that gives another" }, rows)
end

local function key_rows(def)
  local rows = {}
  for _, key in ipairs(def.connection or {}) do
    local default = key.default ~= nil and code(key.default) or ""
    rows[#rows + 1] = { code(key.name), key.type, key.required and "yes" or "no", default, cell(key.doc) }
  end
  for _, host in ipairs(def.hosts) do
    rows[#rows + 1] = { code(host.key), "text", "no", code(host.url), cell("another address of " .. (host.doc or host.name)) }
  end
  return rows
end

local function connection(lines, def)
  add(lines, "## Connection\n")
  table_of(lines, { "key", "type", "required", "default", "what" }, key_rows(def))
  add(lines, credentials_text(def) .. " [What every connection takes](../config.md#every-connection) comes on top.\n")
end

local function rates(lines, data)
  local rows = {}
  for _, name in ipairs(describe.sorted(data.classes)) do
    local class = data.classes[name]
    rows[#rows + 1] = { code(name), (describe.rate(class)), class.per and "each " .. class.per or "the account", cell(class.doc or "") }
  end
  add(lines, "## Rates\n")
  table_of(lines, { "class", "rate", "counted for", "what" }, rows)
  add(lines, "`limits:` of a connection sets others; [how a call goes](../apis.md#how-a-call-goes) says how they are kept.\n")
end

local function contents(lines, data)
  local rows = {}
  for i, op in ipairs(data.operations) do
    rows[i] = { ("[%s](#%s)"):format(op.name, op.name), code(op.method .. " " .. op.path), cell(op.doc) }
  end
  add(lines, "## Operations\n")
  table_of(lines, { "operation", "request", "what" }, rows)
  local names = {}
  for i, option in ipairs(request.options) do names[i] = ("`%s` (%s)"):format(option.name, option.doc) end
  add(lines, "Each of them also takes " .. table.concat(names, ", ") .. ".\n")
end

local function helpers(lines, data)
  local rows = {}
  for i, row in ipairs(data.helpers) do rows[i] = { code(row.name), cell(row.doc) } end
  if #rows == 0 then return end
  add(lines, "## Helpers\n")
  table_of(lines, { "helper", "what" }, rows)
end

-- ---- one operation ----

local function argument_table(lines, op)
  if #op.arguments == 0 then return add(lines, "No arguments.\n") end
  local rows = {}
  describe.each(op.arguments, function(path, arg)
    local default = arg.default ~= nil and code(arg.default) or arg.connection_key and ("the connection's `%s`"):format(arg.connection_key) or ""
    local need = describe.need(arg)
    need = not need and "no" or need == "required" and "yes" or need:gsub("^required ", "")
    rows[#rows + 1] = { code(path), arg.type, need, default, cell(table.concat(describe.limits(arg), "; ")), cell(arg.doc) }
  end)
  table_of(lines, { "argument", "type", "required", "default", "allowed", "what" }, rows)
  for _, names in ipairs(op.either or {}) do
    add(lines, "Exactly one of `%s` must be there.\n", table.concat(names, "` and `"))
  end
end

local steps = {
  cursor = "by a cursor that the answer names", offset = "by the number of entries to step over", page = "by the number of the page",
}

local function paging_text(paging)
  local size = paging.by and ("as many a page as `%s` says"):format(paging.by) or ("%d a page"):format(paging.size)
  return ("%s (`%s`), %s; the next page is asked for when it is needed"):format(steps[paging.kind], paging[paging.kind], size)
end

local function result_text(op)
  local part = op.result and ("`%s` of the answer"):format(op.result) or "the decoded answer"
  if op.paging and op.paging.records then part = part .. ", whose entries are records of [`sluice.ndjson`](../modules.md)" end
  return op.iterator and "an iterator over " .. part or part
end

local function list_of(values) return table.concat(values, ", ") end

local function facts(lines, data, op)
  local rate, per = describe.rate(data.classes[op.class])
  local function fact(name, text, ...) add(lines, "- %s: %s", name, text:format(...)) end
  fact("result", "%s", result_text(op))
  fact("success", "%s%s", list_of(op.success), op.delivered and (" (%s is given as a result too)"):format(list_of(op.delivered)) or "")
  fact("sent again", "%s (`%s`)", describe.repeats(op), op.resend)
  fact("dry run", "%s", op.writes and "shown, not sent" or "sent: it only reads")
  fact("rate", "%s%s (class `%s`)", rate, per, op.class)
  if op.paging then fact("pages", "%s", paging_text(op.paging)) end
  for _, rule in ipairs(op.outcomes or {}) do fact("answer", "%s", cell(describe.outcome(rule))) end
  for _, status in ipairs(describe.sorted(op.terminal)) do fact("ends as", "`%s`, which is %s", status, op.terminal[status]) end
  if op.settled_by then fact("settled by", "[%s](#%s), where nobody knows whether it was done", op.settled_by, op.settled_by) end
  if op.max_bytes then fact("body", "at most %d bytes", op.max_bytes) end
  if op.timeout then fact("timeout", "%d s, unless the call gives another", op.timeout) end
  if op.anonymous then fact("credential", "none") end
  if op.own_credential then fact("credential", "`%s` of the connection where it has one, else the common one", op.own_credential) end
  if op.legacy then fact("legacy", "%s", cell(op.legacy)) end
  if op.source then fact("document", "%s", cell(op.source)) end
  add(lines, "")
end

local function host_of(data, op)
  for _, host in ipairs(data.hosts) do
    if host.name == op.host then return host.url end
  end
end

local function operation(lines, data, op)
  add(lines, "### %s\n", op.name)
  add(lines, "%s.\n", cell(op.doc))
  add(lines, "`%s %s%s`\n", op.method, host_of(data, op), op.path)
  argument_table(lines, op)
  facts(lines, data, op)
  if op.example then add(lines, "```lua\n" .. op.example .. "\n```\n") end
end

--- The page.
---@param def table  a checked definition
---@return string Markdown
function reference.page(def)
  local data, lines = describe.api(def), {}
  add(lines, "<!-- Made from the rows of the definition by `make docs`: what is wrong here is put right there. -->\n")
  add(lines, "# %s: reference\n", data.name)
  add(lines, "%s. What to do with it: [APIs](../apis.md).\n", cell(data.doc))
  hosts(lines, data)
  connection(lines, def)
  rates(lines, data)
  contents(lines, data)
  for _, op in ipairs(data.operations) do operation(lines, data, op) end
  helpers(lines, data)
  return (table.concat(lines, "\n"):gsub("\n+$", "\n"))
end

return reference
