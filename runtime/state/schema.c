/* The schema as a list of steps; PRAGMA user_version says how many of them a file has seen. A step is never changed
 * once it was released: what comes later is another step.
 *
 * Rows of `seen` are in the order (modified, id, digest) of a feed, so that a feed appends at the end of the tree, and
 * what is too old is a range at its front. `generation` is that of the commit that makes a row count; those before the
 * cursor's `first` count no more, and are on their way out. */
#include <stdio.h>

#include "state/store_in.h"

#define APPLICATION 0x736c7563 /* "sluc" */

static const char *const steps[] = {
    "CREATE TABLE cursors ("
    "  id INTEGER PRIMARY KEY,"
    "  recipe TEXT NOT NULL, name TEXT NOT NULL, account TEXT NOT NULL, args TEXT NOT NULL,"
    "  position TEXT, generation INTEGER NOT NULL DEFAULT 0, dirty INTEGER NOT NULL DEFAULT 0,"
    "  seen INTEGER NOT NULL DEFAULT 0, committed_ms INTEGER,"
    "  UNIQUE (recipe, name, account, args));"
    "CREATE TABLE seen ("
    "  cursor INTEGER NOT NULL, modified TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,"
    "  generation INTEGER NOT NULL,"
    "  PRIMARY KEY (cursor, modified, id, digest, generation),"
    "  FOREIGN KEY (cursor) REFERENCES cursors (id) ON DELETE CASCADE) WITHOUT ROWID;"
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  recipe TEXT NOT NULL, args TEXT NOT NULL, pid INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL, finished_ms INTEGER, exit_code INTEGER, error TEXT,"
    "  read INTEGER, added INTEGER, sent INTEGER, unchanged INTEGER, skipped INTEGER, rejected INTEGER, unknown "
    "INTEGER,"
    "  batches INTEGER, requests INTEGER, waited_ms INTEGER, peak_bytes INTEGER);"
    "CREATE TABLE batches ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  run INTEGER, api TEXT NOT NULL, account TEXT NOT NULL, resource TEXT NOT NULL, batch TEXT NOT NULL,"
    "  records INTEGER NOT NULL, detail TEXT NOT NULL, put_ms INTEGER NOT NULL, done_ms INTEGER, verdict TEXT,"
    "  UNIQUE (api, account, resource, batch));"
    "CREATE INDEX batches_open ON batches (api, account, resource) WHERE done_ms IS NULL;"
    "CREATE TABLE tokens ("
    "  host TEXT NOT NULL, account TEXT NOT NULL, token TEXT NOT NULL,"
    "  obtained_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, before_ms INTEGER NOT NULL,"
    "  generation INTEGER NOT NULL,"
    "  PRIMARY KEY (host, account)) WITHOUT ROWID;",

    "CREATE TABLE sinks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mark INTEGER NOT NULL);"
    "CREATE TABLE sent ("
    "  sink INTEGER NOT NULL, id TEXT NOT NULL, mark INTEGER NOT NULL,"
    "  PRIMARY KEY (sink, id),"
    "  FOREIGN KEY (sink) REFERENCES sinks (id) ON DELETE CASCADE) WITHOUT ROWID;",

    "ALTER TABLE cursors ADD COLUMN first INTEGER NOT NULL DEFAULT 0;",

    "CREATE TABLE outbox ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  host TEXT NOT NULL, account TEXT NOT NULL, operation TEXT NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL,"
    "  state TEXT NOT NULL, body TEXT, digest TEXT NOT NULL, answer TEXT, note TEXT,"
    "  attempts INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL,"
    "  intended_ms INTEGER NOT NULL, sent_ms INTEGER, sent_up_ms INTEGER, sent_boot TEXT, settled_ms INTEGER, looked_ms INTEGER,"
    "  negatives INTEGER NOT NULL DEFAULT 0,"
    "  UNIQUE (host, account, operation, scope, key));"
    "CREATE INDEX outbox_key ON outbox (key);"
    "CREATE INDEX outbox_open ON outbox (state) WHERE state <> 'confirmed';",

    "CREATE TABLE chores (name TEXT PRIMARY KEY, done_ms INTEGER NOT NULL) WITHOUT ROWID;",

    "ALTER TABLE tokens ADD COLUMN refresh TEXT NOT NULL DEFAULT '';",

    /* An occurrence is open as long as it has no ended_ms. The index `occurrences_timed` is what makes one due time one row. */
    "CREATE TABLE daemons ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  pid INTEGER NOT NULL, started_ms INTEGER NOT NULL, stopped_ms INTEGER, note TEXT);"
    "CREATE TABLE schedules ("
    "  name TEXT PRIMARY KEY, version INTEGER NOT NULL UNIQUE, spec TEXT NOT NULL, seen_ms INTEGER NOT NULL,"
    "  failures INTEGER NOT NULL DEFAULT 0,"
    "  paused_ms INTEGER, paused_until_ms INTEGER, pause_note TEXT, paused_by TEXT,"
    "  stalled TEXT, stalled_ms INTEGER, told TEXT) WITHOUT ROWID;"
    "CREATE TABLE occurrences ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  schedule TEXT NOT NULL, due_ms INTEGER NOT NULL, until_ms INTEGER, count INTEGER NOT NULL DEFAULT 1,"
    "  kind TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT, reason TEXT, note TEXT,"
    "  start_ms INTEGER, attempt INTEGER NOT NULL DEFAULT 0, run INTEGER,"
    "  owner INTEGER, fence INTEGER NOT NULL DEFAULT 0,"
    "  args TEXT, uses TEXT, batch INTEGER, parallel INTEGER, cancel INTEGER NOT NULL DEFAULT 0,"
    "  made_ms INTEGER NOT NULL, started_ms INTEGER, ended_ms INTEGER);"
    "CREATE UNIQUE INDEX occurrences_timed ON occurrences (schedule, due_ms) WHERE kind = 'timed';"
    "CREATE UNIQUE INDEX occurrences_batch ON occurrences (batch, due_ms) WHERE batch IS NOT NULL;"
    "CREATE INDEX occurrences_schedule ON occurrences (schedule, due_ms);"
    "CREATE INDEX occurrences_due ON occurrences (due_ms);"
    "CREATE INDEX occurrences_until ON occurrences (until_ms) WHERE until_ms IS NOT NULL;"
    "CREATE INDEX occurrences_span ON occurrences (schedule, until_ms) WHERE until_ms IS NOT NULL;"
    "CREATE INDEX occurrences_open ON occurrences (schedule, due_ms) WHERE ended_ms IS NULL;"
    "CREATE INDEX occurrences_running ON occurrences (batch, uses) WHERE state = 'running';"
    "ALTER TABLE runs ADD COLUMN occurrence INTEGER;"
    "ALTER TABLE runs ADD COLUMN schedule TEXT;"
    "ALTER TABLE runs ADD COLUMN attempt INTEGER;"
    "ALTER TABLE runs ADD COLUMN outcome TEXT;"
    "ALTER TABLE runs ADD COLUMN log TEXT;"
    "ALTER TABLE runs ADD COLUMN moved INTEGER;"
    "ALTER TABLE runs ADD COLUMN delivered TEXT;"
    "ALTER TABLE runs ADD COLUMN outcomes TEXT;"
    "CREATE INDEX runs_occurrence ON runs (occurrence);"
    "CREATE INDEX runs_schedule ON runs (schedule) WHERE schedule IS NOT NULL;",

    "ALTER TABLE runs ADD COLUMN letters INTEGER;",
};

#define STEPS ((int64_t)(sizeof steps / sizeof steps[0]))

static int read_number(sl_sql *db, const char *pragma, int64_t *out, sl_err *err) {
    if (sl_sql_row(db, pragma, NULL, 0, err) < 0) return -1;
    *out = sl_sql_int(db, 0);
    return sl_sql_next(db, err) < 0 ? -1 : 0;
}

/* A database of somebody else must not get our tables. */
static int check_owner(sl_sql *db, const char *path, sl_err *err) {
    int64_t owner, tables;
    if (read_number(db, "PRAGMA application_id", &owner, err) < 0) return -1;
    if (read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0) return -1;
    if (owner == APPLICATION || (owner == 0 && tables == 0)) return 0;
    sl_fail(err, SL_STATE, 0, "%s is an SQLite file of another program", path);
    return sl_hint(err, "set `store:` to a file that sluice may make");
}

static int migrate(sl_sql *db, const char *path, sl_err *err) {
    int64_t version;
    if (check_owner(db, path, err) < 0 || read_number(db, "PRAGMA user_version", &version, err) < 0) return -1;
    for (; version < STEPS; version++)
        if (sl_sql_script(db, steps[version], err) < 0) return -1;
    char text[100];
    snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, (int)STEPS);
    return sl_sql_script(db, text, err);
}

int sl_schema_check(sl_sql *db, const char *path, int64_t *version, sl_err *err) {
    if (check_owner(db, path, err) < 0 || read_number(db, "PRAGMA user_version", version, err) < 0) return -1;
    if (*version <= STEPS && *version >= 0) return 0;
    sl_fail(err, SL_STATE, 0, "%s has schema %lld, this sluice knows up to %lld", path, (long long)*version,
            (long long)STEPS);
    return sl_hint(err, "it was written by a newer sluice: use that one, or set `store:` to another file");
}

int64_t sl_schema_known(void) {
    return STEPS;
}

int sl_schema_migrate(sl_sql *db, const char *path, sl_err *err) {
    int64_t version;
    if (sl_schema_check(db, path, &version, err) < 0) return -1;
    if (version == STEPS) return 0;
    if (sl_sql_begin(db, SL_SQL_DURABLE, err) < 0) return -1;
    return sl_sql_end(db, migrate(db, path, err), err);
}
