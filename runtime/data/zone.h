/* A time zone: which offset from UTC holds when. Pure: made from the bytes of a TZif file (RFC 9636), whoever read them.
 *
 *   sl_zone *zone = sl_zone_parse(SL_STR("Europe/Berlin"), bytes, &err);
 *   sl_zone_span now = sl_zone_at(zone, t_s);                   // now.offset_s holds in [now.start_s, now.end_s)
 *   sl_zone_span next = sl_zone_at(zone, now.end_s);            // behind the next clock change
 *   sl_zone_span last = sl_zone_at(zone, now.start_s - 1);      // before the last one
 *   sl_zone_free(zone);
 *
 * Neighbouring spans have different offsets: a change of the abbreviation alone is none. Behind the table of the file its
 * rule ("CET-1CEST,M3.5.0,M10.5.0/3") goes on for ever. Whether an offset counts as daylight saving time plays no part.
 */
#ifndef SL_DATA_ZONE_H
#define SL_DATA_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Offsets are smaller than this, to both sides. */
enum { SL_ZONE_OFFSET_MAX = 26 * 3600 };

/* The largest file that is read; those of the IANA database have 4 KB at most. */
enum { SL_ZONE_BYTES_MAX = 256 * 1024 };

typedef struct sl_zone sl_zone;

typedef struct sl_zone_span {
    int64_t start_s; /* INT64_MIN: since ever */
    int64_t end_s;   /* INT64_MAX: for ever */
    int32_t offset_s;
} sl_zone_span;

/* Whether a text can be the name of a zone at all, before a file of that name is looked for: no paths (/…, ..), no POSIX
 * rules (CET-1CEST,M3.5.0,…), none of the names under which the zoneinfo folder keeps something else (posixrules,
 * localtime, posix/…, right/…, zone.tab). -1 with SL_CONFIG, the reason and a hint. */
int sl_zone_check_name(sl_str name, sl_err *err);

/* The zone in the bytes of a TZif file, versions 1 to 4. Owned by the caller; keeps nothing of `bytes`. NULL with
 * SL_INVALID: no such file, cut off, with leap seconds (`right/…`), a rule that can't be read. */
sl_zone *sl_zone_parse(sl_str name, sl_str bytes, sl_err *err);

/* UTC, which needs no file. */
sl_zone *sl_zone_utc(sl_err *err);

/* One owner more; each calls sl_zone_free. */
sl_zone *sl_zone_share(sl_zone *zone);
void sl_zone_free(sl_zone *zone);

/* Borrowed from the zone. */
const char *sl_zone_name(const sl_zone *zone);

/* The span that a time lies in. */
sl_zone_span sl_zone_at(const sl_zone *zone, int64_t t_s);

#endif
