---@meta sluice.call
--- The one way to an API: connections, and calls that wait for their slot, carry the credentials, judge the answer and
--- are sent again where that is safe. Recipes use clients (`sluice.connect`), which make requests of definitions; this
--- module is what those clients stand on. Seconds everywhere.

local call = {}

---@class sluice.call.Request as `sluice.request` makes it
---@field operation string name for messages
---@field method string
---@field url string whole, without the token; `{token}` where a login token goes into the path
---@field headers? table<string, string>
---@field body? string|sluice.Chunk|(string|sluice.Secret)[] text, a chunk (not copied), or pieces: secrets go in as JSON strings
---@field gzip? boolean compress the body
---@field class string rate class
---@field resource? string what the class counts by
---@field resend? "safe"|"unsafe"|"never_automatic" default unsafe
---@field counted? boolean each resend leaves a trace
---@field success? integer[] success statuses, default 200
---@field deliver? integer[] other statuses whose body is a result when it has the expected key
---@field expect? string key that a success must have
---@field truth? string key that must not be false
---@field outcomes? sluice.call.Outcome[] tell answers of one status apart; the first that fits decides, whatever is said above
---@field intent? sluice.Intent of the outbox: it is noted as sent before the first byte of each attempt, or nothing is sent
---@field anonymous? boolean without credentials
---@field renew? boolean false: never log in again because of this answer
---@field timeout? number of one request
---@field deadline? number of the whole call

---@class sluice.call.Outcome
---@field status integer
---@field says? string a part of the body as it came; left out: whatever it says
---@field outcome string as in `sluice.retry`
---@field code? string of the error
---@field attempts? integer at most so many in all

---@class sluice.call.Answer
---@field status integer
---@field headers table<string, string> names in lower case
---@field body string
---@field attempts integer requests that were sent
---@field resent integer resends that leave a trace
---@field waited number for slots and before resends
---@field took number in all

---@class sluice.call.Stats
---@field calls integer
---@field requests integer attempts of all calls
---@field retries integer
---@field limited integer answers 429
---@field failed integer calls that ended in an error
---@field waited number seconds, for slots and before resends
---@field waited_budget number seconds, for slots of the rate budget alone
---@field bytes_up integer
---@field bytes_down integer
---@field outcomes table<string, integer> requests by outcome: ok, partial, rejected, auth, limited, unavailable, ambiguous; those of 0 are left out

---@class sluice.call.Connection
--- `call` waits; beside an error comes the body of the answer, masked, and its head { status, headers }, where one came.
---@field call fun(self, request: sluice.call.Request): sluice.call.Answer?, sluice.Error?, string?, table?
---@field login fun(self): sluice.call.Answer?, sluice.Error?, string?, table? logs in whatever token there is; waits
---@field stats fun(self): sluice.call.Stats

---@class sluice.call.Options
---@field name string for messages
---@field api? string
---@field account? string what tells accounts apart in budgets and token cells
---@field hosts string[] base URLs; credentials go to these alone
---@field credential? table { kind, header, username, secret, query, login, key }; OAuth's are made by `sluice.oauth`
---@field rates? table<string, string> rates by class: "3/s"
---@field limits? table<string, string> the connection's own rates, which take their place
---@field learn? { limit?: string, remaining?: string, reset?: string, retry_after?: string } names of answer headers
---@field timeout? number default 60
---@field deadline? number default 600
---@field proxy? string
---@field ca_file? string
---@field client_cert? string PEM file
---@field client_key? string PEM file
---@field insecure? boolean credentials may go over plain http to other machines

--- A connection. Raises `config` errors.
---@param options sluice.call.Options
---@return sluice.call.Connection
function call.connection(options) end

--- Where rate budgets and login tokens are shared between processes: a folder, nil for the user's own (the default), false
--- for nowhere. A usage error while a call is under way.
---@param folder? string|false
function call.share(folder) end

--- From now on a person waits for the calls of this process (or no longer): they wait one slot behind bulk jobs of the same
--- account at most.
---@param yes boolean
function call.interactive(yes) end

--- What a call does with an intent of the outbox right before it sends: for replays.
---@param intent sluice.Intent
function call.mark(intent) end

--- Sums over all connections of this process.
---@return sluice.call.Stats
function call.stats() end

return call
