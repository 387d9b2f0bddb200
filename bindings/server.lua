---@meta sluice.server

-- An HTTP/1.1 server inside the runtime: requests are values that a task accepts, and answers at any later time.
--
--   local srv = assert(server.listen{ port = 8080 })
--   for req in srv.accept, srv do
--     req:respond{ status = 200, headers = { ["content-type"] = "text/plain" }, body = "hello " .. req.path }
--   end
--
-- An answer can also be written piece by piece: `req:stream{…}`, see Stream below.

---@class sluice.server
local server = {}

---Where and how to listen.
---@class sluice.server.Options
---@field host? string             an IPv4 or IPv6 address, "127.0.0.1" unless given; "::" takes IPv4 as well
---@field port? integer            0 (any free port) unless given
---@field max_body? integer        larger requests are answered with 413; bytes, 256 MB unless given
---@field max_connections? integer 1000 unless given
---@field max_of_one? integer      the same for one client address; none of its own unless given
---@field idle_timeout? number     silent connections are closed after so many seconds, 120 unless given

---What is answered.
---@class sluice.server.Answer
---@field status? integer               200 unless given
---@field headers? table<string,string> at most 64
---@field body? string                  empty unless given

---An answer that goes wrong on its way.
---@class sluice.server.FaultyAnswer : sluice.server.Answer
---@field after? integer bytes of the body that are sent before, 0 unless given
---@field hold? number   stall: seconds of silence before the connection ends, 60 unless given

---Listens; `nil, err` when the address can't be had.
---@param options? sluice.server.Options
---@return sluice.server.Server? srv
---@return sluice.Error? err
function server.listen(options) end

---Decodes percent escapes, as they stand in `req.path`; a broken escape stays as it is.
---@param text string
---@return string
function server.unescape(text) end

---Whether the bytes are valid UTF-8 without control characters (line ends are such).
---@param bytes string
---@return boolean
function server.is_text(bytes) end

---Unpacks gzip data; `nil, err` (`protocol`) when it is not that, (`limit`) when it would be more than `max_bytes`.
---@param bytes string
---@param max_bytes integer
---@return string? text
---@return sluice.Error? err
function server.gunzip(bytes, max_bytes) end

---@class sluice.server.Server
---@field port integer the port it listens on
---@field url string   "http://127.0.0.1:8080"
local Server = {}

---Waits for the next request; nil once the server is closed. Several tasks may wait, they are served in order.
---@return sluice.server.Request?
function Server:accept() end

---Resets the connection of the next request with this method (any unless given) and a path that starts so, when
---`after` bytes (0 unless given) of its body were read. Nobody sees that request.
---@param which { method?: string, path?: string, after?: integer }
function Server:cut(which) end

---Stops listening and ends all connections; answers that were given are sent first, streams are cut off.
function Server:close() end

---A request that nobody answers gets a 500 when it is collected.
---@class sluice.server.Request
---@field method string
---@field path string                  as it was sent, percent escapes and all, without the query
---@field target string                path and query as they were sent
---@field query table<string,string>   decoded; of a name that comes twice the last value
---@field headers table<string,string> names in lower case
---@field body string
---@field peer string                  the client's address
local Request = {}

---Answers; each request once. `nil, err` when the server was closed in between.
---@param answer sluice.server.Answer
---@return true?
---@return sluice.Error? err
function Request:respond(answer) end

---Promises the whole body in Content-Length, sends `after` bytes of it and closes the connection.
---@param answer sluice.server.FaultyAnswer
---@return true?
---@return sluice.Error? err
function Request:truncate(answer) end

---Sends `after` bytes of the body, then nothing for `hold` seconds, then closes the connection.
---@param answer sluice.server.FaultyAnswer
---@return true?
---@return sluice.Error? err
function Request:stall(answer) end

---Begins an answer that is written piece by piece. `nil, err` when the server was closed in between.
---@param head? { status?: integer, headers?: table<string,string> }
---@return sluice.server.Stream?
---@return sluice.Error? err
function Request:stream(head) end

---Ends the connection by a TCP reset.
function Request:reset() end

---Sends these bytes instead of an HTTP answer and closes the connection.
---@param bytes string
---@return true?
---@return sluice.Error? err
function Request:raw(bytes) end

---An answer that is being written. One that is collected, or leaves a `<close>`, before `Stream:close()` is cut off, so
---that the client can tell.
---
---    local out <close> = assert(req:stream { headers = { ["content-type"] = "text/event-stream" } })
---    while out:write("data: " .. next_event() .. "\n\n") do end
---@class sluice.server.Stream
local Stream = {}

---Sends more; waits while more than 64 kB are unsent. `nil, err` (`cancelled`) once the client has gone or the server was
---closed. A client that leaves is noticed by sending: a stream with little to say should say so now and then. 16 MB at
---most at once.
---@param text string
---@return true?
---@return sluice.Error? err
function Stream:write(text) end

---Whether the client is still there, as far as is known.
---@return boolean
function Stream:open() end

---Ends the answer well, once all of it is sent. Does not wait; a second time it does nothing.
function Stream:close() end

return server
