# state_sqlite.py DIR CHUNKS SIZE: the same rows by sqlite3's executemany, synchronous = FULL, the same transactions.
# state_sqlite.py same DIR: whether both have the same rows, in value.
import glob, json, sqlite3, sys, time

SCHEMA = """
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT,
  host TEXT NOT NULL, account TEXT NOT NULL, operation TEXT NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL,
  state TEXT NOT NULL, body TEXT, digest TEXT NOT NULL, answer TEXT, note TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL,
  intended_ms INTEGER NOT NULL, sent_ms INTEGER, sent_up_ms INTEGER, sent_boot TEXT, settled_ms INTEGER, looked_ms INTEGER,
  negatives INTEGER NOT NULL DEFAULT 0,
  UNIQUE (host, account, operation, scope, key));
CREATE INDEX outbox_key ON outbox (key);
CREATE INDEX outbox_open ON outbox (state) WHERE state <> 'confirmed';
CREATE TABLE letters (id INTEGER PRIMARY KEY, time TEXT, recipe TEXT, run INTEGER, reason TEXT, record TEXT);
"""
PLAN = "INSERT INTO outbox (host, account, operation, scope, key, state, body, digest, run, intended_ms) VALUES (?,?,?,?,?,?,?,?,?,?)"
SEND = "UPDATE outbox SET state = 'sent', sent_ms = ?, sent_up_ms = ?, sent_boot = ?, attempts = attempts + 1 WHERE id = ?"
SETTLE = "UPDATE outbox SET state = 'confirmed', settled_ms = ?, answer = 'ok' WHERE id = ?"
LETTER = "INSERT INTO letters (time, recipe, run, reason, record) VALUES (?,?,?,?,?)"
COLUMNS = "SELECT id, host, account, operation, scope, key, state, body, digest, answer, note, attempts, run FROM outbox ORDER BY id"


def work(folder, chunks, size):
    db = sqlite3.connect(folder + "/peer.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(SCHEMA)
    spent = {"plan": 0, "send": 0, "settle": 0, "letters": 0}

    def chunk(what, sql, rows):
        start = time.monotonic()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(sql, rows)
        db.execute("COMMIT")
        spent[what] += time.monotonic() - start

    now, boot = int(time.time() * 1000), "0b7db0ce-5a4a-4a3c-9c5a-0b7db0ce5a4a"
    for c in range(chunks):
        numbers = range(c * size + 1, (c + 1) * size + 1)
        bodies = ['{"id":"A-%08d","price":1%08d.5,"text":"%s"}' % (n, n, "y" * 153) for n in numbers]
        rows = [("https://x", "bob", "post", "", "A-%08d" % n, "intended", b, "%064d" % n, 3, now) for n, b in zip(numbers, bodies)]
        chunk("plan", PLAN, rows)
        chunk("send", SEND, [(now, 1000, boot, n) for n in numbers])
        chunk("settle", SETTLE, [(now, n) for n in numbers])
        chunk("letters", LETTER, [("2026-11-28T18:00:00Z", "bench", 1, "too large", b) for b in bodies])
    print(json.dumps(spent))


def value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def same(folder):
    ours, peer = sqlite3.connect(folder + "/ours.db"), sqlite3.connect(folder + "/peer.db")
    a, b = ours.execute(COLUMNS).fetchall(), peer.execute(COLUMNS).fetchall()
    if a != b or not a:
        sys.exit("the outbox has other rows than the peer's: %d and %d" % (len(a), len(b)))
    lines = [json.loads(line) for line in open(glob.glob(folder + "/dlq/*.ndjson")[0])]
    a = [(x["recipe"], x["run"], x["reason"], x["record"]) for x in lines]
    b = [(r[0], r[1], r[2], value(r[3])) for r in peer.execute("SELECT recipe, run, reason, record FROM letters ORDER BY id")]
    if a != b:
        sys.exit("the dead letters are other ones than the peer's: %d and %d" % (len(a), len(b)))


if sys.argv[1] == "same":
    same(sys.argv[2])
else:
    work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
