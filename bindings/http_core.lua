---@meta sluice.http_core
--- What `sluice.http` is made of: requests in one piece, exchanges for those who stream, and the encodings of URLs. Use
--- `sluice.http`; the options are described there.

local http_core = {}

---@class sluice.http.Exchange one request with its answer, while it is under way
---@field write fun(self, value: any): boolean?, sluice.Error? text, or a record or table as a line; false: wait for `room` then
---@field room fun(self): true?, sluice.Error? waits until `write` may go on
---@field finish fun(self): true?, sluice.Error? the body is complete
---@field head fun(self): sluice.http.Response?, sluice.Error? waits for the answer (with `stream` for its headers)
---@field read fun(self): string?, sluice.Error? the next piece of a streamed body; nil at its end
---@field close fun(self) ends it, whatever its state

--- One request with its answer (waits).
---@param method string
---@param url string
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http_core.request(method, url, options) end

--- Sends a request off whose body will be written piece by piece.
---@param method string
---@param url string
---@param options? sluice.http.Options without a body
---@return sluice.http.Exchange?
---@return sluice.Error? err
function http_core.open(method, url, options) end

--- Raises a usage error for options that no request could take.
---@param options table
function http_core.check(options) end

--- Connections at a time to one host, and kept in all.
---@param limits { per_host?: integer, total?: integer }
function http_core.pool(limits) end

--- The URL with values added to its query.
---@param url string
---@param query? table
---@return string
function http_core.query(url, query) end

--- The text of a form.
---@param values table
---@return string
function http_core.form(values) end

--- The values of options that are not given.
---@return table
function http_core.defaults() end

return http_core
