/* slots HOW N FOLDER: takes N slots of a budget that is never full, as a call does: "mapped" by state/budget, "sqlite" by one
 * UPDATE … RETURNING in a WAL database, which is what one would write instead. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/budget.h"

static int mapped(const char *folder, long n) {
    sl_err err;
    sl_budget *b = sl_budget_open(folder, &err);
    if (!b) return fprintf(stderr, "%s\n", err.msg), 1;
    sl_limit_key key = {SL_STR("https://api.example:443"), SL_STR("bench"), SL_STR("api"), SL_STR("")};
    sl_rates rates;
    sl_rates_parse(&rates, SL_STR("1000000/s"), &err);
    for (long i = 0; i < n; i++) {
        int64_t now;
        if (sl_budget_lock(b, &now) != 1) return 1;
        sl_limits *t = sl_budget_limits(b);
        int w = sl_limits_join(t, sl_limits_find(t, &key, now, &err), sl_budget_owner(b), false, now, &err);
        while (sl_limits_ask(t, w, &rates, now).wait_us > 0) now++;
        sl_budget_unlock(b);
        sl_limits_leave(t, w);
    }
    sl_budget_close(b);
    return 0;
}

static int sqlite(const char *folder, long n) {
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *take;
    snprintf(path, sizeof path, "%s/slots.db", folder);
    if (sqlite3_open(path, &db)) return 1;
    sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE IF NOT EXISTS b (id INTEGER PRIMARY KEY,"
                     " tat INTEGER); INSERT OR IGNORE INTO b VALUES (1, 0)", NULL, NULL, NULL);
    if (sqlite3_prepare_v2(db, "UPDATE b SET tat = max(tat, ?) + 1 WHERE id = 1 RETURNING tat", -1, &take, NULL)) return 1;
    for (long i = 0; i < n; i++) {
        sqlite3_bind_int64(take, 1, i);
        if (sqlite3_step(take) != SQLITE_ROW) return 1;
        sqlite3_step(take);
        sqlite3_reset(take);
    }
    sqlite3_finalize(take);
    return sqlite3_close(db);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    long n = strtol(argv[2], NULL, 10);
    return strcmp(argv[1], "mapped") == 0 ? mapped(argv[3], n) : sqlite(argv[3], n);
}
