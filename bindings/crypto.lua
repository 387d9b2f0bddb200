---@meta sluice.crypto
--- Digests, base64 and random bytes (OpenSSL's libcrypto).

local crypto = {}

---@param text string
---@return string hex 32 digits
function crypto.md5(text) end

---@param text string
---@return string hex 40 digits
function crypto.sha1(text) end

---@param text string
---@return string hex 64 digits
function crypto.sha256(text) end

--- The keyed digest of RFC 2104. An unknown name is a usage error.
---@param name "md5"|"sha1"|"sha256"|"sha512"
---@param key string
---@param text string
---@return string hex
function crypto.hmac(name, key, text) end

--- Base64 with padding.
---@param bytes string
---@return string
function crypto.base64(bytes) end

--- The bytes of a base64 text; takes the URL alphabet and missing padding too.
---@param text string
---@return string? bytes
---@return sluice.Error? err code `invalid`
function crypto.unbase64(text) end

--- Random bytes fit for keys.
---@param n integer 1 to 4096
---@return string
function crypto.random(n) end

--- For recordings and replays: from now on `random` gives bytes that follow from this text, so that a replay makes the ids that
--- were recorded; nil: random ones again.
---@param text string?
function crypto.seed(text) end

return crypto
