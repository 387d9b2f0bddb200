import sys, requests
session = requests.Session()
for _ in range(int(sys.argv[2])):
    r = session.get(sys.argv[1])
    assert r.status_code == 200
