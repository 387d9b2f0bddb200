---@meta sluice.auth
--- Secrets: values that a script can hand on and not read. `tostring` gives `***`, and so does concatenation; what is
--- made a secret is masked in all output from then on.
---
---     local shop = sluice.connect { api = "stock2shop", username = "bob", password = auth.secret(os.getenv "PASSWORD") }

local auth = {}

---@class sluice.Secret

--- Closes a text. A secret is given back as it is.
---@param text string|sluice.Secret
---@return sluice.Secret
function auth.secret(text) end

--- Whether a value is a secret.
---@param value any
---@return boolean
function auth.is(value) end

--- What tells secrets apart without telling them: the first 16 hex digits of the SHA-256.
---@param secret sluice.Secret|string
---@return string
function auth.fingerprint(secret) end

return auth
