-- A private nginx on loopback, as a real peer.
--
--   local server = nginx.start { server = "location / { return 200 'hello'; }" }
--   server.url, server.dir (its folder; html/ is the root), server:stop()
--   nginx.start { tls = true, server = …, main = … }    -- https with a certificate of its own: server.ca, …
local peer = require "support.peer"
local tmp = require "support.tmp"

local nginx = {}
nginx.__index = nginx

local template = [[
daemon off; master_process off; pid %(dir)s/pid; error_log %(dir)s/error.log;
%(main)s
events { worker_connections 512; }
http {
  access_log off; client_max_body_size 0; client_body_buffer_size 64k; keepalive_requests 1000000;
  client_body_temp_path %(dir)s/body; proxy_temp_path %(dir)s/proxy; fastcgi_temp_path %(dir)s/fastcgi;
  uwsgi_temp_path %(dir)s/uwsgi; scgi_temp_path %(dir)s/scgi;
  %(http)s
  server { listen 127.0.0.1:%(port)d %(listen)s; server_name localhost; root %(dir)s/html; %(server)s }
}
]]

function nginx.start(options)
  local dir, port = tmp.dir(), options.port or peer.ports(1)
  assert(os.execute("mkdir " .. dir .. "/html"))
  local values = {
    dir = dir, port = port, main = options.main or "", http = options.http or "",
    listen = options.listen or "", server = options.server or "",
  }
  tmp.write(dir .. "/nginx.conf", (template:gsub("%%%((%w+)%)[sd]", function(name) return tostring(values[name]) end)))
  local line, pipe = peer.start("run", port, "/usr/sbin/nginx", "-p", dir, "-c", dir .. "/nginx.conf", "-e", dir .. "/error.log")
  assert(line == "ready", line)
  return setmetatable({ dir = dir, port = port, pipe = pipe, url = "http://127.0.0.1:" .. port, tls_url = "https://localhost:" .. port }, nginx)
end

function nginx:stop() self.pipe:close() end

return nginx
