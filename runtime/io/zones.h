/* The time zones of the machine's zoneinfo folder, each read once and shared by all who ask for it.
 *
 *   sl_zones *zones = sl_zones_new(NULL);                              // $TZDIR, else /usr/share/zoneinfo
 *   sl_zone *zone = sl_zones_get(zones, SL_STR("Europe/Berlin"), &err);
 *   …
 *   sl_zone_free(zone);                                                // the caller's share; may outlive `zones`
 *   sl_zones_free(zones);
 *
 * A file that was changed (an update of the machine's zone data) is read again when its zone is asked for the next time.
 * The process's own zone (TZ, /etc/localtime) plays no part. Not for several threads.
 */
#ifndef SL_IO_ZONES_H
#define SL_IO_ZONES_H

#include "data/zone.h"

typedef struct sl_zones sl_zones;

/* NULL when memory is out. `folder` is copied. */
sl_zones *sl_zones_new(const char *folder);
void sl_zones_free(sl_zones *zones);

/* A share of the zone, for the caller to free. NULL with SL_CONFIG: no name of a zone, or none that the folder has (the hint
 * names a near one); SL_STATE where a file can't be read. UTC is there without any folder. */
sl_zone *sl_zones_get(sl_zones *zones, sl_str name, sl_err *err);

#endif
