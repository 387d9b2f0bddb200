---@meta sluice.ndjson
--- NDJSON: lines of JSON, read one by one at constant memory, changed where they are to change, and written back byte for
--- byte where not.
---
---     local ndjson = require "sluice.ndjson"
---     for rec in ndjson.records "products.ndjson" do
---       if rec.qty > 0 then
---         rec.price = rec.price * 1.1                            -- everything else stays as it came; nil removes a field
---         rec.variants[1].price = rec.price                      -- nested values are views of the record
---         ndjson.map(rec, "variants[*].cost", function(cost) return cost * 1.1 end)
---         out:write(rec)
---       end
---     end
---
--- A record gives its fields as `json.decode` would (`json.null` for null, `json.number` beyond 64 bits), but arrays and
--- objects as views: `#`, `ipairs` and `pairs` (in the order of the file) work on them, and what is assigned to them
--- changes the record. What is assigned is copied. A view whose value is replaced or removed goes on as a record of its
--- own. Arrays never get holes: `rec.list[#rec.list + 1] = x` appends, `table.insert`, `table.remove` and `table.sort` work.
--- Of two fields with the same name the last counts; after an assignment there is one. Records may be kept.
---
--- Fields are data, whatever their names; so what acts on a record is a function of this module.

local ndjson = {}

---@class sluice.ndjson.Record
---@field [string] any

---@class sluice.ndjson.BadLine a line that is no record. Any other field raises what is wrong with the line
---@field line integer from 1, blank lines counted
---@field offset integer of its first byte in the input
---@field length integer bytes
---@field reason string why, with the column: "column 12: expected a value"
---@field raw string its text; of a line that is too long the first 1,000 bytes
---@field source string the name of the file

---@class sluice.ndjson.Reader
---@field skipped fun(self): integer bad lines that were passed over
---@field lines fun(self): integer lines so far, blank ones counted
---@field close fun(self) nothing more is read

---@class sluice.ndjson.ReadOptions
---@field bad? "value"|"skip"|"raise" what becomes of a line that is none: a `sluice.ndjson.BadLine` (the default), nothing (it is counted), an error
---@field max_line_bytes? integer longest line, default 2 MiB; a longer one is a bad line

--- Iterates over the records of a source. Each line is checked in full (grammar and UTF-8) whatever is read of it. Blank
--- lines, `\r` and a byte order mark at the start are passed over. The iterator raises what the source fails with; the
--- end of the source is nil. A loop that is left early closes the file. (waits, where the source does)
--- A source is a path, "-" for standard input, a Lua file, a function that gives the next piece of text (nil at the end;
--- nil and an error), an object with such a method `read`, or with `chunks`, which gives such a function (a streamed answer).
---@param source string|file*|function|table|userdata
---@param options? sluice.ndjson.ReadOptions
---@return fun(): sluice.ndjson.Record|sluice.ndjson.BadLine|nil iterator raises `not_found` and `state` for files
---@return sluice.ndjson.Reader reader
function ndjson.records(source, options) end

--- The same with plain tables and values, as `json.decode` gives them: for scripts that use most of each line.
---@param source string|file*|function|table|userdata
---@param options? sluice.ndjson.ReadOptions
---@return fun(): any iterator
---@return sluice.ndjson.Reader reader
function ndjson.values(source, options) end

--- Whether a value stands for a line that is no record.
---@param value any
---@return boolean
function ndjson.bad(value) end

--- One record of a text. Line ends between its tokens are taken out, so that it is one line.
---@param text string JSON of an object or an array
---@return sluice.ndjson.Record? record
---@return sluice.Error? err `invalid`, with the place
function ndjson.record(text) end

--- Iterates over the records in an array of a JSON text (an answer of an API), without making tables of it. An element
--- that is no object or array is a `sluice.ndjson.BadLine`, its `line` the number of the element.
---@param text string|sluice.ndjson.Record raises `invalid` where it is no JSON, or has no array at the path
---@param path? string of the array, as in `get`; default the text itself
---@return fun(): sluice.ndjson.Record|sluice.ndjson.BadLine|nil iterator
function ndjson.elements(text, path) end

--- The whole record as tables, as `json.decode` gives them.
---@param rec sluice.ndjson.Record
---@return any value
function ndjson.totable(rec) end

--- The value at a path: `a.b[2].c`, `["odd key"].x`; nil where there is none. With `[*]` (each element of an array, each
--- member of an object) the list of all values there.
---@param rec sluice.ndjson.Record
---@param path string
---@return any value
function ndjson.get(rec, path) end

--- Changes each value at a path: `ndjson.map(rec, "variants[*].price", function(price) return price * 2 end)`.
---@param rec sluice.ndjson.Record
---@param path string
---@param fn fun(value: any): any the new value; nil leaves it as it is
---@return integer count values there were
function ndjson.map(rec, path, fn) end

--- A new record that has the values at these paths alone, byte for byte, in this order. A path that leads nowhere gives no
--- field; one with `[*]` gives the list of all values there.
---@param rec sluice.ndjson.Record
---@param paths string[]
---@param names? string[] of the fields; default the paths as they are written
---@return sluice.ndjson.Record
function ndjson.select(rec, paths, names) end

--- Gives a field another name; it keeps its place. A field that had that name goes.
---@param rec sluice.ndjson.Record
---@param from string
---@param to string
---@return boolean renamed false where there is no `from`
function ndjson.rename(rec, from, to) end

--- The text of the record as it would be written. `tostring` gives the same.
---@param rec sluice.ndjson.Record
---@return string text
function ndjson.raw(rec) end

--- 32 digits that tell the text of the record from any other's: two that are the same are the same record. Quick, and
--- the same on every machine; not for defence against somebody who makes texts to be confused (that is `sluice.crypto`).
---@param rec sluice.ndjson.Record
---@return string digits
function ndjson.fingerprint(rec) end

--- The names of the fields in the order of the text, each once.
---@param rec sluice.ndjson.Record
---@return string[] names
function ndjson.keys(rec) end

---@class sluice.ndjson.WriteOptions
---@field append? boolean write behind what is in the file (a last line that a crash cut off is ended first)

---@class sluice.ndjson.Writer
---@field write fun(self, record: sluice.ndjson.Record|table|string): sluice.ndjson.Writer one line; raises `invalid`, `state` (the disk is full)
---@field close fun(self) ends it; a file is durable and in its place afterwards, or `state` is raised
---@field abort fun(self) drops it: the file at the path stays as it was
---@field count fun(self): integer lines written so far

--- Writes lines. A file is written aside and comes into its place when the writer is closed; one that is not closed is
--- dropped. Standard output, Lua files and appended files get what was written in pieces of 128 KiB, the rest when the
--- writer is closed (or goes away); standard output gets each line at once where it is a terminal. A record is written as
--- it stands, a table or value as JSON, a string as the JSON text that it is; of what is no JSON nothing is written.
---@param target string|file* a path, "-" for standard output, a Lua file (it stays open)
---@param options? sluice.ndjson.WriteOptions
---@return sluice.ndjson.Writer writer raises `state` or `not_found` where it can't be opened
function ndjson.writer(target, options) end

---@class sluice.ndjson.ChunkOptions
---@field max_records? integer default 10,000
---@field max_bytes? integer default 8,000,000, line ends counted
---@field max_record_bytes? integer default 1,000,000, without the line end
---@field require_id? string the field that must hold a number or a text that is not empty
---@field track_ids? boolean remember which ids it holds (with require_id), for `meets`

--- NDJSON in one piece, to be sent: exactly one line end after each record, no blank lines. Request bodies take it.
---@class sluice.ndjson.Chunk
---@field put fun(self, record: sluice.ndjson.Record|table|string): boolean?, sluice.Error? false: full, send it first; nil: no chunk takes it
---@field take fun(self, x: any): boolean, boolean? true: it is in (true, true: after a thousand records or 256 kB more); false: `put` says why not
---@field count fun(self): integer records
---@field bytes fun(self): integer
---@field text fun(self): string all lines
---@field line fun(self, n: integer): string? line n from 1, without its end
---@field lines fun(self): fun(): integer, string iterator of number and line
---@field ids fun(self): table<string, boolean> the ids of its records (see require_id) as keys
---@field meets fun(self, other: sluice.ndjson.Chunk): boolean whether both hold a record of the same id; for chunks that track them
---@field clear fun(self): sluice.ndjson.Chunk

--- An empty chunk.
---@param options? sluice.ndjson.ChunkOptions
---@return sluice.ndjson.Chunk
function ndjson.chunk(options) end

return ndjson
