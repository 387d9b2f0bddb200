import sys, http.client, urllib.parse
url = urllib.parse.urlparse(sys.argv[1])
c = http.client.HTTPConnection(url.hostname, url.port)
for _ in range(int(sys.argv[2])):
    c.request("GET", url.path)
    r = c.getresponse()
    r.read()
    assert r.status == 200
