import sys, http.client, urllib.parse
url = urllib.parse.urlparse(sys.argv[1])
body = b"x" * 2000000
c = http.client.HTTPConnection(url.hostname, url.port)
for _ in range(int(sys.argv[2])):
    c.request("POST", url.path, body, {"Content-Type": "application/octet-stream"})
    r = c.getresponse()
    r.read()
    assert r.status == 200
